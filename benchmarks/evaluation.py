"""Zero-shot prediction compared with the Hugging Face Trainer's `predict`, at the sequence lengths of XNLI, UD-POS and XQuAD.

    python benchmarks/evaluation.py [--shape base|small] [--precision float32|bfloat16] [--device cpu|cuda] [--tokens 6000]
        [--repeats 5]

Both have the same random weights, start from token sequences in the hub's order, and end with labels, tags or answers. The
Trainer pads each batch to its longest sequence; of the batch sizes 8, 32 and 128 the fastest counts. Tags and answers are read
from its logits as in transformers' example scripts (the 20 best starts and ends of a window). `group_by_length`, documented
for training, also sorts the sequences in `predict` and returns predictions in another order: its time is shown, but the ratio
is not to it. Runs alternate; times are medians. `agree` is the share of equal predictions. On a GPU, ours is the package's bf16
autocast over float32 weights, the Trainer's is bf16_full_eval with bf16 weights. Lengths are those of the first sequences of
three languages each, by XLM-R's tokenizer (lengths.json).
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
import transformers
from n_best import best_answers
from transformers import (
    Trainer,
    TrainingArguments,
    XLMRobertaForQuestionAnswering,
    XLMRobertaForSequenceClassification,
    XLMRobertaForTokenClassification,
)

from stilts_ray import tasks
from stilts_ray.config import Shape
from stilts_ray.data.encoded import IGNORE, Encoded
from stilts_ray.kinds import model_for, save_model, scoring_of
from stilts_ray.models import model as models
from stilts_ray.models.model import Model
from stilts_ray.tasks.examples import Example, Pair, Span, Tagged
from stilts_ray.training.step import precision

LENGTHS = Path(__file__).with_name("lengths.json")
SHAPES = {
    "base": (Shape(layers=12, hidden=768, heads=12, feed_forward=3072, positions=512, dropout=0.1), 250_002),
    "small": (Shape(layers=4, hidden=256, heads=4, feed_forward=1024, positions=512, dropout=0.1), 8_000),
}
TRAINED = {"xnli": "mnli", "udpos": "udpos", "xquad": "squad"}
CLASSES = {
    "xnli": XLMRobertaForSequenceClassification,
    "udpos": XLMRobertaForTokenClassification,
    "xquad": XLMRobertaForQuestionAnswering,
}
BATCHES = (8, 32, 128)
LONGEST_ANSWER, QUESTION, LETTERS = 30, 16, 4
"""Tokens per answer and per question; letters per token."""
WORDS = 0.6
"""Words per token."""


def lengths_of(target: str, tokens: int) -> np.ndarray:
    """Lengths of the first sequences of each language, about `tokens` tokens in all."""
    languages = [np.array(lengths) for lengths in json.loads(LENGTHS.read_text())[target].values()]
    return np.concatenate([each[np.cumsum(each) <= tokens / len(languages)] for each in languages])


def random_examples(target: str, tokens: int, vocabulary: int) -> tuple[list[Example], Encoded]:
    """Examples and their sequences of random tokens; each window of a long text counts as one example."""
    draw, lengths = np.random.default_rng(0), lengths_of(target, tokens)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    ids = draw.integers(5, vocabulary, offsets[-1]).astype(np.int32)
    places = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
    numbers, last = np.arange(len(lengths)), places == np.repeat(lengths, lengths) - 1
    match target:
        case "udpos":
            starts_word = (places == 1) | (draw.random(offsets[-1]) < WORDS)
            tags = np.where((places > 0) & ~last & starts_word, 0, IGNORE)
            fields = {"tags": tags, "example": numbers}
            words = np.add.reduceat(tags != IGNORE, offsets[:-1])
            examples: list[Example] = [Tagged(("w",) * n, ("NOUN",) * n) for n in words]
        case "xquad":
            begin = np.where((places < QUESTION) | last, -1, (places - QUESTION) * LETTERS)
            fields = {"begin": begin, "stop": np.where(begin < 0, -1, begin + LETTERS), "example": numbers}
            examples = [
                Span(str(n), "".join(map(chr, draw.integers(97, 123, k * LETTERS))), "?", ())
                for n, k in enumerate(lengths)
            ]
        case _:
            fields = {"label": np.zeros(len(lengths))}
            examples = [Pair("a", "b", "neutral") for _ in lengths]
    return examples, Encoded(ids, offsets, 1, {name: values.astype(np.int32) for name, values in fields.items()})


def padded(rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
    """Pads to the longest sequence of the batch."""
    longest = max(len(row["input_ids"]) for row in rows)
    ids = torch.tensor([row["input_ids"] + [1] * (longest - len(row["input_ids"])) for row in rows])
    return {"input_ids": ids, "attention_mask": (ids != 1).long()}


def trainer(model: torch.nn.Module, batch_size: int, sampling: str, given: argparse.Namespace, folder: str) -> Trainer:
    """A Trainer for prediction."""
    arguments = TrainingArguments(
        output_dir=folder,
        per_device_eval_batch_size=batch_size,
        bf16_full_eval=given.precision == "bfloat16",
        train_sampling_strategy=sampling,
        report_to="none",
        disable_tqdm=True,
        use_cpu=given.device == "cpu",
    )
    return Trainer(model=model, args=arguments, data_collator=padded)


def decoded(target: str, logits: Any, examples: list[Example], encoded: Encoded) -> list[Any]:
    """Predictions from the Trainer's logits."""
    labels = tasks.get(TRAINED[target]).labels
    bounds = list(zip(encoded.offsets, encoded.offsets[1:], strict=False))
    match target:
        case "udpos":
            wanted = [encoded.fields["tags"][a:b] for a, b in bounds]
            best = np.argmax(logits, axis=2)
            return [
                [labels[p] for p, t in zip(*row, strict=False) if t != IGNORE] for row in zip(best, wanted, strict=True)
            ]
        case "xquad":
            fields = [encoded.fields["begin"], encoded.fields["stop"]]
            characters = [
                [(x, y) if x >= 0 else None for x, y in zip(*(f[a:b].tolist() for f in fields), strict=True)]
                for a, b in bounds
            ]
            return best_answers([e.context for e in examples], characters, *logits, longest=LONGEST_ANSWER)
        case _:
            return [labels[label] for label in np.argmax(logits, axis=1)]


def sides_of(target: str, given: argparse.Namespace, folder: str) -> dict[str, Callable[[], list[Any]]]:
    """The functions that are timed for a target: ours, and the Trainer's with each setting."""
    shape, vocabulary = SHAPES[given.shape]
    task = tasks.get(TRAINED[target])
    examples, encoded = random_examples(target, given.tokens, vocabulary)
    model: Model = model_for(models.new_encoder(models.xlm_roberta(shape, vocabulary), 0), [task], 0)
    save_model(model, task, Path(folder))
    reference = CLASSES[target].from_pretrained(folder)
    device = torch.device(given.device)
    model = model.to(device, torch.float32 if device.type == "cuda" else getattr(torch, given.precision)).eval()
    rows = [
        {"input_ids": encoded.tokens[a:b].tolist()} for a, b in zip(encoded.offsets, encoded.offsets[1:], strict=False)
    ]

    def ours() -> list[Any]:
        with torch.inference_mode(), precision(device):
            return scoring_of(task).predict(model, task, examples, encoded, LONGEST_ANSWER)

    def theirs(peer: Trainer) -> list[Any]:
        return decoded(target, peer.predict(rows).predictions, examples, encoded)

    settings = {f"trainer_{size}": (size, "random") for size in BATCHES} | {
        "trainer_grouped": (BATCHES[1], "group_by_length")
    }
    peers = {name: trainer(reference, size, sampling, given, folder) for name, (size, sampling) in settings.items()}
    return {"ours": ours} | {name: lambda peer=peer: theirs(peer) for name, peer in peers.items()}


def measured(target: str, given: argparse.Namespace) -> dict[str, Any]:
    """Median seconds of each side for a target, the ratio, and the share of equal predictions."""
    with tempfile.TemporaryDirectory() as folder:
        sides = sides_of(target, given, folder)
        predictions = {name: side() for name, side in sides.items()}
        seconds: dict[str, list[float]] = {name: [] for name in sides}
        for _ in range(given.repeats):
            for name, side in sides.items():
                started = time.perf_counter()
                side()
                seconds[name].append(time.perf_counter() - started)
    medians = {name: round(median(values), 3) for name, values in seconds.items()}
    best = min((f"trainer_{size}" for size in BATCHES), key=medians.__getitem__)
    same = [one == other for one, other in zip(predictions["ours"], predictions[best], strict=True)]
    ratio = round(medians[best] / medians["ours"], 2)
    return {
        "rows": len(same),
        "seconds": medians,
        "best": best,
        "agree": round(float(np.mean(same)), 4),
        "ratio": ratio,
    }


def main() -> None:
    """Measures all targets and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", choices=SHAPES, default="base")
    parser.add_argument("--precision", choices=("float32", "bfloat16"))
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--tokens", type=int, default=6000)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    given.precision = given.precision or ("bfloat16" if given.device == "cuda" else "float32")
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    targets = {target: measured(target, given) for target in TRAINED}
    ours = sum(each["seconds"]["ours"] for each in targets.values())
    theirs = sum(each["seconds"][each["best"]] for each in targets.values())
    figures = {"benchmark": "evaluation", **vars(given), "threads": torch.get_num_threads(), "targets": targets}
    print(json.dumps(figures | {"ratio_to_best_trainer": round(theirs / ours, 2)}))


if __name__ == "__main__":
    main()
