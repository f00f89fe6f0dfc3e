from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import (
    XLMRobertaForMultipleChoice,
    XLMRobertaForQuestionAnswering,
    XLMRobertaForSequenceClassification,
    XLMRobertaForTokenClassification,
)

from stilts_ray.data.batches import Batch, collate, packed
from stilts_ray.data.encoded import IGNORE, Encoded, TokenizationConfig
from stilts_ray.data.rows import load
from stilts_ray.data.sources import FolderSource
from stilts_ray.errors import RequestError
from stilts_ray.kinds import dual_encoder, model_for, save_model, span
from stilts_ray.metrics import nearest
from stilts_ray.models import families, inference
from stilts_ray.models import hf_folders as files
from stilts_ray.models.model import Model
from stilts_ray.tasks import TASKS, Kind
from tests import tiny
from tests.by_kind import encode, predict

NAMES = ("mnli", "stsb", "hellaswag", "squad", "squad_v2", "udpos", "squad_r")
BUDGETS = (100_000, 60)


def made(name: str, data_dir: Path, tokenizer: Any) -> tuple[list[Any], Encoded]:
    """Examples of a task's dev split and their sequences, long ones in several."""
    task = TASKS[name]
    examples = load(FolderSource(data_dir), task, task.dev or "", "en")
    # So short that contexts are windowed and sentences split, but long enough for pairs.
    reading = TokenizationConfig(max_length=8 if task.kind is Kind.TAGGING else 24, stride=6)
    return examples, encode(task, examples, tokenizer, reading)


@pytest.fixture(scope="module")
def model(tiny_encoder: Path) -> Model:
    """An encoder with rough random weights and a head for every kind."""
    built = model_for(files.load_encoder(str(tiny_encoder)), [TASKS[name] for name in NAMES], seed=0)
    tiny.roughen(built, 0)
    return built.eval()


def one_at_a_time(model: Model, name: str, encoded: Encoded) -> list[torch.Tensor]:
    """Logits of each item, run alone."""
    with torch.inference_mode():
        return [model(name, collate(encoded, np.array([item]))) for item in range(encoded.items)]


def predicted(
    model: Model, name: str, examples: list[Any], encoded: Encoded, budget: int, patch: pytest.MonkeyPatch
) -> list[Any]:
    patch.setitem(inference.BUDGETS, "cpu", budget)
    with torch.inference_mode():
        return predict(model, TASKS[name], examples, encoded, 5)


@pytest.mark.parametrize("budget", BUDGETS)
@pytest.mark.parametrize("name", ["mnli", "hellaswag"])
def test_labels_are_the_best_logits_in_the_order_of_the_examples(
    name: str, budget: int, model: Model, data_dir: Path, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    examples, encoded = made(name, data_dir, tokenizer)
    if name == "mnli":  # so that no label is best everywhere
        model.heads[name].out_proj.bias.data -= torch.cat(one_at_a_time(model, name, encoded)).mean(0)
    best = [int(logits.argmax()) for logits in one_at_a_time(model, name, encoded)]
    assert len(set(best)) > 1
    expected = [TASKS[name].labels[label] for label in best] if TASKS[name].labels else best
    assert predicted(model, name, examples, encoded, budget, monkeypatch) == expected


@pytest.mark.parametrize("budget", BUDGETS)
def test_grades_are_the_logits_in_the_order_of_the_examples(
    budget: int, model: Model, data_dir: Path, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    examples, encoded = made("stsb", data_dir, tokenizer)
    expected = [float(logits) for logits in one_at_a_time(model, "stsb", encoded)]
    assert len({round(grade, 3) for grade in expected}) > 1
    assert predicted(model, "stsb", examples, encoded, budget, monkeypatch) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("budget", BUDGETS)
def test_every_word_has_a_tag_in_its_place(
    budget: int, model: Model, data_dir: Path, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    examples, encoded = made("udpos", data_dir, tokenizer)
    assert encoded.items > len(examples), "some sentences are split"
    expected: list[list[str]] = [[] for _ in examples]
    for item, logits in enumerate(one_at_a_time(model, "udpos", encoded)):
        tags = encoded.fields["tags"][encoded.offsets[item] : encoded.offsets[item + 1]]
        best = logits.argmax(-1).numpy()[tags != IGNORE]
        expected[encoded.fields["example"][item]] += [TASKS["udpos"].labels[label] for label in best]
    result = predicted(model, "udpos", examples, encoded, budget, monkeypatch)
    assert result == expected
    assert [len(tags) for tags in result] == [len(example.words) for example in examples]


@pytest.mark.parametrize("budget", BUDGETS)
def test_an_answer_is_the_best_span_of_all_windows(
    budget: int, model: Model, data_dir: Path, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    examples, encoded = made("squad", data_dir, tokenizer)
    assert encoded.items > len(examples), "some contexts are windowed"
    best: list[tuple[float, str]] = [(-np.inf, "")] * len(examples)
    for item, logits in enumerate(one_at_a_time(model, "squad", encoded)):
        begin, stop = (encoded.fields[n][encoded.offsets[item] : encoded.offsets[item + 1]] for n in ("begin", "stop"))
        example = encoded.fields["example"][item]
        for value, first, last in spans(logits, begin, 5):
            if value > best[example][0]:
                best[example] = (value, examples[example].context[begin[first] : stop[last]])
    assert all(text for _, text in best)
    assert predicted(model, "squad", examples, encoded, budget, monkeypatch) == [text for _, text in best]


@pytest.mark.parametrize("budget", BUDGETS)
def test_of_equal_windows_the_first_counts(
    budget: int, model: Model, data_dir: Path, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    examples, encoded = made("squad", data_dir, tokenizer)
    level = model_for(model.encoder, [TASKS["squad"]], seed=0).eval()
    torch.nn.init.zeros_(level.heads["squad"].qa_outputs.weight)
    firsts = [int(np.flatnonzero(encoded.fields["example"] == number)[0]) for number in range(len(examples))]
    expected = []
    for item, example in zip(firsts, examples, strict=True):
        begin, stop = (encoded.fields[n][encoded.offsets[item] : encoded.offsets[item + 1]] for n in ("begin", "stop"))
        at = np.flatnonzero(begin >= 0)[0]
        expected.append(example.context[begin[at] : stop[at]])
    assert predicted(level, "squad", examples, encoded, budget, monkeypatch) == expected


@pytest.mark.parametrize("budget", BUDGETS)
def test_null_odds_are_the_least_null_of_all_windows_less_the_best_span(
    budget: int, model: Model, data_dir: Path, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    examples, encoded = made("squad_v2", data_dir, tokenizer)
    assert not all(example.answers for example in examples)
    best: list[tuple[float, str]] = [(-np.inf, "")] * len(examples)
    null: list[list[float]] = [[] for _ in examples]
    for item, logits in enumerate(one_at_a_time(model, "squad_v2", encoded)):
        begin, stop = (encoded.fields[n][encoded.offsets[item] : encoded.offsets[item + 1]] for n in ("begin", "stop"))
        example = encoded.fields["example"][item]
        null[example].append(float(logits[0].sum()))
        for value, first, last in spans(logits, begin, 5):
            if value > best[example][0]:
                best[example] = (value, examples[example].context[begin[first] : stop[last]])
    assert any(values[0] != min(values) for values in null), "some window but the first has the least"
    found = predicted(model, "squad_v2", examples, encoded, budget, monkeypatch)
    assert [answer.text for answer in found] == [text for _, text in best]
    expected = [min(values) - value for values, (value, _) in zip(null, best, strict=True)]
    assert [answer.null_odds for answer in found] == pytest.approx(expected, abs=1e-4)


def spans(logits: torch.Tensor, begin: np.ndarray, max_answer: int) -> list[tuple[float, int, int]]:
    """Every allowed span of one sequence with its value."""
    inside = np.flatnonzero(begin >= 0)
    return [
        (float(logits[first, 0] + logits[last, 1]), int(first), int(last))
        for first in inside
        for last in inside
        if first <= last < first + max_answer
    ]


@given(
    contexts=st.lists(st.tuples(st.integers(1, 3), st.integers(1, 7), st.integers(1, 2)), min_size=1, max_size=4),
    max_answer=st.integers(1, 9),
    seed=st.integers(0, 1000),
)
def test_best_span_is_that_of_brute_force(contexts: list[tuple[int, int, int]], max_answer: int, seed: int) -> None:
    """contexts: tokens before, in and after the context of each sequence."""
    lengths = [sum(parts) for parts in contexts]
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    begin = np.concatenate([[-1] * before + list(range(size)) + [-1] * after for before, size, after in contexts])
    encoded = Encoded(np.zeros(offsets[-1], dtype=np.int32), offsets, 1, {"begin": begin.astype(np.int32)})
    batch = collate(encoded, np.arange(len(contexts)))
    logits = torch.randn(len(batch.tokens), 2, generator=torch.Generator().manual_seed(seed))

    values, firsts, lasts = span.best_spans(logits, batch, max_answer)

    for row, (start, end) in enumerate(pairwise(offsets)):
        value, first, last = max(spans(logits[start:end], begin[start:end], max_answer))
        assert (firsts[row], lasts[row]) == (first, last)
        assert values[row] == pytest.approx(value)


def test_of_equal_spans_the_first_and_shortest_counts() -> None:
    flat = torch.zeros(8, 2)
    batch = packed(torch.zeros(8), torch.tensor([8]), {"begin": torch.tensor([-1, 0, 1, 2, 3, 4, 5, -1])})
    values, first, last = span.best_spans(flat, batch, 4)
    assert (values.tolist(), first.tolist(), last.tolist()) == ([0.0], [1], [1])


def test_a_sequence_without_context_has_no_span() -> None:
    batch = packed(torch.tensor([0, 2]), torch.tensor([2]), {"begin": torch.tensor([-1, -1])})
    values, _, _ = span.best_spans(torch.ones(2, 2), batch, 3)
    assert values.tolist() == [-np.inf]


def test_logits_that_are_not_finite_give_an_empty_answer_and_no_error(
    model: Model, data_dir: Path, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    examples, encoded = made("squad", data_dir, tokenizer)
    broken = model_for(model.encoder, [TASKS["squad"]], seed=0).eval()
    torch.nn.init.constant_(broken.heads["squad"].qa_outputs.weight, float("nan"))
    assert predicted(broken, "squad", examples, encoded, 100_000, monkeypatch) == [""] * len(examples)


CLASSES = {
    "mnli": XLMRobertaForSequenceClassification,
    "stsb": XLMRobertaForSequenceClassification,
    "hellaswag": XLMRobertaForMultipleChoice,
    "squad": XLMRobertaForQuestionAnswering,
    "udpos": XLMRobertaForTokenClassification,
}


def padded_logits(model: Model, name: str, encoded: Encoded, folder: Path) -> list[torch.Tensor]:
    """What transformers' own model makes of each item in one padded batch, padding left out."""
    save_model(model, TASKS[name], folder)
    reference = CLASSES[name].from_pretrained(folder, attn_implementation="eager").eval()
    ids, mask = tiny.padded(encoded)
    if encoded.group > 1:
        ids, mask = (each.view(-1, encoded.group, each.shape[-1]) for each in (ids, mask))
    with torch.inference_mode():
        out = reference(ids, attention_mask=mask)
    if "logits" in out:
        per_token = out.logits.dim() == 3
        return [row[: int(n)] if per_token else row for row, n in zip(out.logits, mask.sum(-1), strict=True)]
    ends = torch.stack([out.start_logits, out.end_logits], dim=-1)
    return [row[: int(n)] for row, n in zip(ends, mask.sum(-1), strict=True)]


@pytest.mark.parametrize("name", CLASSES)
def test_logits_that_predictions_are_read_from_are_those_of_the_padded_model(
    name: str, model: Model, data_dir: Path, tokenizer: Any, tmp_path: Path
) -> None:
    """Of batches as they are predicted from; the other tests say what is read from these logits."""
    _, encoded = made(name, data_dir, tokenizer)
    expected = padded_logits(model, name, encoded, tmp_path)
    with torch.inference_mode():
        for items, logits in inference.computed(model, encoded, lambda batch: model(name, batch)):
            torch.testing.assert_close(
                logits.reshape(-1), torch.cat([expected[item].reshape(-1) for item in items]), rtol=1e-3, atol=1e-4
            )


def short_of_memory(tokens: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Lets a device have memory for so many tokens at a time; sizes of the batches that are tried."""
    tried, inputs_of = list[int](), families.inputs_of

    def small(encoder: Any, batch: Batch) -> Any:
        tried.append(len(batch.tokens))
        if len(batch.tokens) > tokens:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return inputs_of(encoder, batch)

    monkeypatch.setattr(families, "inputs_of", small)
    return tried


@pytest.mark.parametrize("name", NAMES)
def test_without_memory_for_a_batch_the_same_is_predicted(
    name: str, model: Model, data_dir: Path, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    examples, encoded = made(name, data_dir, tokenizer)
    expected = predicted(model, name, examples, encoded, 100_000, monkeypatch)
    most = max(int(encoded.item_lengths.max()), len(encoded.tokens) // 3)
    tried = short_of_memory(most, monkeypatch)
    found = predicted(model, name, examples, encoded, 100_000, monkeypatch)
    assert found == (pytest.approx(expected, abs=1e-5) if name == "stsb" else expected)
    assert tried[0] == len(encoded.tokens) > most
    assert sum(size for size in tried if size <= most) == len(encoded.tokens)


def test_without_memory_for_one_item_nothing_is_predicted(
    model: Model, data_dir: Path, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    examples, encoded = made("mnli", data_dir, tokenizer)
    short_of_memory(3, monkeypatch)
    with pytest.raises(RequestError, match="no memory to predict for one item"):
        predicted(model, "mnli", examples, encoded, 100_000, monkeypatch)


@pytest.mark.parametrize("budget", BUDGETS)
def test_candidates_are_ranked_by_the_vectors_of_the_head(
    budget: int, model: Model, data_dir: Path, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    examples, encoded = made("squad_r", data_dir, tokenizer)
    found = predicted(model, "squad_r", examples, encoded, budget, monkeypatch)
    with torch.inference_mode():
        alone = [model.vectors("squad_r", collate(encoded, np.array([item]))) for item in range(encoded.items)]
    asked = encoded.fields["answer"] != 0
    questions = torch.cat([v for v, is_asked in zip(alone, asked, strict=True) if is_asked])
    candidates = torch.cat([v for v, is_asked in zip(alone, asked, strict=True) if not is_asked])
    assert (len(questions), len(candidates)) == (len(examples), 5)
    torch.testing.assert_close(candidates.norm(dim=-1), torch.ones(5))
    for ranking, cosines in zip(found, questions @ candidates.T, strict=True):
        assert ranking == cosines.argsort(descending=True).tolist()


def test_at_most_twenty_candidates_are_ranked_in_blocks_of_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = torch.Generator().manual_seed(0)
    questions, candidates = torch.randn(7, 4, generator=draw), torch.randn(30, 4, generator=draw)
    whole = dual_encoder.rankings(questions, candidates)
    assert whole == (questions @ candidates.T).argsort(descending=True)[:, :20].tolist()
    monkeypatch.setattr(nearest, "BLOCK", 3 * len(candidates))
    assert dual_encoder.rankings(questions, candidates) == whole
    assert dual_encoder.rankings(questions, candidates[:2]) == [
        row[:2] for row in dual_encoder.rankings(questions, candidates[:2])
    ]
