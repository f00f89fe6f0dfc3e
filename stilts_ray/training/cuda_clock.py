"""Timing on a CUDA stream."""

import torch


class StreamClock:
    """Records CUDA events in the current stream of a device, between the kernels launched before and after. The host never
    waits. The time between two events includes the device's idle time."""

    def __init__(self, device: torch.device) -> None:
        self.stream = torch.cuda.current_stream(device)

    def mark(self) -> torch.cuda.Event:
        """An event at this point of the stream."""
        event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record(self.stream)
        return event

    def seconds(self, begin: torch.cuda.Event, end: torch.cuda.Event) -> float | None:
        """Time between two events, in seconds; None until the device has reached the later one."""
        return begin.elapsed_time(end) / 1000 if end.query() else None  # type: ignore[no-untyped-call]

    def finish(self) -> None:
        """Waits until the device has finished all work in the stream."""
        self.stream.synchronize()
