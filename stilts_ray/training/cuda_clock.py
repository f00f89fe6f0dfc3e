"""The clock of a GPU's stream of work."""

import torch


class StreamClock:
    """Marks moments as events in a device's current stream, between the kernels that were launched before and after. The host
    runs ahead of them and is never made to wait: between two events lies what the device did, or waited for, meanwhile."""

    def __init__(self, device: torch.device) -> None:
        self.stream = torch.cuda.current_stream(device)

    def mark(self) -> torch.cuda.Event:
        """The moment at which the device comes to this place in its stream."""
        event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record(self.stream)
        return event

    def seconds(self, begin: torch.cuda.Event, end: torch.cuda.Event) -> float | None:
        """Between two moments; None while the device has not come to the later one."""
        return begin.elapsed_time(end) / 1000 if end.query() else None  # type: ignore[no-untyped-call]

    def finish(self) -> None:
        """Waits until the device has done all its work."""
        self.stream.synchronize()
