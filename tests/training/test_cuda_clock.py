"""The stream's clock measures device time without blocking the host."""

import time

import pytest
import torch

from stilts_ray.timing import Stopwatch
from stilts_ray.training.cuda_clock import StreamClock


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_device_time_is_measured_and_the_host_runs_ahead() -> None:
    device = torch.device("cuda")
    matrix = torch.randn(4096, 4096, device=device)
    matrix @ matrix
    torch.cuda.synchronize()
    begin, stopwatch = time.perf_counter(), Stopwatch(StreamClock(device))
    stopwatch.enter("forward")
    for _ in range(200):
        matrix @ matrix
    stopwatch.leave()
    launched = time.perf_counter() - begin
    spent = stopwatch.read()
    total = time.perf_counter() - begin
    assert launched < 0.5 * spent["forward"]
    assert spent["forward"] <= total
    assert spent["forward"] > 0.5 * (total - launched)
