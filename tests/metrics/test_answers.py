"""MLQA's rules, language by language, against cases worked out by hand from its published script."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stilts_ray.metrics import answers
from stilts_ray.metrics.answers import mlqa, normalize_answer, normalize_mlqa, squad
from stilts_ray.tasks import TASKS
from stilts_ray.tasks.benchmarks import BENCHMARKS
from stilts_ray.tasks.examples import Span
from tests.by_kind import score

LANGUAGES = BENCHMARKS["xtreme"]["mlqa"]


@pytest.mark.parametrize(
    "language, text, expected",
    [
        ("en", "The  cat, an «old» one", "cat old one"),
        ("en", "el gato", "el gato"),
        ("es", "¿El gato y las unas?", "gato y"),
        ("es", "the cat", "the cat"),
        ("de", "Der Hund, dem einer hilft; Deinem!", "hund hilft deinem"),
        ("de", "Straße „des“ 17. Juni", "straße 17 juni"),
        ("vi", "những cái nhà của tôi là", "nhà tôi"),
        # Every ال goes, also within a word; the words at its sides come apart.
        ("ar", "الطرق الترابية", "طرق ترابية"),
        ("ar", "سالم والبيت", "س م و بيت"),
        ("ar", "ماذا؟", "ماذا"),
        ("hi", "उत्तर पूर्व।", "उत्तर पूर्व"),
        ("hi", "the a an", "the a an"),
        # A word a character; what is not Chinese is divided by spaces.
        ("zh", "电化电池", "电 化 电 池"),
        ("zh", "在NFL的136次擒杀。", "在 nfl 的 136 次 擒 杀"),
        ("zh", "《电池》，the NFL", "电 池 the nfl"),
        # U+9FA6 is no longer of the published range.
        ("zh", "电龦池", "电 龦 池"),
        ("zh", "龦龦电", "龦龦 电"),
        # Symbols of ASCII's punctuation go, other symbols stay.
        ("en", "$5 + 3^2 = €14", "5 32 €14"),
        # A language that MLQA does not have.
        ("fr", "Le chat, the cat", "le chat the cat"),
    ],
)
def test_answers_are_normalised_by_language(language: str, text: str, expected: str) -> None:
    assert normalize_mlqa(text, language) == expected


@pytest.mark.parametrize(
    "language, gold, predicted, em, f1",
    [
        # Three of four characters, in Chinese.
        ("zh", "电化电池", "电电池", 0, 2 * 1 * (3 / 4) / (1 + 3 / 4)),
        ("de", "der alte Turm", "ein alter Turm", 0, 1 / 2),
        ("de", "der alte Turm", "alte Turm!", 1, 1),
        ("es", "la torre", "torre", 1, 1),
        ("vi", "những ngôi nhà", "ngôi nhà", 1, 1),
        ("ar", "الطرق", "طرق", 1, 1),
        ("hi", "उत्तर पूर्व", "उत्तर", 0, 2 / 3),
    ],
)
def test_answers_are_compared_by_language(language: str, gold: str, predicted: str, em: float, f1: float) -> None:
    scores = mlqa({"q": [gold]}, {"q": predicted}, language)
    assert scores == {
        "em": pytest.approx(100 * em),
        "f1": pytest.approx(100 * f1),
        "score": pytest.approx(50 * (em + f1)),
    }


def test_squads_rule_does_not_know_languages() -> None:
    """The same pairs, by the rule of XQuAD and TyDiQA."""
    assert squad({"q": ["电化电池"]}, {"q": "电电池"})["f1"] == 0
    assert squad({"q": ["der alte Turm"]}, {"q": "alte Turm"})["em"] == 0


def test_missing_answers_score_nothing_and_surplus_ones_are_not_looked_at() -> None:
    gold = {"a": ["电池", "池"], "b": ["电"]}
    assert mlqa(gold, {"a": "池", "c": "电"}, "zh") == {"em": 50.0, "f1": 50.0, "score": 50.0}
    assert mlqa(gold, {}, "zh")["score"] == 0.0


def test_a_task_names_its_rule() -> None:
    """Both rules on the same predictions, as a sweep scores them; only a rule of its own is part of a task's identity."""
    span = Span("q", "电化电池", "?", (("电化电池", 0),))
    by_squad, by_mlqa = TASKS["xquad"], replace(TASKS["xquad"], answers="mlqa")
    assert score(by_squad, [span], ["电电池"], "zh")["f1"] == 0
    assert score(by_mlqa, [span], ["电电池"], "zh")["f1"] == pytest.approx(100 * 6 / 7)
    assert score(by_mlqa, [span], ["电电池"], "hi")["f1"] == 0
    assert "answers" not in by_squad.identity()
    assert by_mlqa.identity() == {**by_squad.identity(), "answers": "mlqa"}
    assert {task.answers for task in TASKS.values()} <= set(answers.RULES)


TEXTS = st.text(st.sampled_from("ab the,.؟北京化الx "), max_size=10)


@given(st.sampled_from(LANGUAGES), TEXTS)
def test_normalising_leaves_single_spaces_and_is_done_once(language: str, text: str) -> None:
    once = normalize_mlqa(text, language)
    assert once.split() == [word for word in once.split(" ") if word]
    if language not in ("en", "ar"):
        # An article or ال may come together where something between was cut out.
        assert normalize_mlqa(once, language) == once


@given(
    st.sampled_from(LANGUAGES), st.dictionaries(st.text(max_size=3), st.tuples(TEXTS, TEXTS), min_size=1, max_size=6)
)
def test_scores_lie_in_range_and_do_not_depend_on_the_order(language: str, pairs: dict[str, tuple[str, str]]) -> None:
    gold = {question: [text] for question, (text, _) in pairs.items()}
    predicted = {question: text for question, (_, text) in pairs.items()}
    scores = mlqa(gold, predicted, language)
    assert all(0 <= value <= 100 for value in scores.values())
    back = mlqa(dict(reversed(gold.items())), dict(reversed(predicted.items())), language)
    assert back == {name: pytest.approx(value) for name, value in scores.items()}


@given(st.dictionaries(st.text(max_size=3), TEXTS.filter(lambda text: bool(normalize_answer(text))), min_size=1))
def test_in_english_both_rules_agree_on_ascii(texts: dict[str, str]) -> None:
    texts = {key: "".join(c for c in text if c.isascii()) or "b" for key, text in texts.items()}
    gold = {question: [text] for question, text in texts.items()}
    predicted = dict(zip(texts, reversed(texts.values()), strict=True))
    assert mlqa(gold, predicted, "en") == squad(gold, predicted)
