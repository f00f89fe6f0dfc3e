"""The overhead of a trial in a reused process, compared with starting a new worker group of Ray Train.

    python benchmarks/trial_overhead.py

Runs a plan of small real jobs one at a time. The overhead of each job but the first is the time from the end of the previous
job to its own end, minus the seconds in its record. The peer is one `TorchTrainer(num_workers=1).fit()` of an empty
function: the overhead of a trial if every trial starts a worker group. Prints one JSON line.
"""

import json
import tempfile
import time
from itertools import pairwise
from statistics import median

from watch import Ends

from stilts_ray import Encoder, Pretrained, Recipe, Search, Sweep
from stilts_ray.config import Runtime
from stilts_ray.data.sources import MiniSource
from stilts_ray.execution import launch
from stilts_ray.plan.build import make_plan
from stilts_ray.store.state import EMPTY_STATE
from stilts_ray.store.store import Store


def sweep() -> Sweep:
    """Thirty short independent trials, and the evaluation."""
    return Sweep(
        name="trial_overhead",
        data="mini",
        encoders=[Encoder(name="mini", weights=Pretrained(source="mini"))],
        targets=["udpos"],
        languages={"udpos": ["qaa"]},
        recipe=Recipe(epochs=1, batch_size=16, max_length=64, train_examples=64, dev_examples=20, evaluations=1),
        search=Search(learning_rates=[number * 1e-5 for number in range(1, 31)], trials_per_round=30),
    )


def warm_overheads() -> list[float]:
    """The overhead of each job after the first, in seconds."""
    ends = Ends(lambda record: float(record.seconds))
    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder)
        result = launch.run_plan(
            make_plan(sweep(), MiniSource()), store, EMPTY_STATE, Runtime(max_concurrent=1), [ends]
        )
        assert not result.failed, result.failed
    return [end - previous - worked for (previous, _), (end, worked) in pairwise(ends.seen)]


def fresh_group_seconds() -> float:
    """Seconds of one `fit` with its own worker group."""
    import ray
    from ray.train import ScalingConfig
    from ray.train.torch import TorchTrainer

    ray.init(include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    started = time.perf_counter()
    TorchTrainer(lambda: None, scaling_config=ScalingConfig(num_workers=1)).fit()
    seconds = time.perf_counter() - started
    ray.shutdown()
    return seconds


def main() -> None:
    """Measures both and prints."""
    warm = warm_overheads()
    fresh = fresh_group_seconds()
    print(
        json.dumps(
            {
                "warm_overhead_median_s": round(median(warm), 4),
                "warm_overhead_worst_s": round(max(warm), 4),
                "trials": len(warm),
                "fresh_worker_group_s": round(fresh, 2),
                "ratio": round(fresh / median(warm), 1),
            }
        )
    )


if __name__ == "__main__":
    main()
