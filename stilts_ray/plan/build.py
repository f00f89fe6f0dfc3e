"""Builds the plan of a sweep: its steps, their inputs and their digests.

A step's digest covers its resolved configuration, its data and the digests of the steps it depends on. Equal steps therefore
have equal digests and are planned once: an intermediate trial serves every target, and XQuAD shares its fine-tuning with any
other target that trains on SQuAD from the same parent. Nothing here trains, downloads or imports torch.
"""

from dataclasses import dataclass, field

from stilts_ray import tasks
from stilts_ray.config import Encoder, Mixture, Optimizer, Pretrained, Pretraining, Recipe, Sweep, Untrained
from stilts_ray.data.repository import is_commit
from stilts_ray.data.sources import UNRESOLVED, DataSource, HubSource
from stilts_ray.errors import RequestError, did_you_mean
from stilts_ray.identity import JSON, digest
from stilts_ray.plan.inputs import encoder_pin, folder_or_hub_id, pretrained_on_hub, training_splits, used_tasks
from stilts_ray.plan.steps import (
    VERSION,
    Condition,
    EncoderRef,
    Evaluation,
    EvaluationInput,
    InferenceConfig,
    Pretrain,
    Ranking,
    Step,
    Study,
    TaskInput,
)
from stilts_ray.plan.tokens import trial_tokens
from stilts_ray.tasks import Task
from stilts_ray.tasks.base import BY_VECTOR, Kind


@dataclass(frozen=True)
class Plan:
    """All steps of a sweep, in topological order."""

    sweep: Sweep
    data_source: DataSource
    steps: tuple[Step, ...]
    by_digest: dict[str, Step] = field(init=False)
    dependants: dict[str, list[Step]] = field(init=False)
    """Digest of a step -> steps with it in `depends_on`."""

    def __post_init__(self) -> None:
        dependants: dict[str, list[Step]] = {step.digest: [] for step in self.steps}
        for step in self.steps:
            for upstream in step.depends_on:
                dependants[upstream].append(step)
        object.__setattr__(self, "by_digest", {step.digest: step for step in self.steps})
        object.__setattr__(self, "dependants", dependants)

    @property
    def conditions(self) -> list[Condition]:
        """The rows of the result table, in the sweep's order."""
        return [step for step in self.steps if isinstance(step, Condition)]

    @property
    def unresolved(self) -> list[str]:
        """Hub repositories whose commit is not known yet. Digests are provisional until this is empty."""
        encoders = pretrained_on_hub(self.sweep)
        pinned = {key for key, weights in encoders.items() if is_commit(weights.revision)}
        names = set(encoders) - pinned - set(self.data_source.repositories)
        if isinstance(self.data_source, HubSource):
            names |= {name for task in used_tasks(self.sweep) for name in self.data_source.unresolved(task)}
        return sorted(names)


def make_plan(sweep: Sweep, data_source: DataSource) -> Plan:
    """The plan of `sweep` on the data of `data_source`. Raises RequestError for an invalid request."""
    _check_names(sweep)
    builder = _Builder(sweep, data_source)
    names: dict[str, str] = {}
    for encoder in sweep.encoders:
        ref = builder.encoder(encoder)
        if (other := names.setdefault(ref.digest, encoder.name)) != encoder.name:
            raise RequestError(f"encoders: '{other}' and '{encoder.name}' are the same encoder")
        for mixture in sweep.mixtures:
            builder.condition(ref, mixture)
    return Plan(sweep, data_source, tuple(builder.steps.values()))


def _check_names(sweep: Sweep) -> None:
    used = {task.name for task in used_tasks(sweep)}
    for field_name, names in (("recipes", sweep.recipes), ("languages", sweep.languages)):
        for name in names:
            if name not in used:
                raise RequestError(f"{field_name}: the sweep does not use '{name}'; {did_you_mean(name, sorted(used))}")


class _Builder:
    """Collects the steps of a plan without duplicates."""

    def __init__(self, sweep: Sweep, data_source: DataSource) -> None:
        self.sweep, self.data_source = sweep, data_source
        self.steps: dict[str, Step] = {}

    def add(self, step: Step) -> str:
        self.steps.setdefault(step.digest, step)
        return step.digest

    def encoder(self, encoder: Encoder) -> EncoderRef:
        if isinstance(encoder.weights, Pretrained):
            return self.pretrained(encoder.name, encoder.weights)
        step = self.pretrain(encoder.name, encoder.weights)
        return EncoderRef(name=encoder.name, digest=self.add(step), location=None)

    def pretrained(self, name: str, weights: Pretrained) -> EncoderRef:
        pin = encoder_pin(weights, self.data_source)
        # Load the commit that the digest covers, not the branch that the sweep names.
        revision = pin.get("revision")
        return EncoderRef(
            name=name,
            digest=digest({"kind": "encoder", "version": VERSION["encoder"], **pin}),
            location=folder_or_hub_id(weights.source),
            revision=None if revision == UNRESOLVED else revision,
        )

    def pretrain(self, name: str, weights: Pretraining | Untrained) -> Pretrain:
        if isinstance(weights, Untrained):
            like = Pretrained(source=weights.like)
            pins: dict[str, JSON] = {"like": encoder_pin(like, self.data_source)}
            return Pretrain(name=name, weights=weights, pins=pins, like=self.pretrained(name, like))
        texts = {text: tasks.get(text) for text in weights.texts}
        data = {
            text: self.data_source.identity(task, task.train or "train", weights.languages)
            for text, task in texts.items()
        }
        return Pretrain(name=name, weights=weights, pins=data)

    def condition(self, encoder: EncoderRef, mixture: Mixture) -> None:
        parent = encoder.digest
        path: tuple[str, ...] = (encoder.name,)
        if mixture.tasks:
            parent = self.study(encoder, parent, path, mixture).digest
            path = (*path, mixture_slug(mixture.parts))
        cells = {name: self.cell(encoder, parent, path, tasks.get(name)) for name in self.sweep.targets}
        if not self.sweep.targets:
            return
        name = f"{encoder.name}.{mixture_slug(mixture.parts) or 'baseline'}"
        depends_on = tuple(cells.values())
        self.add(Condition(name=name, depends_on=depends_on, encoder=encoder, mixture=mixture, cells=cells))

    def cell(self, encoder: EncoderRef, parent: str, path: tuple[str, ...], task: Task) -> str:
        for name in task.training:
            parent = self.study(encoder, parent, path, Mixture(tasks=(name,))).digest
            path = (*path, name)
        return self.add(
            Evaluation(
                name=".".join(path) + f".{task.name}-test",
                depends_on=(parent,) if parent in self.steps else (),
                encoder=encoder,
                of=parent,
                input=self.evaluation_input(task),
                # Scores of an encoder without fine-tuning do not depend on a seed.
                seeds=self.sweep.seeds if parent != encoder.digest else self.sweep.seeds[:1],
            )
        )

    def evaluation_input(self, task: Task) -> EvaluationInput:
        recipe, languages = self.sweep.recipe_of(task.trained or task.name), self.languages(task)
        candidates = None
        if task.candidates:
            pool = tasks.get(task.candidates)
            source = (self.data_source.source_language,)
            candidates = self.data_source.identity(pool, pool.test or "test", source)
        return EvaluationInput(
            task=task.name,
            languages=languages,
            data=self.data_source.identity(task, task.test or "test", languages),
            candidates=candidates,
            inference=InferenceConfig(
                max_length=recipe.max_length, stride=recipe.stride, max_answer_length=recipe.max_answer_length
            ),
            retrieval=self.sweep.retrieval if task.kind in BY_VECTOR else None,
        )

    def languages(self, task: Task) -> tuple[str, ...]:
        available = self.data_source.languages(task)
        selected = self.sweep.languages.get(task.name, available)
        for code in selected:
            if code not in available:
                raise RequestError(f"languages: {task.name} has no '{code}'; {did_you_mean(code, list(available))}")
        return selected

    def study(self, encoder: EncoderRef, parent: str, path: tuple[str, ...], mixture: Mixture) -> Study:
        recipes = {name: self.sweep.recipe_of(name) for name in mixture.trained}
        _check_optimizers({name: recipe.optimizer for name, recipe in recipes.items()})
        ranking = self.ranking(encoder, mixture) if mixture.difficulty_quantiles else None
        tokens = trial_tokens(self.data_source, mixture, recipes)
        study = Study(
            name=".".join((*path, mixture_slug(mixture.parts))),
            depends_on=tuple(upstream for upstream in (parent, ranking) if upstream in self.steps),
            encoder=encoder,
            parent=parent,
            mixture=mixture,
            inputs=task_inputs(self.data_source, mixture, recipes),
            search=self.sweep.search,
            seeds=self.sweep.seeds,
            tokens=tokens.packed,
            padded_tokens=tokens.padded,
            ranking=ranking,
        )
        self.add(study)
        return study

    def ranking(self, encoder: EncoderRef, mixture: Mixture) -> str:
        (task,) = mixture.tasks
        if tasks.get(task).kind is Kind.DUAL:
            raise RequestError(
                f"intermediates: {task} has no difficulty quantiles; the loss of an example depends on its batch"
            )
        unfiltered = self.study(encoder, encoder.digest, (encoder.name,), mixture.unfiltered)
        return self.add(
            Ranking(
                name=f"{unfiltered.name}-ranking",
                depends_on=(unfiltered.digest,),
                encoder=encoder,
                of=unfiltered.digest,
                mixture=unfiltered.mixture,
                recipe=unfiltered.recipes[task],
                seeds=unfiltered.seeds,
            )
        )


def _check_optimizers(optimizers: dict[str, Optimizer]) -> None:
    """Raises RequestError if tasks that are trained together have different optimizers, and names the fields that differ."""
    differing = []
    for field_name in Optimizer.model_fields:
        owners: dict[float, list[str]] = {}
        for task, optimizer in optimizers.items():
            owners.setdefault(getattr(optimizer, field_name), []).append(task)
        if len(owners) > 1:
            values = ", ".join(f"{value:g} ({', '.join(names)})" for value, names in owners.items())
            differing.append(f"{field_name} is {values}")
    if differing:
        together = ", ".join(optimizers)
        raise RequestError(f"recipes: {together} are trained together and need one optimizer; {'; '.join(differing)}")


def mixture_slug(parts: tuple[str, ...]) -> str:
    """The parts of a mixture as one name, without characters that are special in paths and URLs: 'mnli[0-33%]' becomes
    'mnli_0-33'."""
    return "-".join(parts).translate({ord("["): "_", ord("]"): None, ord("%"): None})


def task_inputs(data_source: DataSource, mixture: Mixture, recipes: dict[str, Recipe]) -> tuple[TaskInput, ...]:
    """The training inputs of a mixture, one per task."""

    def task_input(name: str) -> TaskInput:
        task = tasks.get(name)
        splits = training_splits(task, mixture, data_source)
        data = {split: data_source.identity(task, split, codes) for split, codes in splits.items()}
        return TaskInput(task=name, recipe=recipes[name], data=data)

    return tuple(map(task_input, mixture.trained))
