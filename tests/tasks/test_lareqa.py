"""Answer retrieval: sentences, and which of them answers a question."""

from typing import Any

import pytest

from stilts_ray.tasks import TASKS
from stilts_ray.tasks.examples import Asked, Passage, passages
from stilts_ray.tasks.lareqa import asked
from stilts_ray.tasks.sentences import MIN_THAI, sentence_breaks
from tests.tasks.rows import BETWEEN, MILL, SQUAD_EN

SPLIT = {
    "english": "He left in 1950. 'Why?' she asked. (Nobody knows.) Dr. Lind and J. R. Vik won 3.5 million!",
    "german": "Er starb am 7. Januar 1943. Im 19. Jahrhundert, d.h. früher, gab es z.B. Mühlen. Ende.",
    "reference": "It was sold.[citation needed] Nobody knew. ",
    "spanish": "¿Quién? La abuela. ¡Bien!",
    "chinese": "交易所成立于1817年。1991年重建。他问：“谁？”她走了！",
    "hindi": "यह नदी है। वह पहाड़ है। कौन?",
    "arabic": "من بنى الطاحونة؟ بنتها آنا. انتهى.",
    "lower case": "it costs five. now e. g. six. 'why?' she asked. no... maybe.",
    "ordinals": "Ludwig XIV. war König. Im 20. yüzyılda öldü. Er war 39. Sie nicht.",
}
PARTS = {
    "english": ["He left in 1950.", "'Why?' she asked.", "(Nobody knows.)", "Dr. Lind and J. R. Vik won 3.5 million!"],
    "german": ["Er starb am 7. Januar 1943.", "Im 19. Jahrhundert, d.h. früher, gab es z.B. Mühlen.", "Ende."],
    "reference": ["It was sold.[citation needed]", "Nobody knew."],
    "spanish": ["¿Quién?", "La abuela.", "¡Bien!"],
    "chinese": ["交易所成立于1817年。1991年重建。", "他问：“谁？”", "她走了！"],
    "hindi": ["यह नदी है।", "वह पहाड़ है।", "कौन?"],
    "arabic": ["من بنى الطاحونة؟", "بنتها آنا.", "انتهى."],
    "lower case": ["it costs five.", "now e. g. six.", "'why?' she asked.", "no... maybe."],
    "ordinals": ["Ludwig XIV. war König.", "Im 20. yüzyılda öldü.", "Er war 39.", "Sie nicht."],
}


@pytest.mark.parametrize("name", SPLIT)
def test_a_text_is_cut_between_its_sentences(name: str) -> None:
    text = SPLIT[name]
    assert [text[start:stop] for start, stop in sentence_breaks(text)] == PARTS[name]


@pytest.mark.parametrize("text", [*SPLIT.values(), MILL, "", " \n", "no mark at all", "...", "ไทย " * 200])
def test_no_character_but_white_space_is_in_no_sentence(text: str) -> None:
    breaks = sentence_breaks(text)
    assert list(breaks) == sorted(breaks)
    inside = [place for start, stop in breaks for place in range(start, stop)]
    assert len(set(inside)) == len(inside)
    assert all(text[place].isspace() for place in set(range(len(text))) - set(inside))


def test_thai_is_cut_at_spaces_that_are_far_enough_apart() -> None:
    text = "แม่น้ำไหลลงทะเล " * 40
    lengths = [stop - start for start, stop in sentence_breaks(text)]
    assert len(lengths) > 2
    assert all(MIN_THAI <= length < MIN_THAI + 20 for length in lengths[:-1])


def row(**changes: Any) -> dict[str, Any]:
    return dict(SQUAD_EN[1]) | changes


def test_the_answer_is_the_sentence_in_which_the_first_answer_begins() -> None:
    found = [asked(row) for row in SQUAD_EN]
    assert [example.answer for example in found] == [0, 0, 2, 0, 1, 1]
    assert len(passages(found)) == 2
    start, stop = found[2].passage.sentences[2]
    assert found[2].passage.text[start:stop].startswith("After the flood of 1901")


def test_given_breaks_are_taken_as_they_are() -> None:
    place = MILL.index("1782")
    given = row(sentence_breaks=[[0, 10], [place - 3, place + 4], [place + 4, len(MILL)]])
    assert asked(given).answer == 1
    assert asked(given).passage.sentences == ((0, 10), (place - 3, place + 4), (place + 4, len(MILL)))
    assert asked(row(sentence_breaks=None)).passage.sentences == sentence_breaks(MILL)


def test_a_question_whose_answer_begins_in_no_sentence_is_left_out() -> None:
    assert asked(row()) is not None
    assert asked(row(**BETWEEN)) is None
    assert asked(row(sentence_breaks=[[0, 10]])) is None


@pytest.mark.parametrize("breaks, reason", [
    ([[0, 999]], "sentence 0 to 999 of a context of"),
    ([[-1, 20]], "sentence -1 to 20 of"),
    ([[20, 20]], "sentence 20 to 20 of"),
    ([[3, 4]], "sentence 3 to 4 is white space"),
    ([[1]], r"holds \[1\], not a pair of integers"),
])  # fmt: skip
def test_breaks_that_are_none_are_refused(breaks: list[list[int]], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        asked(row(sentence_breaks=breaks))


def test_an_example_names_a_sentence_that_is_there() -> None:
    passage = Passage("One. Two.", ((0, 4), (5, 9)))
    assert Asked("q", "Which?", passage, 1).answer == 1
    for answer in (-1, 2):
        with pytest.raises(ValueError, match=f"answer in sentence {answer} of 2"):
            Asked("q", "Which?", passage, answer)


def test_the_target_is_trained_on_squads_rows() -> None:
    assert TASKS["lareqa"].trained == "squad_r"
    assert TASKS["squad_r"].source is TASKS["squad"].source
    assert set(TASKS["lareqa"].languages) == set(TASKS["xquad"].languages)
