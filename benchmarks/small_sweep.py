"""A small sweep compared with the Trainer's hyperparameter search: eight learning rates, thirty steps each, a small encoder.

    python benchmarks/small_sweep.py [--peer hf-hyperparameter-search] [--repeats 5]

Both fine-tune one encoder (4 layers, hidden size 128, random weights) on the same 480 examples of mini's MNLI: batch size 16,
one epoch, fused AdamW, one evaluation on the same 100 dev examples at the end. The peer searches with Ray Tune (one CPU per
trial) and with Optuna (in-process, one trial after the other); the ratio is to the faster. Each run is a process of its own,
imports included; examples are tokenised beforehand. `seconds` is the lifetime of the process, `ray` the part spent in
`ray.init`. Runs alternate. Prints one JSON line: medians and the ratio.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

RATES = tuple(float(rate) for rate in np.geomspace(1e-5, 1e-3, 8))
ROWS, BATCH, DEV, LENGTH = 480, 16, 100, 64


def make_folder(folder: Path) -> None:
    """The encoder: mini's tokenizer, random weights."""
    from stilts_ray import mini
    from stilts_ray.config import Shape
    from stilts_ray.data.cache import tokenizer_at
    from stilts_ray.models import hf_folders as files
    from stilts_ray.models import model as models

    tokenizer = tokenizer_at(str(mini.ENCODER))
    shape = Shape(layers=4, hidden=128, heads=4, feed_forward=512, positions=128, dropout=0.1)
    files.save_encoder(models.new_encoder(models.xlm_roberta(shape, len(tokenizer)), 0), folder)
    tokenizer.save_pretrained(folder)


def rows(folder: Path, split: str) -> list[dict[str, Any]]:
    """Token sequences with labels, from the cache: those that our trial with seed 0 trains on, or the first dev examples."""
    from stilts_ray import tasks
    from stilts_ray.data.batches import drawn, generator
    from stilts_ray.data.encoded import TokenizationConfig
    from stilts_ray.data.sources import MiniSource
    from stilts_ray.kinds.splits import encoded_split

    examples = encoded_split(
        MiniSource(),
        tasks.get("mnli"),
        split,
        MiniSource().source_language,
        str(folder),
        TokenizationConfig(LENGTH, 128),
    )
    items = drawn(examples.items, ROWS, generator(0, "mnli")) if split == "train" else np.arange(DEV)
    tokens = [examples.tokens[examples.offsets[item] : examples.offsets[item + 1]].tolist() for item in items]
    labels = examples.fields["label"][items].tolist()
    return [{"input_ids": ids, "labels": label} for ids, label in zip(tokens, labels, strict=True)]


def ours(folder: Path) -> int:
    """Runs the search; returns the number of trials."""
    from stilts_ray import Encoder, Pretrained, Recipe, Search, Sweep
    from stilts_ray.config import Runtime
    from stilts_ray.data.sources import MiniSource
    from stilts_ray.execution import launch
    from stilts_ray.plan.build import make_plan
    from stilts_ray.store.state import EMPTY_STATE
    from stilts_ray.store.store import Store

    recipe = Recipe(epochs=1, batch_size=BATCH, max_length=LENGTH, train_examples=ROWS, dev_examples=DEV, evaluations=1)
    sweep = Sweep(
        name="small",
        data="mini",
        encoders=[Encoder(name="small", weights=Pretrained(source=str(folder)))],
        intermediates=[("mnli",)],
        recipe=recipe,
        search=Search(learning_rates=list(RATES), trials_per_round=len(RATES)),
    )
    with tempfile.TemporaryDirectory() as store:
        result = launch.run_plan(make_plan(sweep, MiniSource()), Store(store), EMPTY_STATE, Runtime(), [])
    if result.failed:
        raise SystemExit(str(result.failed))
    return result.jobs


def padded(batch: list[dict[str, Any]]) -> dict[str, Any]:
    """Pads to the longest sequence of the batch."""
    import torch

    longest = max(len(row["input_ids"]) for row in batch)
    ids = torch.tensor([row["input_ids"] + [1] * (longest - len(row["input_ids"])) for row in batch])
    labels = torch.tensor([row["labels"] for row in batch])
    return {"input_ids": ids, "attention_mask": (ids != 1).long(), "labels": labels}


def trainer(folder: Path, scratch: str, train: list[dict[str, Any]], dev: list[dict[str, Any]]) -> Any:
    """The Trainer for the search; everything in it can be sent to Ray's workers."""
    from transformers import AutoModelForSequenceClassification, PrinterCallback, Trainer, TrainingArguments

    arguments = TrainingArguments(
        output_dir=scratch,
        per_device_train_batch_size=BATCH,
        per_device_eval_batch_size=32,
        num_train_epochs=1,
        weight_decay=0.01,
        warmup_steps=0.1,
        optim="adamw_torch_fused",
        train_sampling_strategy="group_by_length",
        eval_strategy="no",
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
        use_cpu=True,
    )
    searcher = Trainer(
        model_init=lambda: AutoModelForSequenceClassification.from_pretrained(folder, num_labels=3),
        args=arguments,
        train_dataset=train,
        eval_dataset=dev,
        data_collator=padded,
        compute_metrics=lambda output: {"accuracy": float((output.predictions.argmax(-1) == output.label_ids).mean())},
    )
    searcher.remove_callback(PrinterCallback)
    return searcher


def by_ray(folder: Path) -> int:
    """Runs the search; returns the number of trials."""
    from ray import tune

    with tempfile.TemporaryDirectory() as scratch:
        best = trainer(
            folder, scratch, rows(folder, "train"), rows(folder, "validation_matched")
        ).hyperparameter_search(
            hp_space=lambda _: {"learning_rate": tune.grid_search(list(RATES))},
            n_trials=1,
            direction="maximize",
            backend="ray",
            compute_objective=lambda metrics: metrics["eval_accuracy"],
            resources_per_trial={"cpu": 1},
            storage_path=scratch,
            reuse_actors=True,
            verbose=0,
        )
        return len(best.run_summary.trials)


def by_optuna(folder: Path) -> int:
    """Runs the search; returns the number of trials."""
    from optuna import samplers

    trials = []
    with tempfile.TemporaryDirectory() as scratch:
        trainer(folder, scratch, rows(folder, "train"), rows(folder, "validation_matched")).hyperparameter_search(
            hp_space=lambda trial: {"learning_rate": trial.suggest_categorical("learning_rate", list(RATES))},
            n_trials=len(RATES),
            direction="maximize",
            backend="optuna",
            compute_objective=lambda metrics: trials.append(metrics) or metrics["eval_accuracy"],
            sampler=samplers.GridSampler({"learning_rate": list(RATES)}),
        )
    return len(trials)


SIDES: dict[str, Callable[[Path], int]] = {"ours": ours, "peer_ray": by_ray, "peer_optuna": by_optuna}


def one_side(name: str, folder: Path) -> None:
    """Runs a side and prints its number of trials and the seconds in `ray.init`."""
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    seconds = {"ray": 0.0} if name == "peer_optuna" else time_ray_init()
    trials = SIDES[name](folder)
    print(json.dumps(seconds | {"trials": trials}))


def time_ray_init() -> dict[str, float]:
    """Times `ray.init` from now on, in seconds."""
    import ray

    start_ray, seconds = ray.init, {"ray": 0.0}

    def init(*arguments: Any, **options: Any) -> Any:
        started = time.perf_counter()
        try:
            return start_ray(*arguments, **options)
        finally:
            seconds["ray"] += time.perf_counter() - started

    ray.init = init
    return seconds


def timed(name: str, folder: Path) -> dict[str, Any]:
    """Runs a side in a process of its own: its seconds and output, or "error" if it failed."""
    started = time.perf_counter()
    command = [sys.executable, __file__, "--side", name, "--folder", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return {"error": done.stderr.strip().splitlines()[-1]}
    return json.loads(done.stdout.strip().splitlines()[-1]) | {"seconds": time.perf_counter() - started}


def summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians of the successful runs, and the first error."""
    succeeded = [run for run in runs if "error" not in run]
    errors = [run["error"] for run in runs if "error" in run]
    medians = {
        key: round(median(run[key] for run in succeeded), 2) for key in ("seconds", "ray", "trials") if succeeded
    }
    return medians | {"runs": len(succeeded)} | ({"error": errors[0]} if errors else {})


def main() -> None:
    """Measures all sides in turn and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", choices=["hf-hyperparameter-search"], default="hf-hyperparameter-search")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        return one_side(given.side, given.folder)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        make_folder(folder)
        rows(folder, "train"), rows(folder, "validation_matched")
        runs: dict[str, list[dict[str, Any]]] = {name: [] for name in SIDES}
        for _ in range(given.repeats):
            for name in SIDES:
                runs[name].append(timed(name, folder))
    results = {name: summary(each) for name, each in runs.items()}
    fastest = min(each["seconds"] for name, each in results.items() if name != "ours" and "seconds" in each)
    ratio = round(fastest / results["ours"]["seconds"], 2)
    print(
        json.dumps({"benchmark": "small_sweep", "peer": given.peer, "steps": ROWS // BATCH, **results, "ratio": ratio})
    )
    return None


if __name__ == "__main__":
    main()
