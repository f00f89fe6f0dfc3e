"""Plans of sweeps: shared steps, what a digest depends on, and one-line errors for invalid requests."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stilts_ray.config import (
    Encoder,
    LogUniform,
    MaskedShare,
    Mixture,
    Optimizer,
    Pretrained,
    Pretraining,
    Recipe,
    Retrieval,
    Search,
    Shape,
    Sweep,
    Untrained,
)
from stilts_ray.config.mini_variant import MINI
from stilts_ray.data.sources import UNRESOLVED, FolderSource, HubSource, MiniSource
from stilts_ray.errors import RequestError
from stilts_ray.plan.build import Plan, make_plan
from stilts_ray.plan.inputs import input_splits
from stilts_ray.plan.steps import Condition, Evaluation, Pretrain, Ranking, Study
from tests.execution.fakes import DATA_SOURCE as HUB
from tests.execution.fakes import REVISIONS, XLMR
from tests.pins import at_commits
from tests.tasks.rows import FIXTURES, write

SHAPE = Shape(layers=1, hidden=8, heads=2, feed_forward=8)
FRESH = Encoder(name="fresh", weights=Pretraining(languages=("en", "de"), vocabulary=200, shape=SHAPE, tokens=1000))


def sweep(**changes: Any) -> Sweep:
    request = {
        "name": "test",
        "encoders": [XLMR],
        "intermediates": [(), ("mnli",), ("squad",), ("hellaswag", "mnli")],
        "targets": ["xnli", "xquad", "udpos", "tatoeba"],
        "seeds": (0, 1),
    }
    return Sweep(**{**request, **changes})


def planned(**changes: Any) -> Plan:
    return make_plan(sweep(**changes), HUB)


def steps(plan: Plan, kind: type) -> dict[str, Any]:
    """Steps of a kind by name."""
    return {step.name: step for step in plan.steps if isinstance(step, kind)}


def digests(plan: Plan) -> set[str]:
    return {step.digest for step in plan.steps}


# Steps


def test_steps_are_unique_and_in_topological_order() -> None:
    plan = planned(encoders=[XLMR, FRESH_ON_HUB])
    seen: set[str] = set()
    for step in plan.steps:
        assert set(step.depends_on) <= seen
        assert step.digest not in seen
        seen.add(step.digest)
    assert len({step.slug for step in plan.steps}) == len(plan.steps)
    assert plan.by_digest == {step.digest: step for step in plan.steps}


FRESH_ON_HUB = Encoder(name="random", weights=Untrained(like="owner/xlmr"))


def test_the_studies_of_a_small_sweep_by_name() -> None:
    plan = planned()
    assert set(steps(plan, Study)) == {
        # Intermediate training; mnli and squad are the baseline's fine-tunings as well.
        "xlmr.mnli",
        "xlmr.squad",
        "xlmr.hellaswag-mnli",
        "xlmr.udpos",
        *(f"xlmr.{row}.{task}" for row in ("mnli", "squad", "hellaswag-mnli") for task in ("mnli", "squad", "udpos")),
    }
    assert [condition.name for condition in plan.conditions] == [
        "xlmr.baseline",
        "xlmr.mnli",
        "xlmr.squad",
        "xlmr.hellaswag-mnli",
    ]
    assert [condition.intermediate for condition in plan.conditions] == [
        (),
        ("mnli",),
        ("squad",),
        ("hellaswag", "mnli"),
    ]
    assert all(set(condition.cells) == {"xnli", "xquad", "udpos", "tatoeba"} for condition in plan.conditions)


def test_a_baselines_fine_tuning_is_the_intermediate_study_of_the_same_task() -> None:
    plan = planned()
    studies, evaluations = steps(plan, Study), steps(plan, Evaluation)
    assert evaluations["xlmr.mnli.xnli-test"].of == studies["xlmr.mnli"].digest
    assert evaluations["xlmr.squad.xquad-test"].of == studies["xlmr.squad"].digest
    assert studies["xlmr.mnli.mnli"].parent == studies["xlmr.mnli"].digest
    # Without that condition the plan still has the study, with the same digest.
    alone = steps(planned(intermediates=[()], targets=["xnli"]), Study)
    assert alone == {"xlmr.mnli": studies["xlmr.mnli"]}


def test_two_targets_of_one_training_task_share_the_study(monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from stilts_ray import tasks

    # A second target that is trained on SQuAD, as MLQA is.
    other = replace(tasks.get("xquad"), name="other_qa", languages=("en", "de"))
    monkeypatch.setitem(tasks.TASKS, "other_qa", other)
    plan = planned(intermediates=[(), ("squad",)], targets=["xquad", "other_qa"])
    assert set(steps(plan, Study)) == {"xlmr.squad", "xlmr.squad.squad"}
    assert len(steps(plan, Evaluation)) == 4


def test_retrieval_evaluates_the_parent_without_training() -> None:
    plan = planned(targets=["tatoeba"])
    assert set(steps(plan, Study)) == {"xlmr.mnli", "xlmr.squad", "xlmr.hellaswag-mnli"}
    evaluations = steps(plan, Evaluation)
    baseline = evaluations["xlmr.tatoeba-test"]
    assert (baseline.depends_on, baseline.of, baseline.seeds) == ((), baseline.encoder.digest, (0,)), "one run"
    assert evaluations["xlmr.mnli.tatoeba-test"].seeds == (0, 1)
    assert evaluations["xlmr.mnli.tatoeba-test"].depends_on == (steps(plan, Study)["xlmr.mnli"].digest,)


def test_without_targets_there_are_no_conditions() -> None:
    plan = planned(targets=[])
    assert not plan.conditions
    assert set(steps(plan, Study)) == {"xlmr.mnli", "xlmr.squad", "xlmr.hellaswag-mnli"}


def test_a_pretrain_step_precedes_its_studies() -> None:
    plan = planned(encoders=[FRESH_ON_HUB], intermediates=[()], targets=["xnli"])
    first, study = plan.steps[0], plan.steps[1]
    assert isinstance(first, Pretrain)
    assert isinstance(study, Study)
    assert study.depends_on == (first.digest,)
    assert study.encoder.location is None


def test_trials_and_tokens_are_counted() -> None:
    study = steps(planned(search=Search(learning_rates=(1e-5, 2e-5, 3e-5)), seeds=(0, 1)), Study)["xlmr.mnli"]
    assert study.trials == 4, "three of the search, and the second seed at the chosen rate"
    assert study.tokens == 3 * 392_702 * 45
    short = Recipe(epochs=2, train_examples=1000, max_length=32)
    assert steps(planned(recipe=short), Study)["xlmr.mnli"].tokens == 2 * 1000 * 32
    # A multiple choice has as many sequences as choices.
    mixture = steps(planned(recipe=short), Study)["xlmr.hellaswag-mnli"]
    assert mixture.tokens == 2 * 1000 * (32 + min(214, 4 * 32))


def test_all_languages_unless_restricted() -> None:
    evaluations = steps(planned(languages={"xnli": ["de", "en"]}), Evaluation)
    assert evaluations["xlmr.mnli.xnli-test"].languages == ("de", "en")
    assert len(evaluations["xlmr.squad.xquad-test"].languages) == 11


# What a digest depends on


def test_planning_is_deterministic_and_independent_of_the_requests_form() -> None:
    one = planned(
        recipes={"mnli": Recipe(epochs=1), "squad": Recipe(epochs=2)},
        languages={"xnli": ["en", "de"], "udpos": ["en"]},
    )
    other = make_plan(
        Sweep(
            languages={"udpos": ("en",), "xnli": ("de", "en")},
            recipes={"squad": Recipe(epochs=2), "mnli": Recipe(epochs=1, batch_size=32)},
            seeds=[0, 1],
            targets=("tatoeba", "udpos", "xnli", "xquad"),
            intermediates=((), ("mnli", "hellaswag"), ("squad",), ("mnli",)),
            encoders=(Encoder(name="called-otherwise", weights=Pretrained(source="owner/xlmr")),),
            name="other",
        ),
        HubSource(at_commits(dict(reversed(REVISIONS.items())))),
    )
    assert digests(one) == digests(other)


def test_digests_do_not_depend_on_paths(data_dir: Path, tiny_encoder: Path, tmp_path: Path) -> None:
    """A Runtime is no argument of the plan. Of data and encoder folders, contents count and paths do not."""
    request = {"targets": ["xnli", "tatoeba"], "languages": {"xnli": ["en", "de"], "tatoeba": ["de"]}}

    def at(data: Path, encoder: Path) -> set[str]:
        tiny = Encoder(name="tiny", weights=Pretrained(source=str(encoder)))
        return digests(make_plan(sweep(encoders=[tiny], **request), FolderSource(data)))

    moved = Path(shutil.copytree(data_dir, tmp_path / "data")), Path(shutil.copytree(tiny_encoder, tmp_path / "e"))
    assert at(data_dir, tiny_encoder) == at(*moved)
    (moved[1] / "model.safetensors").write_bytes(b"other weights")
    assert not at(data_dir, tiny_encoder) & at(*moved)


def other_value(model: Any, name: str) -> Any:
    """Another valid value of a field."""
    value = getattr(model, name)
    match value:
        case Optimizer():
            return Optimizer(clip=0.5)
        case None:
            return 7
        case int():
            return value + 1
        case float():
            return value / 2
    raise TypeError(name)


@pytest.mark.parametrize("field", Recipe.model_fields)
def test_every_field_of_a_recipe_is_part_of_a_studys_identity(field: str) -> None:
    changed = Recipe().model_copy(update={field: other_value(Recipe(), field)})
    before, after = planned(), planned(recipe=changed)
    assert not {s.digest for s in steps(before, Study).values()} & {s.digest for s in steps(after, Study).values()}
    # Of one task alone: only what trains on it, and what follows from that.
    one = planned(recipes={"squad": changed})
    same = {name for name, step in steps(before, Study).items() if step == steps(one, Study)[name]}
    assert same == {"xlmr.mnli", "xlmr.udpos", "xlmr.hellaswag-mnli"} | {
        f"xlmr.{row}.{task}" for row in ("mnli", "hellaswag-mnli") for task in ("mnli", "udpos")
    }


@pytest.mark.parametrize("field", Optimizer.model_fields)
def test_every_field_of_an_optimizer_is_part_of_a_studys_identity(field: str) -> None:
    changed = Optimizer().model_copy(update={field: other_value(Optimizer(), field)})
    studies = [steps(planned(recipe=Recipe(optimizer=one)), Study) for one in (Optimizer(), changed)]
    assert studies[0]["xlmr.mnli"].digest != studies[1]["xlmr.mnli"].digest


MIXED = Mixture(tasks=("mnli", "pawsx"))
VARIANTS = [
    MIXED,
    MIXED.model_copy(update={"cap": 1000}),
    MIXED.model_copy(update={"temperature": 2.0}),
    MIXED.model_copy(update={"masked": MaskedShare(share=0.1, languages=("en",))}),
    MIXED.model_copy(update={"masked": MaskedShare(share=0.2, languages=("en",))}),
    MIXED.model_copy(update={"masked": MaskedShare(share=0.1, languages=("en",), mask=0.3)}),
    MIXED.model_copy(update={"masked": MaskedShare(share=0.1, languages=("de",))}),
    Mixture(tasks=("pawsx",)),
    Mixture(tasks=("pawsx",), languages=("de",)),
    Mixture(tasks=("pawsx",), languages=("en", "de")),
    Mixture(tasks=("pawsx",), difficulty_quantiles=(0, 0.5)),
    Mixture(tasks=("pawsx",), difficulty_quantiles=(0.5, 1)),
    Mixture(tasks=("pawsx",), difficulty_quantiles=(0, 1)),
    Mixture(tasks=("pawsx",), languages=("de",), difficulty_quantiles=(0, 0.5)),
    Mixture(tasks=("pawsx",), difficulty_quantiles=(0, 0.5), masked=MaskedShare(share=0.1, languages=("en",))),
]


def on_fixture(mixture: Mixture | tuple[str, ...], data: Path, encoder: Path) -> Plan:
    """A plan on the fixture rows with one intermediate."""
    tiny = Encoder(name="tiny", weights=Pretrained(source=str(encoder)))
    return make_plan(sweep(encoders=[tiny], intermediates=[mixture], targets=[]), FolderSource(data))


def test_every_field_of_a_mixture_except_its_name_is_part_of_a_studys_identity(
    data_dir: Path, tiny_encoder: Path
) -> None:
    # The last study of a plan is the mixture's own; the study and ranking for its difficulty quantiles precede it.
    found = [on_fixture(variant, data_dir, tiny_encoder).steps[-1].digest for variant in VARIANTS]
    assert len(set(found)) == len(VARIANTS)
    named = [variant.model_copy(update={"name": "other"}) for variant in VARIANTS]
    assert [on_fixture(variant, data_dir, tiny_encoder).steps[-1].digest for variant in named] == found
    assert on_fixture(("pawsx", "mnli"), data_dir, tiny_encoder).steps[0].digest == found[0]
    in_english = Mixture(tasks=("pawsx",), languages=("en",))
    assert on_fixture(in_english, data_dir, tiny_encoder).steps[0].digest == found[7], (
        "the source language is no variant"
    )


def test_a_mixture_reads_its_languages_and_is_selected_on_the_source(data_dir: Path, tiny_encoder: Path) -> None:
    mixture = Mixture(tasks=("pawsx",), languages=("en", "de"), masked=MaskedShare(share=0.1, languages=("de",)))
    plan = on_fixture(mixture, data_dir, tiny_encoder)
    assert input_splits(plan.steps[0], plan.data_source) == [
        ("pawsx", "train", "en"),
        ("pawsx", "train", "de"),
        ("pawsx", "validation", "en"),
        ("mlm_text", "train", "de"),
    ]
    (alone,) = on_fixture(("pawsx",), data_dir, tiny_encoder).steps
    (study,) = plan.steps
    assert isinstance(study, Study)
    assert isinstance(alone, Study)
    assert study.name == "tiny.pawsx@en_de-mlm0.1@de"
    assert study.tokens > 2 * alone.tokens


def test_the_parent_of_a_target_is_the_study_of_its_mixture(data_dir: Path, tiny_encoder: Path) -> None:
    tiny = Encoder(name="tiny", weights=Pretrained(source=str(tiny_encoder)))
    rows = [Mixture(tasks=("pawsx",), languages=("de",), name="german"), ("pawsx",)]
    plan = make_plan(
        sweep(encoders=[tiny], intermediates=rows, targets=["pawsx"], languages={"pawsx": ["en"]}),
        FolderSource(data_dir),
    )
    assert [condition.intermediate for condition in plan.conditions] == [("german",), ("pawsx",)]
    studies = steps(plan, Study)
    assert set(studies) == {"tiny.german", "tiny.german.pawsx", "tiny.pawsx", "tiny.pawsx.pawsx"}
    assert studies["tiny.german.pawsx"].parent == studies["tiny.german"].digest


# Difficulty quantiles

THIRDS = tuple(Mixture(tasks=("squad",), difficulty_quantiles=(part / 3, (part + 1) / 3)) for part in range(3))
THIRD_NAMES = tuple(f"xlmr.squad_{difficulty_quantiles}" for difficulty_quantiles in ("0-33", "33-67", "67-100"))


def test_difficulty_quantiles_depend_on_the_unfiltered_study_in_every_sweep() -> None:
    unfiltered = steps(planned(intermediates=[("squad",)], targets=[]), Study)["xlmr.squad"]
    for intermediates in (THIRDS, [(), ("squad",), *THIRDS]):
        plan = planned(intermediates=intermediates, targets=["xquad"])
        studies, rankings = steps(plan, Study), steps(plan, Ranking)
        assert studies["xlmr.squad"] == unfiltered, "ranking changes nothing about the study"
        (ranking,) = rankings.values()
        assert (ranking.name, ranking.of) == ("xlmr.squad-ranking", unfiltered.digest)
        assert ranking.depends_on == (unfiltered.digest,)
        for name in THIRD_NAMES:
            assert studies[name].depends_on == (ranking.digest,)
            assert studies[name].parent == unfiltered.parent
            assert studies[f"{name}.squad"].depends_on == (studies[name].digest,)
        assert len({studies[name].digest for name in THIRD_NAMES}) == 3
    plan = planned(encoders=[FRESH_ON_HUB], intermediates=THIRDS[:1], targets=[])
    assert [step.kind for step in plan.steps] == ["pretrain", "study", "ranking", "study"]
    assert plan.steps[-1].depends_on == (plan.steps[0].digest, plan.steps[2].digest)


def test_difficulty_quantiles_change_no_digest_of_other_steps() -> None:
    bare, more = planned(), planned(intermediates=[(), ("mnli",), ("squad",), ("hellaswag", "mnli"), *THIRDS])
    assert digests(bare) < digests(more)
    assert not steps(bare, Ranking)


def test_changes_of_the_ranking_study_change_studies_on_difficulty_quantiles() -> None:
    def third(**changes: Any) -> str:
        return str(steps(planned(intermediates=THIRDS[:1], targets=[], **changes), Study)[THIRD_NAMES[0]].digest)

    changes: list[dict[str, Any]] = [
        {},
        {"recipe": Recipe(epochs=1)},
        {"recipe": Recipe(train_examples=100)},
        {"search": Search(learning_rates=(2e-5,))},
        {"seeds": (0,)},
    ]
    assert len({third(**change) for change in changes}) == len(changes)


def test_tokens_of_thirds_sum_to_those_of_the_unfiltered_study() -> None:
    def tokens(**changes: Any) -> tuple[int, list[int]]:
        studies = steps(planned(intermediates=THIRDS, targets=[], **changes), Study)
        return studies["xlmr.squad"].tokens, [studies[name].tokens for name in THIRD_NAMES]

    unfiltered, thirds = tokens()
    assert sum(thirds) == pytest.approx(unfiltered, rel=1e-5)
    unfiltered, thirds = tokens(recipe=Recipe(epochs=2, train_examples=3000, max_length=100))
    assert (unfiltered, thirds) == (2 * 3000 * 100, [2 * 1000 * 100] * 3), "equal thirds of the capped examples"


def test_a_ranking_reads_what_its_study_reads() -> None:
    plan = planned(intermediates=THIRDS[:1], targets=[])
    study, ranking, difficulty_quantiles = plan.steps
    assert (
        input_splits(ranking, plan.data_source)
        == input_splits(study, plan.data_source)
        == input_splits(difficulty_quantiles, plan.data_source)
    )


SEARCHES = [
    Search(),
    Search(learning_rates=(2e-5,)),
    Search(learning_rates=(1e-5, 2e-5)),
    Search(trials_per_round=2),
    Search(reduction_factor=1.0),
    Search(learning_rates=LogUniform(low=1e-6, high=1e-4, trials=4)),
    Search(learning_rates=LogUniform(low=1e-6, high=1e-4, trials=5)),
    Search(learning_rates=LogUniform(low=2e-6, high=1e-4, trials=5)),
]


def test_search_and_seeds_are_part_of_a_studys_identity() -> None:
    found = [steps(planned(search=search), Study)["xlmr.mnli"].digest for search in SEARCHES]
    found += [steps(planned(seeds=seeds), Study)["xlmr.mnli"].digest for seeds in ((0,), (1, 0), (0, 1, 2))]
    assert len(set(found)) == len(SEARCHES) + 3


def test_the_layer_changes_only_retrieval() -> None:
    before, after = planned(), planned(retrieval=Retrieval(layer=3))
    changed = {step.name for step in before.steps if step.digest not in after.by_digest}
    assert changed == {f"{row}.tatoeba-test" for row in ("xlmr", "xlmr.mnli", "xlmr.squad", "xlmr.hellaswag-mnli")} | {
        condition.name for condition in before.conditions
    }


def test_a_commit_changes_the_steps_that_read_it() -> None:
    after = make_plan(sweep(), HubSource(at_commits(REVISIONS | {"rajpurkar/squad": "9" * 40})))
    changed = {s.name for s in planned().steps if isinstance(s, Study) and s.digest not in after.by_digest}
    assert changed == {"xlmr.squad", "xlmr.mnli.squad", "xlmr.hellaswag-mnli.squad"} | {
        f"xlmr.squad.{task}" for task in ("mnli", "squad", "udpos")
    }
    assert not digests(planned()) & digests(
        make_plan(sweep(), HubSource(at_commits(REVISIONS | {"owner/xlmr": "9" * 40})))
    )


def test_a_row_of_a_data_file_changes_the_steps_that_read_it(
    data_dir: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    data = Path(shutil.copytree(data_dir, tmp_path / "data"))
    tiny = Encoder(name="tiny", weights=Pretrained(source=str(tiny_encoder)))
    request = sweep(encoders=[tiny], intermediates=[(), ("squad",)], targets=["xnli"], languages={"xnli": ["en", "de"]})
    before = make_plan(request, FolderSource(data))
    expected = {
        "glue/mnli/train": {"tiny.mnli", "tiny.squad.mnli"},
        "glue/mnli/validation_matched": {"tiny.mnli", "tiny.squad.mnli"},
        "squad/plain_text/train": {"tiny.squad", "tiny.squad.mnli"},
        "xnli/de/test": set(),
        "xnli/fr/test": None,
        "squad/plain_text/test": None,
    }
    for file, studies in expected.items():
        path = data / f"{file}.parquet"
        kept = path.read_bytes() if path.exists() else None
        path.parent.mkdir(exist_ok=True)
        write(FIXTURES["xnli"].features, FIXTURES["xnli"].rows["en"][:1], path)
        after = make_plan(request, FolderSource(data))
        changed = [step for step in before.steps if step.digest not in after.by_digest]
        if studies is None:
            assert not changed, "no step reads this file"
            path.unlink()
        else:
            assert {step.name for step in changed if isinstance(step, Study)} == studies
            assert any(isinstance(step, Evaluation) for step in changed)
        if kept is not None:
            path.write_bytes(kept)


PRETRAINING = FRESH.weights
CHANGES: dict[str, Any] = {
    "languages": ("en",),
    "texts": {"mlm_text": 0.5, "mlm_parallel": 0.5},
    "tokenizer": "unigram",
    "vocabulary": 201,
    "shape": SHAPE.model_copy(update={"dropout": 0.0}),
    "tokens": 1001,
    "batch_tokens": 64,
    "max_length": 32,
    "learning_rate": 1e-3,
    "mask": 0.2,
    "optimizer": Optimizer(),
    "seed": 1,
}


@pytest.mark.parametrize("field", Pretraining.model_fields)
def test_every_field_of_a_pretraining_is_part_of_its_identity(field: str, data_dir: Path) -> None:
    def pretrain_digest(weights: Any) -> str:
        request = sweep(encoders=[Encoder(name="x", weights=weights)], intermediates=[("mnli",)], targets=[])
        return make_plan(request, FolderSource(data_dir)).steps[0].digest

    assert pretrain_digest(PRETRAINING) != pretrain_digest(PRETRAINING.model_copy(update={field: CHANGES[field]}))


# Commits


def test_the_resolved_commit_is_loaded() -> None:
    resolved = steps(planned(), Study)["xlmr.mnli"].encoder
    given = Encoder(name="xlmr", weights=Pretrained(source="owner/xlmr", revision="7" * 40))
    assert resolved.revision == "7" * 40
    assert steps(planned(encoders=[given]), Study)["xlmr.mnli"].encoder == resolved


def test_unresolved_repositories_are_listed() -> None:
    assert planned().unresolved == []
    bare = make_plan(sweep(encoders=[XLMR, FRESH_ON_HUB]), HubSource(at_commits({"google/xtreme": "5" * 40})))
    assert bare.unresolved == sorted(set(REVISIONS) - {"google/xtreme"})
    control = make_plan(sweep(encoders=[FRESH_ON_HUB], intermediates=[()], targets=["tatoeba"]), HubSource({}))
    assert control.unresolved == ["google/xtreme", "owner/xlmr"]
    assert steps(bare, Study)["xlmr.mnli"].encoder.revision is None
    assert UNRESOLVED in str(steps(bare, Study)["xlmr.mnli"].identity)


# Invalid requests


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "unknown intermediate": (
        lambda: planned(intermediates=[("mnlli",)]),
        "unknown task 'mnlli'; did you mean 'mnli'?",
    ),
    "unknown target": (lambda: planned(targets=["xnly"]), "unknown task 'xnly'; did you mean 'xnli'?"),
    "a target without tests": (lambda: planned(targets=["squad"]), "'squad' has no test languages; targets are: xnli"),
    "an intermediate without training": (
        lambda: planned(intermediates=[("xnli",)]),
        "'xnli' has no training split and cannot be an intermediate task",
    ),
    "raw text as an intermediate task": (
        lambda: planned(intermediates=[("mlm_text",)]),
        "'mlm_text' is raw text: train on it with Mixture(tasks=..., masked=MaskedShare(...))",
    ),
    "masked text in an unknown language": (
        lambda: make_plan(
            Sweep(
                name="m",
                data="mini",
                encoders=(MINI,),
                intermediates=(Mixture(tasks=("mnli",), masked=MaskedShare(share=0.5, languages=("xx",))),),
                targets=("xnli",),
            ),
            MiniSource(),
        ),
        "mlm_text: no language 'xx' in mini; it has qaa, ",
    ),
    "recipe of an unused task": (
        lambda: planned(targets=["xnli"], intermediates=[()], recipes={"mnly": Recipe()}),
        "recipes: the sweep does not use 'mnly'; did you mean 'mnli'?",
    ),
    "languages of an unused task": (
        lambda: planned(targets=["xnli"], intermediates=[()], languages={"xquad": ["en"]}),
        "languages: the sweep does not use 'xquad'",
    ),
    "unknown language": (
        lambda: planned(languages={"xnli": ["en", "zz"]}),
        "languages: xnli has no 'zz'; known: ar, bg",
    ),
    "difficulty quantiles of a task whose examples have no losses of their own": (
        lambda: planned(intermediates=[Mixture(tasks=("squad_r",), difficulty_quantiles=(0, 0.5))]),
        "intermediates: squad_r has no difficulty quantiles; the loss of an example depends on its batch",
    ),
    "two optimizers in one mixture": (
        lambda: planned(recipes={"mnli": Recipe(optimizer=Optimizer(clip=2.0))}),
        "recipes: hellaswag, mnli are trained together and need one optimizer; clip is 1 (hellaswag), 2 (mnli)",
    ),
    "an encoder that is nowhere": (
        lambda: planned(encoders=[Encoder(name="x", weights=Pretrained(source="/no/such/folder"))]),
        "encoder '/no/such/folder': no such folder, and not a hub id of the form owner/name",
    ),
    "a hub id without an owner": (
        lambda: planned(encoders=[Encoder(name="x", weights=Pretrained(source="xlmr"))]),
        "encoder 'xlmr': no such folder, and not a hub id",
    ),
    "one encoder under two names": (
        lambda: planned(encoders=[XLMR, Encoder(name="again", weights=XLMR.weights)]),
        "encoders: 'xlmr' and 'again' are the same encoder",
    ),
}


@pytest.mark.parametrize("make, message", REFUSED.values(), ids=REFUSED)
def test_an_invalid_request_is_a_one_line_error(make: Callable[[], object], message: str) -> None:
    with pytest.raises(RequestError) as caught:
        make()
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_a_folder_without_an_encoder_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"has no config\.json"):
        planned(encoders=[Encoder(name="x", weights=Pretrained(source=str(tmp_path)))])


def test_a_missing_file_is_an_error_of_planning(tiny_encoder: Path, data_dir: Path) -> None:
    tiny = Encoder(name="tiny", weights=Pretrained(source=str(tiny_encoder)))
    with pytest.raises(RequestError, match=r"xnli: no file xnli/ar/test\.parquet"):
        make_plan(sweep(encoders=[tiny], targets=["xnli"]), FolderSource(data_dir))


def test_the_cells_of_a_condition_are_evaluations_of_its_targets() -> None:
    plan = planned()
    for condition in plan.conditions:
        assert isinstance(condition, Condition)
        for target, digest in condition.cells.items():
            evaluation = plan.by_digest[digest]
            assert isinstance(evaluation, Evaluation)
            assert evaluation.task == target
        assert set(condition.depends_on) == set(condition.cells.values())


def test_a_target_may_train_on_several_tasks_in_sequence(data_dir: Path, tiny_encoder: Path) -> None:
    tiny = Encoder(name="tiny", weights=Pretrained(source=str(tiny_encoder)))
    request = sweep(
        encoders=[tiny], intermediates=[(), ("social_i_qa",)], targets=["xcopa"], languages={"xcopa": ["it"]}
    )
    plan = make_plan(request, FolderSource(data_dir))
    studies = steps(plan, Study)
    assert set(studies) == {
        "tiny.social_i_qa", "tiny.social_i_qa.copa", "tiny.social_i_qa.social_i_qa", "tiny.social_i_qa.social_i_qa.copa",
    }  # fmt: skip
    assert studies["tiny.social_i_qa.copa"].parent == studies["tiny.social_i_qa"].digest
    evaluations = steps(plan, Evaluation)
    baseline = evaluations["tiny.social_i_qa.copa.xcopa-test"]
    assert baseline.of == studies["tiny.social_i_qa.copa"].digest
    assert len(evaluations) == len(plan.conditions) == 2
