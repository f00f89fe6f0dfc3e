"""Entity linking: mentions, the entities they are of, and candidates that are apart."""

import pytest

from stilts_ray.config import Encoder, Pretrained, Recipe, Sweep
from stilts_ray.data.sources import DataSource, HubSource, MiniSource
from stilts_ray.errors import RequestError
from stilts_ray.metrics.pool import Pool
from stilts_ray.plan.build import make_plan
from stilts_ray.plan.inputs import input_splits, used_tasks
from stilts_ray.plan.steps import Evaluation
from stilts_ray.store.pins import lock
from stilts_ray.store.store import Store
from stilts_ray.tasks import TASKS
from stilts_ray.tasks.benchmarks import BENCHMARKS
from stilts_ray.tasks.examples import Asked, Entity, Mention, passages
from stilts_ray.tasks.mewslix import HUB, entity, linked, mention
from tests.pins import at_commits

MILL, LIND = Entity("Q9", "A mill in Arlen."), Entity("Q8", "Ein Bürgermeister.")


def sweep() -> Sweep:
    return Sweep(
        name="s",
        encoders=[Encoder(name="mini", weights=Pretrained(source="mini"))],
        intermediates=[()],
        targets=["mewslix"],
        recipe=Recipe(max_length=64),
    )


def evaluation(data_source: DataSource) -> Evaluation:
    (found,) = (step for step in make_plan(sweep(), data_source).steps if isinstance(step, Evaluation))
    return found


def test_the_target_is_xtreme_rs_trained_on_english_pairs_and_ranks_entities() -> None:
    task = TASKS["mewslix"]
    assert task.languages == BENCHMARKS["xtreme-r"]["mewslix"]
    assert task.trained == "wikipedia_pairs"
    assert task.candidates == "candidate_entities"
    assert {task.name for task in used_tasks(sweep())} == {"mewslix", "wikipedia_pairs", "candidate_entities"}


def test_a_pair_is_named_by_its_own_texts() -> None:
    rows = [{"mention": text, "entity": "A mill."} for text in ("mill: The { mill } .", "it: { it } burnt.")]
    pairs = [linked(row) for row in rows]
    assert [pair.id for pair in pairs] == [row["mention"] for row in rows]
    assert passages(pairs) == (Entity("A mill.", "A mill."),)
    assert Pool.of({"en": pairs}).right == {pair.id: {"A mill."} for pair in pairs}


def test_a_mention_has_the_releases_name_or_its_own_text() -> None:
    row = {"mention": "mill: The { mill } .", "entity_id": "Q9"}
    assert mention(row) == Mention("mill: The { mill } .", "mill: The { mill } .", "Q9")
    assert mention({**row, "example_id": "en-1-7"}).id == "en-1-7"
    assert entity({"entity_id": "Q9", "description": "A mill in Arlen.", "title": "Mill"}) == MILL


def test_mentions_are_ranked_among_the_candidates_that_are_apart() -> None:
    asked = {"en": [Mention("a", "?", "Q9"), Mention("b", "?", "Q8")], "de": [Mention("c", "?", "Q9")]}
    pool = Pool.of(asked).among([LIND, Entity("Q1", "Arlen."), MILL])
    assert pool.names == ("Q8", "Q1", "Q9")
    assert pool.right == {"a": {"Q9"}, "b": {"Q8"}, "c": {"Q9"}}
    assert pool.named(asked["de"], [[2, 0, 1]]) == {"c": ["Q9", "Q8", "Q1"]}


@pytest.mark.parametrize("candidates, reason", [
    ([LIND], "the entity of 'a', Q9, is not among the candidates"),
    ([MILL, LIND, Entity("Q9", "Another mill.")], "3 candidates have 2 names"),
])  # fmt: skip
def test_candidates_among_which_no_answer_could_be_right_are_refused(candidates: list[Entity], reason: str) -> None:
    with pytest.raises(RequestError, match=reason):
        Pool.of({"en": [Mention("a", "?", "Q9")]}).among(candidates)


def test_an_entity_is_one_candidate() -> None:
    assert Asked("a", "Which?", MILL).answer == 0
    with pytest.raises(ValueError, match="answer in sentence 1 of 1"):
        Asked("a", "Which?", MILL, 1)


def test_the_candidates_are_part_of_what_a_score_is_known_by(store: Store) -> None:
    step = evaluation(HubSource(at_commits({HUB: "1" * 40})))
    assert step.identity["candidates"]["data"]["configs"] == ["candidate_entities"]
    assert step.identity["data"]["configs"] == sorted(TASKS["mewslix"].languages)
    other = evaluation(HubSource(at_commits({HUB: "2" * 40})))
    assert other.identity["candidates"] != step.identity["candidates"]
    assert ("candidate_entities", "test", "qaa") in input_splits(evaluation(MiniSource()), MiniSource())
    assert set(lock(make_plan(sweep(), MiniSource()), store).data) == {
        "mewslix",
        "wikipedia_pairs",
        "candidate_entities",
    }


def test_neither_a_target_nor_an_intermediate_task_are_the_candidates() -> None:
    with pytest.raises(RequestError, match="'candidate_entities' has no test languages"):
        make_plan(sweep().model_copy(update={"targets": ("candidate_entities",)}), MiniSource())
