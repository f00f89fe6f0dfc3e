"""A training step compared with the Hugging Face Trainer's, at the sequence lengths of MNLI, SQuAD and UD-POS.

    python benchmarks/training_step.py [--peer hf-trainer] [--shape base|large|small] [--profile nli|qa|tagging]
        [--device cpu|cuda] [--steps 6] [--repeats 5] [--compile]

Both train the same shape with random weights and XLM-R's full vocabulary on the same examples, 32 a step, from the batch to
the updated weights: fused AdamW, gradient clipping, a linear schedule; float32 on a CPU, bf16 autocast on a GPU. The Trainer
uses SDPA and pads to the longest sequence of a batch. Its batches are those of `group_by_length`, which sorts the examples of
fifty batches at a time: of fifty such batches, from long to short, `--steps` evenly spaced ones. Ours are the same examples in
random order. --compile adds torch.compile to the Trainer. Runs alternate; the first step of each run and the first run of each
side are not timed. Prints one JSON line per profile: examples per second (medians), the ratio to the best Trainer, and on a GPU
our model FLOP utilisation: 6 x weights without embeddings x tokens, and the attention's 12 x layers x width x sum of squared
lengths, against 790 TFLOP/s. Imports neither Ray nor MLflow nor datasets.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
import torch
import transformers
from transformers import (
    PrinterCallback,
    Trainer,
    TrainingArguments,
    XLMRobertaForQuestionAnswering,
    XLMRobertaForSequenceClassification,
    XLMRobertaForTokenClassification,
)

from stilts_ray import tasks
from stilts_ray.config import Optimizer, Shape
from stilts_ray.data.batches import Batch, Items, by_length, collate
from stilts_ray.data.encoded import Encoded
from stilts_ray.kinds import model_for
from stilts_ray.models import model as models
from stilts_ray.models.model import Model
from stilts_ray.models.vocabulary import prune_embeddings
from stilts_ray.store.store import Store
from stilts_ray.tasks import Task
from stilts_ray.training.checkpoint import Checkpoints
from stilts_ray.training.loop import train
from stilts_ray.training.process_group import ProcessGroup
from stilts_ray.training.training_run import TrainingRun

PERCENT = (0, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 99, 100)
LENGTHS = {
    "nli": ("mnli", (9, 18, 22, 27, 33, 38, 42, 47, 53, 60, 71, 82, 111, 212)),
    "qa": ("squad", (50, 91, 105, 122, 145, 172, 194, 218, 243, 271, 305, 349, 384, 384)),
    "tagging": ("udpos", (3, 5, 6, 9, 12, 15, 18, 22, 27, 34, 44, 54, 78, 169)),
}
"""The task, and the sequence lengths at these percentiles of 2,000 of its training examples (windows of 384), by XLM-R's
tokenizer."""
SHAPES = {
    "small": Shape(layers=4, hidden=256, heads=4, feed_forward=1024, positions=512, dropout=0.1),
    "base": Shape(layers=12, hidden=768, heads=12, feed_forward=3072, positions=512, dropout=0.1),
    "large": Shape(layers=24, hidden=1024, heads=16, feed_forward=4096, positions=512, dropout=0.1),
}
VOCABULARY, BATCH, RATE, PEAK = 250_002, 32, 1e-5, 790e12
GROUPED = 50
"""Number of batches whose examples the Trainer's length-grouped sampler sorts together (transformers.trainer_pt_utils)."""
ACTIVE = 40_000
"""Active tokens of the vocabulary. Four million tokens of English tasks have 28,296 distinct ones."""
CLASSES = {
    "nli": XLMRobertaForSequenceClassification,
    "qa": XLMRobertaForQuestionAnswering,
    "tagging": XLMRobertaForTokenClassification,
}


def active() -> np.ndarray:
    """The active tokens, drawn at random from the vocabulary."""
    return np.sort(np.random.default_rng(1).choice(np.arange(5, VOCABULARY), ACTIVE, replace=False)).astype(np.int32)


def grouped(profile: str, steps: int) -> np.ndarray:
    """Sequence lengths [steps, batch]: batches of a length-grouped sampler, from long to short."""
    drawn = np.interp(np.random.default_rng(0).uniform(0, 100, GROUPED * BATCH), PERCENT, LENGTHS[profile][1])
    batches = np.sort(drawn.astype(np.int64))[::-1].reshape(GROUPED, BATCH)
    return batches[((np.arange(steps) + 0.5) * GROUPED / steps).astype(int)]


def random_examples(profile: str, steps: int) -> Encoded:
    """Random tokens and labels at realistic lengths: a warm-up batch of medium lengths, then the timed batches."""
    draw, batches = np.random.default_rng(0), grouped(profile, steps)
    lengths = np.concatenate([batches[steps // 2], batches.ravel()])
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    ids = active()[draw.integers(0, ACTIVE, offsets[-1])]
    labels = len(tasks.get(LENGTHS[profile][0]).labels)
    fields = {
        "nli": lambda: {"label": draw.integers(0, labels, len(lengths))},
        "qa": lambda: {side: (draw.random(len(lengths)) * lengths).astype(int) for side in ("start", "end")},
        "tagging": lambda: {"tags": draw.integers(0, labels, offsets[-1])},
    }[profile]()
    return Encoded(ids, offsets, 1, {field: values.astype(np.int32) for field, values in fields.items()})


class Clock:
    """Times training from the first step after `warmup` steps to the end of the last."""

    def __init__(self, device: torch.device, warmup: int) -> None:
        self.device, self.warmup, self.begin = device, warmup, 0.0

    def step(self, number: int) -> None:
        """To be called at the start of step `number` (from 0)."""
        if number == self.warmup:
            self.begin = self._now()

    def seconds(self) -> float:
        """To be called at the end: the seconds since the warm-up."""
        return self._now() - self.begin

    def _now(self) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()


def loop_seconds(model: Model, task: Task, examples: Encoded, batches: list[Items], clock: Clock) -> float:
    """Seconds of this package's training loop over the batches."""

    def make_batch(step: int, name: str, items: Items) -> Batch:
        clock.step(step)
        return collate(examples, by_length(examples, items))

    run = TrainingRun(
        order=[(task.name, items) for items in batches],
        make_batch=make_batch,
        kinds={task.name: task.kind},
        evaluate=lambda _: {"score": 0.0},
        evaluations=1,
        learning_rate=RATE,
        optimizer=Optimizer(),
        seed=0,
    )
    with tempfile.TemporaryDirectory() as folder:
        train(
            model, run, Checkpoints(Store(folder), "run", seconds=1e9), process_group=ProcessGroup(device=clock.device)
        )
        return clock.seconds()


def ours(profile: str, shape: Shape, examples: Encoded, device: torch.device) -> Callable[[], float]:
    """Times this package's loop; successive calls go on training the same model."""
    task = tasks.get(LENGTHS[profile][0])
    model = model_for(models.new_encoder(models.xlm_roberta(shape, VOCABULARY), 0), [task], 0)
    prune_embeddings(model, [examples, Encoded(active(), np.array([0, ACTIVE]))])
    model.to(device)
    timed = BATCH + np.random.default_rng(0).permutation(examples.items - BATCH)
    batches = [np.arange(BATCH), *np.split(timed, len(timed) // BATCH)]
    return lambda: loop_seconds(model, task, examples, batches, Clock(device, 1))


def padded(rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
    """Pads to the longest sequence of the batch."""
    longest = max(len(row["input_ids"]) for row in rows)
    ids = torch.tensor([row["input_ids"] + [1] * (longest - len(row["input_ids"])) for row in rows])
    batch = {"input_ids": ids, "attention_mask": (ids != 1).long()}
    if isinstance(rows[0].get("labels"), list):
        labels = [row["labels"] + [-100] * (longest - len(row["labels"])) for row in rows]
        return batch | {"labels": torch.tensor(labels)}
    return batch | {name: torch.tensor([row[name] for row in rows]) for name in rows[0] if name != "input_ids"}


def rows_of(profile: str, examples: Encoded) -> list[dict[str, Any]]:
    """The examples in the Trainer's format."""
    fields = examples.fields
    labels: dict[str, Callable[[int, int, int], dict[str, Any]]] = {
        "nli": lambda n, a, b: {"labels": int(fields["label"][n])},
        "qa": lambda n, a, b: {f"{side}_positions": int(fields[side][n]) for side in ("start", "end")},
        "tagging": lambda n, a, b: {"labels": fields["tags"][a:b].tolist()},
    }
    bounds = zip(examples.offsets, examples.offsets[1:], strict=False)
    return [{"input_ids": examples.tokens[a:b].tolist(), **labels[profile](n, a, b)} for n, (a, b) in enumerate(bounds)]


class Timing(transformers.TrainerCallback):
    """Reports the Trainer's steps to a clock."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.clock.step(state.global_step)


def theirs(profile: str, shape: Shape, examples: Encoded, device: torch.device, compiled: bool) -> Callable[[], float]:
    """Times the Trainer; successive calls go on training the same model."""
    config = models.xlm_roberta(shape, VOCABULARY)
    config.num_labels = max(2, len(tasks.get(LENGTHS[profile][0]).labels))
    model, rows = CLASSES[profile](config), rows_of(profile, examples)

    def turn() -> float:
        clock = Clock(device, 1)
        with tempfile.TemporaryDirectory() as folder:
            arguments = TrainingArguments(
                output_dir=folder,
                per_device_train_batch_size=BATCH,
                num_train_epochs=1,
                learning_rate=RATE,
                weight_decay=0.01,
                warmup_steps=0.1,
                optim="adamw_torch_fused",
                train_sampling_strategy="sequential",
                bf16=device.type == "cuda",
                torch_compile=compiled,
                save_strategy="no",
                logging_strategy="no",
                # By default it synchronises at every step to read the loss.
                logging_nan_inf_filter=False,
                report_to="none",
                disable_tqdm=True,
                use_cpu=device.type == "cpu",
            )
            trainer = Trainer(
                model=model, args=arguments, train_dataset=rows, data_collator=padded, callbacks=[Timing(clock)]
            )
            trainer.remove_callback(PrinterCallback)
            trainer.train()
            return clock.seconds()

    return turn


def utilisation(shape: Shape, lengths: np.ndarray, seconds: float) -> float:
    """Model FLOP utilisation of training on sequences of these lengths in `seconds`."""
    weights = shape.layers * (4 * shape.hidden**2 + 2 * shape.hidden * shape.feed_forward)
    squares = float((lengths.astype(float) ** 2).sum())
    return (6 * weights * float(lengths.sum()) + 12 * shape.layers * shape.hidden * squares) / seconds / PEAK


def measured(profile: str, given: argparse.Namespace) -> dict[str, Any]:
    """Examples per second of all sides for one profile."""
    device, shape, examples = torch.device(given.device), SHAPES[given.shape], random_examples(profile, given.steps)
    sides = {
        "packed": ours(profile, shape, examples, device),
        "trainer": theirs(profile, shape, examples, device, compiled=False),
    }
    if given.compile:
        sides["trainer_compiled"] = theirs(profile, shape, examples, device, compiled=True)
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(given.repeats + 1):
        for name, turn in sides.items():
            seconds[name].append(turn())
    medians = {name: median(values[1:]) for name, values in seconds.items()}
    rates = {name: BATCH * given.steps / each for name, each in medians.items()}
    best = max(rate for name, rate in rates.items() if name != "packed")
    figures = {
        "profile": profile,
        "shape": given.shape,
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
        "precision": "bf16 autocast" if device.type == "cuda" else "float32",
        "threads": torch.get_num_threads(),
        "examples_a_second": {name: round(rate, 2) for name, rate in rates.items()},
        "ratio_to_best_trainer": round(rates["packed"] / best, 2),
    }
    if device.type == "cuda":
        figures["model_flop_utilisation"] = round(utilisation(shape, examples.lengths[BATCH:], medians["packed"]), 3)
    return figures


def main() -> None:
    """Measures each profile and prints a line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", choices=["hf-trainer"], default="hf-trainer")
    parser.add_argument("--shape", choices=SHAPES, default="base")
    parser.add_argument("--profile", choices=LENGTHS, action="append")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--compile", action="store_true")
    given = parser.parse_args()
    transformers.utils.logging.set_verbosity_error()
    for profile in given.profile or LENGTHS:
        print(json.dumps(measured(profile, given)), flush=True)


if __name__ == "__main__":
    main()
