"""No token, no word to be tagged and no answer gets lost on the way from text to sequences."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import normalizers, pre_tokenizers
from tokenizers.processors import TemplateProcessing
from transformers import AutoTokenizer

from stilts_ray.data.batches import collate
from stilts_ray.data.encoded import IGNORE, Encoded, TokenizationConfig, concatenate, encode_texts
from stilts_ray.data.rows import load
from stilts_ray.data.sources import FolderSource
from stilts_ray.kinds.dual_encoder import APART, QUESTION, pairs_with_answers
from stilts_ray.tasks import TASKS
from stilts_ray.tasks.examples import Asked, Choice, Entity, GradedPair, Mention, Pair, Parallel, Passage, Span, Tagged
from stilts_ray.training.masked import make_tokenizer
from tests import tiny
from tests.by_kind import encode
from tests.tasks import rows


def sequence(encoded: Encoded, number: int, field: str = "") -> list[int]:
    """Tokens of a sequence, or a field that has a value for each of them."""
    values = encoded.fields[field] if field else encoded.tokens
    return values[encoded.offsets[number] : encoded.offsets[number + 1]].tolist()


# Pairs, choices and single texts


def test_a_pair_is_the_tokenizers_own_pair_with_its_label_by_the_tasks_order(tokenizer: Any) -> None:
    task = TASKS["mnli"]
    examples = [Pair("The cat sleeps.", "It rained.", label) for label in ("contradiction", "entailment", "neutral")]
    encoded = encode(task, examples, tokenizer, TokenizationConfig(64))
    assert encoded.fields["label"].tolist() == [2, 0, 1]
    for number in range(3):
        assert sequence(encoded, number) == tokenizer("The cat sleeps.", "It rained.")["input_ids"]


def test_a_graded_pair_is_the_same_sequence_and_its_grade_stays_a_number_with_a_fraction(tokenizer: Any) -> None:
    examples = [GradedPair("The cat sleeps.", "It rained.", grade) for grade in (3.8, 0.0, 5.0)]
    encoded = encode(TASKS["stsb"], examples, tokenizer, TokenizationConfig(64))
    assert encoded.fields["label"].dtype == np.float32
    assert encoded.fields["label"].tolist() == pytest.approx([3.8, 0.0, 5.0])
    assert sequence(encoded, 1) == tokenizer("The cat sleeps.", "It rained.")["input_ids"]
    batch = collate(concatenate([encoded, encoded]), np.array([3, 1, 2]))
    assert batch.fields["label"].dtype == torch.float32
    assert batch.fields["label"].tolist() == pytest.approx([3.8, 0.0, 5.0])


def test_too_long_a_pair_loses_from_its_longer_text(tokenizer: Any) -> None:
    long, short = "river " * 60, "The cat sleeps."
    tail = tokenizer(short, add_special_tokens=False)["input_ids"]
    encoded = encode(TASKS["mnli"], [Pair(long, short, "neutral")], tokenizer, TokenizationConfig(24))
    assert encoded.lengths.tolist() == [24]
    assert sequence(encoded, 0)[-len(tail) - 1 : -1] == tail


def test_choices_of_an_item_stand_together(tokenizer: Any) -> None:
    examples = [Choice("The cat", ("runs.", "reads.", "boils.", "sings."), 2), Choice("Snow", ("a", "b", "c", "d"), 0)]
    encoded = encode(TASKS["hellaswag"], examples, tokenizer, TokenizationConfig(64))
    assert (encoded.items, encoded.group, len(encoded.lengths)) == (2, 4, 8)
    assert encoded.fields["label"].tolist() == [2, 0]
    for number, ending in enumerate(examples[0].choices):
        assert sequence(encoded, number) == tokenizer("The cat", ending)["input_ids"]
    assert encoded.item_lengths.tolist() == [encoded.lengths[:4].sum(), encoded.lengths[4:].sum()]


def test_both_sides_of_a_translation_stand_together_foreign_first(tokenizer: Any) -> None:
    encoded = encode(
        TASKS["tatoeba"], [Parallel("Der Hund.", "The dog."), Parallel("Tee", "Tea")], tokenizer, TokenizationConfig(9)
    )
    assert encoded.group == 2
    texts = ["Der Hund.", "The dog.", "Tee", "Tea"]
    assert [sequence(encoded, n) for n in range(4)] == [tokenizer(text)["input_ids"][:9] for text in texts]


def test_texts_are_cut_with_their_special_tokens_kept(tokenizer: Any) -> None:
    encoded = encode_texts(["river " * 30, "sea"], tokenizer, TokenizationConfig(12))
    whole = tokenizer("river " * 30)["input_ids"]
    assert sequence(encoded, 0) == [*whole[:11], tokenizer.sep_token_id]
    assert sequence(encoded, 1) == tokenizer("sea")["input_ids"]


# Answer retrieval


def test_a_question_is_followed_by_the_sentences_of_a_passage_that_is_new(tokenizer: Any) -> None:
    first, second = Passage("It rained. He left.", ((0, 10), (11, 19))), Passage("Tea.", ((0, 4),))
    examples = [Asked("a", "Who?", first, 1), Asked("b", "When?", second, 0), Asked("c", "Why?", first, 0)]
    encoded = encode(TASKS["squad_r"], examples, tokenizer, TokenizationConfig(64))
    texts = [("Who?",), ("It rained.", first.text), ("He left.", first.text), ("When?",), ("Tea.", "Tea."), ("Why?",)]
    assert [sequence(encoded, n) for n in range(encoded.items)] == [tokenizer(*text)["input_ids"] for text in texts]
    assert encoded.fields["answer"].tolist() == [2, 0, 0, 1, 0, -4]
    assert encoded.fields["example"].tolist() == [0, 0, 0, 1, 1, 2]

    trained = pairs_with_answers(encoded)
    assert (trained.items, trained.group, trained.fields) == (3, 2, {})
    assert [sequence(trained, n) for n in range(6)] == [sequence(encoded, n) for n in (0, 2, 3, 4, 5, 1)]
    twice = pairs_with_answers(concatenate([encoded, encoded]))
    assert twice.tokens.tolist() == [*trained.tokens.tolist()] * 2


def test_mentions_are_encoded_alone_and_entities_in_blocks(tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["Who?", "It rained.", "He left. " * 40]
    asked = encode(TASKS["mewslix"], [Mention(text, text, "Q1") for text in texts], tokenizer, TokenizationConfig(24))
    assert [sequence(asked, n) for n in range(2)] == [tokenizer(text)["input_ids"] for text in texts[:2]]
    assert asked.lengths.tolist()[2] == 24
    assert asked.fields["answer"].tolist() == [APART] * 3
    entities = [Entity(text, text) for text in texts]
    whole = encode(TASKS["candidate_entities"], entities, tokenizer, TokenizationConfig(24))
    assert (whole.tokens.tolist(), whole.offsets.tolist()) == (asked.tokens.tolist(), asked.offsets.tolist())
    monkeypatch.setattr("stilts_ray.kinds.dual_encoder.BLOCK", 2)
    parts = encode(TASKS["candidate_entities"], entities, tokenizer, TokenizationConfig(24))
    assert (parts.tokens.tolist(), parts.offsets.tolist()) == (whole.tokens.tolist(), whole.offsets.tolist())


def test_an_entity_is_encoded_once_for_all_mentions_of_it(tokenizer: Any) -> None:
    mill = Entity("Q1", "It rained.")
    pairs = [Asked("a", "Who?", mill), Asked("b", "When?", Entity("Q2", "Tea.")), Asked("c", "Why?", mill)]
    encoded = encode(TASKS["wikipedia_pairs"], pairs, tokenizer, TokenizationConfig(24))
    texts = ["Who?", "It rained.", "When?", "Tea.", "Why?"]
    assert [sequence(encoded, n) for n in range(5)] == [tokenizer(text)["input_ids"] for text in texts]
    assert encoded.fields["answer"].tolist() == [1, 0, 1, 0, -3]


def test_too_long_a_passage_is_cut_and_its_sentence_is_not(tokenizer: Any) -> None:
    text = "The cat sleeps. " + "river " * 80
    example = Asked("a", "who " * 200, Passage(text, ((0, 15), (16, len(text) - 1))), 0)
    encoded = encode(TASKS["squad_r"], [example], tokenizer, TokenizationConfig(32))
    assert encoded.lengths.tolist() == [32, 32, 32]
    assert tokenizer.decode(sequence(encoded, 1)).count("The cat sleeps") == 2
    assert encode(TASKS["squad_r"], [example], tokenizer, TokenizationConfig(128)).lengths.tolist()[0] == QUESTION


def test_marks_of_a_tokenizer_for_pairs_go_where_their_sequences_go(tiny_encoder: Path) -> None:
    marking = AutoTokenizer.from_pretrained(tiny_encoder)
    template = TemplateProcessing(single="[CLS]:0 $A:0", pair="[CLS]:0 $A:0 $B:1", special_tokens=[("[CLS]", 0)])
    marking.backend_tokenizer.post_processor = template
    marking.model_input_names = ["input_ids", "token_type_ids"]
    passage = Passage("It rained. He left.", ((0, 10), (11, 19)))
    encoded = encode(TASKS["squad_r"], [Asked("a", "Who?", passage, 1)], marking, TokenizationConfig(64))
    assert not any(sequence(encoded, 0, "segments"))
    for number in (1, 2):
        marks = sequence(encoded, number, "segments")
        assert marks == sorted(marks)
        assert set(marks) == {0, 1}
    trained = pairs_with_answers(encoded)
    assert sequence(trained, 1, "segments") == sequence(encoded, 2, "segments")


# Span QA


def spans(data_dir: Path) -> list[Span]:
    """English and Chinese questions, and one with a long answer."""
    data_source, task = FolderSource(data_dir), TASKS["xquad"]
    examples = [e for language in ("en", "zh") for e in load(data_source, task, "validation", language)]
    words = [f"w{number}" for number in range(60)]
    # Long enough to be cut at either end of a window.
    cut = Span("long", " ".join(words), "which?", ((" ".join(words[20:35]), len(" ".join(words[:20])) + 1),))
    return [*(e for e in examples if isinstance(e, Span)), cut]


READINGS = [
    TokenizationConfig(128, 64),
    TokenizationConfig(48, 20),
    TokenizationConfig(40, 8),
    TokenizationConfig(32, 128),
    TokenizationConfig(24, 1),
]
SPECIAL = 4
"""Special tokens of a pair, as in XLM-R."""


@pytest.mark.parametrize("reading", READINGS, ids=str)
def test_windows_mark_the_answer_where_it_is_whole_and_nowhere_else(
    reading: TokenizationConfig, data_dir: Path, tokenizer: Any
) -> None:
    examples = spans(data_dir)
    encoded = encode(TASKS["xquad"], examples, tokenizer, reading)
    marked = set()
    for window in range(encoded.items):
        example = examples[encoded.fields["example"][window]]
        text, at = example.answers[0]
        begin, stop = sequence(encoded, window, "begin"), sequence(encoded, window, "stop")
        first, last = encoded.fields["start"][window], encoded.fields["end"][window]
        inside = [place for place in range(len(begin)) if begin[place] >= 0]
        whole = begin[inside[0]] <= at and stop[inside[-1]] >= at + len(text)
        if whole:
            # The fewest tokens that hold the answer; a token may reach beyond it.
            assert begin[first] <= at < stop[first]
            assert begin[last] < at + len(text) <= stop[last]
            assert example.context[begin[first] : stop[last]].strip() == text or not example.context.isascii()
            marked.add(example.id + example.context)
        else:
            assert (first, last) == (0, 0)
            assert begin[0] == -1
    if reading.max_length == 128:
        assert len(marked) >= len(examples) - 1


@pytest.mark.parametrize("reading", READINGS, ids=str)
def test_windows_of_a_context_cover_all_its_tokens_and_keep_the_question(
    reading: TokenizationConfig, data_dir: Path, tokenizer: Any
) -> None:
    examples = spans(data_dir)
    encoded = encode(TASKS["xquad"], examples, tokenizer, reading)
    assert encoded.lengths.max() <= reading.max_length
    assert encoded.fields["example"].tolist() == sorted(encoded.fields["example"]), (
        "windows of a context are neighbours"
    )
    for number, example in enumerate(examples):
        question = tokenizer(example.question, add_special_tokens=False)["input_ids"]
        question = question[: (reading.max_length - SPECIAL) // 2]
        whole = tokenizer(example.context, add_special_tokens=False)["input_ids"]
        room = reading.max_length - SPECIAL - len(question)
        # A window starts `stride` tokens after the one before, unless they would then share less than a third.
        advance = min(reading.stride, room - room // 3)
        windows = np.flatnonzero(encoded.fields["example"] == number)
        for start, window in enumerate(windows):
            begin, ids = sequence(encoded, window, "begin"), sequence(encoded, window)
            assert ids[1 : len(question) + 1] == question
            here = [token for token, place in zip(ids, begin, strict=True) if place >= 0]
            assert here == whole[start * advance : start * advance + room]
        # The last window is the first one that reaches the end.
        ends = [start * advance + room for start in range(len(windows))]
        assert ends[-1] >= len(whole)
        assert all(end < len(whole) for end in ends[:-1])


def published_starts(context: int, question: int, max_length: int, doc_stride: int) -> list[int]:
    """The first tokens of the windows on a context of so many tokens, told again from the loop in nyu-mll/jiant
    (squad_style/core.py, commit 20913e4) and google-research/xtreme (third_party/processors/squad.py, commit 1e21ba0)."""
    starts: list[int] = []
    left = context
    while len(starts) * doc_stride < context:
        starts.append(len(starts) * doc_stride)
        overlap = max_length - doc_stride - question - SPECIAL
        cut = left - (max_length - question - SPECIAL)
        if cut <= 0:
            break
        # The next window is made of what was cut off and of so many tokens before it.
        left = cut + overlap
        assert left == context - len(starts) * doc_stride
    return starts


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(1, 400), st.integers(1, 15)), min_size=1, max_size=4),
       st.sampled_from([(384, 128), (128, 48), (96, 1)]))  # fmt: skip
def test_windows_start_where_those_of_jiant_and_xtreme_do(
    sizes: list[tuple[int, int]], published: tuple[int, int]
) -> None:
    tokenizer = module_tokenizer()
    max_length, doc_stride = published
    texts = [(" ".join(f"w{n}" for n in range(words)), " ".join(["who"] * asked)) for words, asked in sizes]
    encoded = encode(
        TASKS["squad"],
        [Span("x", context, asked, ()) for context, asked in texts],
        tokenizer,
        TokenizationConfig(*published),
    )
    for number, (context, asked) in enumerate(texts):
        made = tokenizer(context, add_special_tokens=False, return_offsets_mapping=True)
        question = len(tokenizer(asked, add_special_tokens=False)["input_ids"])
        starts = published_starts(len(made["input_ids"]), question, max_length, doc_stride)
        windows = np.flatnonzero(encoded.fields["example"] == number)
        begin = [sequence(encoded, window, "begin") for window in windows]
        found = [next(place for place in places if place >= 0) for places in begin]
        assert found == [made["offset_mapping"][start][0] for start in starts]


@pytest.mark.parametrize("stride", [1, 10, 128])
def test_an_answer_of_a_third_of_a_window_is_whole_in_some_window_wherever_it_is(stride: int, tokenizer: Any) -> None:
    context = " ".join(f"w{number}" for number in range(60))
    made = tokenizer(context, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    question = len(tokenizer("where?", add_special_tokens=False)["input_ids"])
    third = (48 - SPECIAL - question) // 3
    examples = []
    for first, last in zip(made, made[third - 1 :], strict=False):
        begin = first[0] + (context[first[0]] == " ")
        examples.append(Span("x", context, "where?", ((context[begin : last[1]], begin),)))
    encoded = encode(TASKS["squad"], examples, tokenizer, TokenizationConfig(48, stride))
    found = {int(example) for example, end in zip(encoded.fields["example"], encoded.fields["end"], strict=True) if end}
    assert found == set(range(len(examples)))
    assert encoded.items > len(examples)


def test_of_two_equal_texts_the_one_at_the_answers_offset_is_marked(tokenizer: Any) -> None:
    context = "dawn after dawn after dawn"
    encoded = encode(TASKS["squad"], [Span("x", context, "when?", (("dawn", 11),))], tokenizer, TokenizationConfig(64))
    begin, stop = sequence(encoded, 0, "begin"), sequence(encoded, 0, "stop")
    first, last = encoded.fields["start"][0], encoded.fields["end"][0]
    assert begin[first] in (10, 11)
    assert stop[last] == 15


def test_a_question_that_is_too_long_leaves_room_for_the_context(tokenizer: Any) -> None:
    examples = [Span("x", "Anna Lind built the mill." * 5, "who " * 200, (("Anna Lind", 0),))]
    encoded = encode(TASKS["squad"], examples, tokenizer, TokenizationConfig(32, 128))
    assert encoded.lengths.max() <= 32
    assert encoded.fields["end"].max() > 0
    assert encoded.fields["stop"].max() == len(examples[0].context)


# Tagging


@pytest.mark.parametrize("name", ["mnli", "hellaswag", "squad", "udpos", "mlm_text"])
def test_joined_parts_are_what_all_rows_together_give(name: str, data_dir: Path, tokenizer: Any) -> None:
    task = TASKS[name]
    examples = load(FolderSource(data_dir), task, task.train or "train", "en")
    reading = TokenizationConfig(24, 8)
    parts = [encode(task, part, tokenizer, reading) for part in (examples[:3], examples[3:4], examples[4:])]
    whole, made = encode(task, examples, tokenizer, reading), concatenate(parts)
    assert made.group == whole.group
    assert made.tokens.tolist() == whole.tokens.tolist()
    assert made.offsets.tolist() == whole.offsets.tolist()
    assert {n: v.tolist() for n, v in made.fields.items()} == {n: v.tolist() for n, v in whole.fields.items()}
    assert {v.dtype for v in made.fields.values()} <= {np.dtype(np.int32)}


def test_parts_with_other_fields_are_not_concatenated() -> None:
    one, other = (tiny.encoded(TASKS[name], 3, seed=0) for name in ("mnli", "udpos"))
    with pytest.raises(ValueError, match="different fields"):
        concatenate([one, other])


WORDS = st.lists(
    st.sampled_from(["cat", "lighthouse", "Donaudampfschifffahrt", ".", "北京", "a"]), min_size=1, max_size=12
)
TAG = st.sampled_from(TASKS["udpos"].labels)


@given(st.lists(WORDS.flatmap(lambda w: st.tuples(st.just(w), st.lists(TAG, min_size=len(w), max_size=len(w)))),
                min_size=1, max_size=4), st.integers(8, 20))  # fmt: skip
def test_every_word_keeps_its_tag_and_its_tokens_exactly_once(
    sentences: list[tuple[list[str], list[str]]], max_length: int
) -> None:
    tokenizer = module_tokenizer()
    task = TASKS["udpos"]
    examples = [Tagged(tuple(words), tuple(tags)) for words, tags in sentences]
    encoded = encode(task, examples, tokenizer, TokenizationConfig(max_length))
    assert encoded.lengths.max() <= max_length
    room = max_length - 2
    for number, example in enumerate(examples):
        tokens: list[int] = []
        tags: list[int] = []
        for part in np.flatnonzero(encoded.fields["example"] == number):
            ids, labels = sequence(encoded, part), sequence(encoded, part, "tags")
            assert (ids[0], ids[-1]) == (tokenizer.cls_token_id, tokenizer.sep_token_id)
            assert labels[0] == labels[-1] == IGNORE
            assert labels[1] != IGNORE, "a sequence begins with a word's first token"
            tokens += ids[1:-1]
            tags += labels[1:-1]
        words = [tokenizer(word, add_special_tokens=False)["input_ids"][:room] for word in example.words]
        assert tokens == [token for word in words for token in word]
        starts = np.cumsum([0, *(len(word) for word in words)])[:-1]
        assert [place for place, tag in enumerate(tags) if tag != IGNORE] == starts.tolist()
        assert [task.labels[tags[place]] for place in starts] == list(example.tags)


def module_tokenizer(cached: list[Any] = []) -> Any:  # noqa: B006
    """A tokenizer, made once: hypothesis and fixtures do not go together."""
    if not cached:
        cached.append(make_tokenizer(rows.texts(), "bpe", 300))
    return cached[0]


def test_a_sentence_is_split_between_words_as_late_as_possible(tokenizer: Any) -> None:
    example = Tagged(("cat",) * 30, ("NOUN",) * 30)
    size = len(tokenizer("cat", add_special_tokens=False)["input_ids"])
    encoded = encode(TASKS["udpos"], [example], tokenizer, TokenizationConfig(12))
    words = (12 - 2) // size
    assert encoded.lengths.tolist() == [2 + size * min(words, 30 - done) for done in range(0, 30, words)]


def test_a_word_of_which_the_tokenizer_leaves_nothing_is_tagged_as_unknown() -> None:
    tokenizer = make_tokenizer(rows.texts(), "bpe", 300)
    # As the published XLM-R tokenizer drops control characters and soft hyphens.
    backend = tokenizer.backend_tokenizer
    backend.normalizer = normalizers.Replace("\u00ad", "")
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    example = Tagged(("cat", "\u00ad", "cat"), ("NOUN", "X", "VERB"))
    encoded = encode(TASKS["udpos"], [example], tokenizer, TokenizationConfig(32))
    tags = [TASKS["udpos"].labels[tag] for tag in sequence(encoded, 0, "tags") if tag != IGNORE]
    assert tags == ["NOUN", "X", "VERB"]
    assert tokenizer.unk_token_id in sequence(encoded, 0)
