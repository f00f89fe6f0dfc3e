import pytest

from stilts_ray.config import Encoder, Mixture, Pretrained, Recipe, Retrieval, Untrained
from stilts_ray.execution.jobs import (
    ExistingEncoder,
    Job,
    ParentCheckpoint,
    StoredEncoder,
    from_json,
    pretrain_job,
    rank_job,
    score_job,
    to_json,
    train_job,
)
from stilts_ray.execution.scheduler import Scheduler
from stilts_ray.identity import SHORT, canonical, digest
from stilts_ray.plan.steps import Evaluation, Pretrain, Ranking, Study
from stilts_ray.store.records import RankingRef
from tests.execution import fakes

LOCATION = ExistingEncoder(location="owner/xlmr", revision="7" * 40)
ENCODER = ParentCheckpoint(digest="e" * 64, encoder=LOCATION)


def on(ranking: RankingRef) -> ParentCheckpoint:
    return ENCODER.model_copy(update={"ranking": ranking})


def study(**changes: object) -> Study:
    return next(step for step in fakes.planned(**changes).steps if isinstance(step, Study))


def all_jobs() -> list[Job]:
    """Every job of a sweep with each kind in it."""
    plan = fakes.planned(
        encoders=[fakes.XLMR, fakes.RANDOM],
        intermediates=[(), ("squad", "hellaswag"), Mixture(tasks=("squad",), difficulty_quantiles=(0, 1 / 3))],
        targets=["xnli", "tatoeba"],
        seeds=(0, 1),
    )
    return fakes.run(Scheduler(plan, {}, {}))


def test_a_job_is_plain_data_that_survives_json() -> None:
    jobs = all_jobs()
    assert {job.kind for job in jobs} == {"pretrain", "train", "rank", "score"}
    for job in jobs:
        again = from_json(to_json(job))
        assert (type(again), again, again.digest) == (type(job), job, job.digest)
        assert canonical(job.identity) == job.identity


def test_a_digest_is_that_of_the_identity_and_ends_the_path() -> None:
    for job in all_jobs():
        assert job.digest == digest(job.identity)
        assert job.path == f"{job.kind}/{job.name}-{job.digest[:SHORT]}"
        assert not set(job.name) & set("/[]%*?"), "special characters of stores and the tracking server"


def test_paths_of_a_sweep_are_unique() -> None:
    jobs = all_jobs()
    assert len({job.path for job in jobs}) == len({job.digest for job in jobs}) == len(jobs)


def test_the_digest_of_a_trial() -> None:
    arguments = (study(), ENCODER, 1e-5, 0, ())
    same = [
        train_job(*arguments),
        # The path of the parent and the course of the search do not matter.
        train_job(study(), ENCODER.model_copy(update={"encoder": StoredEncoder(path="pretrain/x")}), 1e-5, 0, ()),
        train_job(study(seeds=(0, 1, 2)), ENCODER, 1e-5, 0, ()),
        train_job(study(encoders=[Encoder(name="other", weights=fakes.XLMR.weights)]), ENCODER, 1e-5, 0, ()),
    ]
    assert len({job.digest for job in same}) == 1
    others = [
        train_job(study(), ENCODER.model_copy(update={"digest": "f" * 64}), 1e-5, 0, ()),
        train_job(study(), ENCODER, 2e-5, 0, ()),
        train_job(study(), ENCODER, 1e-5, 1, ()),
        train_job(study(), ENCODER, 1e-5, 0, (30.0,)),
        train_job(study(), ENCODER, 1e-5, 0, (None,)),
        train_job(study(recipe=Recipe(epochs=1)), ENCODER, 1e-5, 0, ()),
        train_job(study(intermediates=[("squad",)]), ENCODER, 1e-5, 0, ()),
    ]
    assert len({job.digest for job in (*same, *others)}) == len(others) + 1


def test_the_digest_of_a_score_job() -> None:
    def evaluation(**changes: object) -> Evaluation:
        plan = fakes.planned(targets=["tatoeba"], **changes)
        return next(step for step in plan.steps if isinstance(step, Evaluation))

    trial = ParentCheckpoint(digest="a" * 64, encoder=LOCATION, trial="train/x")
    job = score_job(evaluation(), trial, 0)
    assert job.digest == score_job(evaluation(seeds=(1, 2)), trial, 5).digest, (
        "the parent's digest identifies the trial"
    )
    assert job.parent == trial
    others = [
        score_job(evaluation(), ParentCheckpoint(digest="b" * 64, encoder=LOCATION, trial="train/x"), 0),
        score_job(evaluation(retrieval=Retrieval(layer=3)), trial, 0),
        score_job(evaluation(languages={"tatoeba": ("fi",)}), trial, 0),
        score_job(evaluation(recipes={"tatoeba": Recipe(max_length=64)}), trial, 0),
    ]
    assert len({each.digest for each in (job, *others)}) == len(others) + 1


def test_the_digest_of_a_ranking_depends_on_its_trial_and_is_part_of_dependent_trials() -> None:
    def ranking(**changes: object) -> Ranking:
        mixture = Mixture(tasks=("squad",), difficulty_quantiles=(0, 1 / 3))
        steps = fakes.planned(intermediates=[mixture], **changes).steps
        return next(step for step in steps if isinstance(step, Ranking))

    trial = ParentCheckpoint(digest="a" * 64, encoder=LOCATION, trial="train/x")
    job = rank_job(ranking(), trial, 0)
    assert job.digest == rank_job(ranking(seeds=(0, 1)), trial.model_copy(update={"trial": "train/y"}), 0).digest
    assert job.digest != rank_job(ranking(), trial.model_copy(update={"digest": "b" * 64}), 0).digest
    ranked = [on(RankingRef(digest=letter * 64, path="rank/x")) for letter in "cd"]
    trials = [train_job(study(), parent, 1e-5, 0, ()) for parent in (ENCODER, *ranked)]
    assert len({job.digest for job in trials}) == 3
    moved = on(RankingRef(digest="c" * 64, path="rank/y"))
    assert train_job(study(), moved, 1e-5, 0, ()).digest == trials[1].digest


def test_a_pretrain_job_is_its_step() -> None:
    step = next(s for s in fakes.planned(encoders=[fakes.RANDOM]).steps if isinstance(s, Pretrain))
    job = pretrain_job(step)
    assert (job.digest, job.path) == (step.digest, f"pretrain/{step.slug}")
    assert isinstance(job.weights, Untrained)
    assert job.digest == digest(job.identity)


@pytest.mark.parametrize("revision", [None, "8" * 40])
def test_a_trial_knows_the_commit_of_its_encoder(revision: str | None) -> None:
    encoder = Encoder(name="x", weights=Pretrained(source="owner/xlmr", revision=revision))
    scheduler = Scheduler(fakes.planned(encoders=[encoder], intermediates=[()]), {}, {})
    job = scheduler.next()
    assert job is not None
    # Resolved once per store, unless the sweep gives a commit.
    assert job.parent.encoder == ExistingEncoder(location="owner/xlmr", revision=revision or "7" * 40)
