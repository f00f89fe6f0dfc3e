"""From a sweep to its steps: what has to be made, from what, and under which digest.

A step's digest covers its whole resolved configuration, the data it reads and the digests of the steps before it, so equal
work has one digest wherever it is asked for: an intermediate run serves every target, and XQuAD's fine-tuning is any other
SQuAD fine-tuning from the same start. Nothing here trains, downloads or imports torch.
"""

from dataclasses import dataclass, field

from stilts_ray import tasks
from stilts_ray.config import Encoder, Mixture, Optimizer, Pretrained, Pretraining, Recipe, Sweep, Untrained
from stilts_ray.data.repository import is_commit
from stilts_ray.data.sources import UNRESOLVED, DataSource, HubSource
from stilts_ray.errors import RequestError, did_you_mean
from stilts_ray.identity import JSON, digest
from stilts_ray.plan.inputs import encoder_pin, hub_encoders, location, training_splits, used_tasks
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
    """All steps of a sweep, each after those it needs."""

    sweep: Sweep
    data_source: DataSource
    steps: tuple[Step, ...]
    by_digest: dict[str, Step] = field(init=False)
    dependants: dict[str, list[Step]] = field(init=False)
    """By digest of a step, those that name it in `depends_on`."""

    def __post_init__(self) -> None:
        dependants: dict[str, list[Step]] = {step.digest: [] for step in self.steps}
        for step in self.steps:
            for needed in step.depends_on:
                dependants[needed].append(step)
        object.__setattr__(self, "by_digest", {step.digest: step for step in self.steps})
        object.__setattr__(self, "dependants", dependants)

    @property
    def conditions(self) -> list[Condition]:
        """The lines of the result table, in the sweep's order."""
        return [step for step in self.steps if isinstance(step, Condition)]

    @property
    def unresolved(self) -> list[str]:
        """Hub repositories whose commit is not known yet; as long as there are any, digests are provisional."""
        pinned = {key for key, start in hub_encoders(self.sweep).items() if is_commit(start.revision)}
        names = set(hub_encoders(self.sweep)) - pinned - set(self.data_source.repositories)
        if isinstance(self.data_source, HubSource):
            names |= {name for task in used_tasks(self.sweep) for name in self.data_source.unresolved(task)}
        return sorted(names)


def make_plan(sweep: Sweep, data_source: DataSource) -> Plan:
    """The steps of `sweep` with rows from `origin`. Raises RequestError for what cannot be carried out."""
    _check_names(sweep)
    builder = _Builder(sweep, data_source)
    names: dict[str, str] = {}
    for encoder in sweep.encoders:
        checkpoint = builder.encoder(encoder)
        if (other := names.setdefault(checkpoint.digest, encoder.name)) != encoder.name:
            raise RequestError(f"encoders: '{other}' and '{encoder.name}' are the same encoder")
        for mixture in sweep.mixtures:
            builder.condition(checkpoint, mixture)
    return Plan(sweep, data_source, tuple(builder.steps.values()))


def _check_names(sweep: Sweep) -> None:
    used = {task.name for task in used_tasks(sweep)}
    for field_name, names in (("recipes", sweep.recipes), ("languages", sweep.languages)):
        for name in names:
            if name not in used:
                raise RequestError(f"{field_name}: the sweep does not use '{name}'; {did_you_mean(name, sorted(used))}")


class _Builder:
    """Collects steps, each once."""

    def __init__(self, sweep: Sweep, data_source: DataSource) -> None:
        self.sweep, self.data_source = sweep, data_source
        self.steps: dict[str, Step] = {}

    def add(self, step: Step) -> str:
        self.steps.setdefault(step.digest, step)
        return step.digest

    def encoder(self, encoder: Encoder) -> EncoderRef:
        if isinstance(encoder.weights, Pretrained):
            return self.existing(encoder.name, encoder.weights)
        step = self.pretrain(encoder.name, encoder.weights)
        return EncoderRef(name=encoder.name, digest=self.add(step), location=None)

    def existing(self, name: str, weights: Pretrained) -> EncoderRef:
        pin = encoder_pin(weights, self.data_source)
        # The commit that is loaded is the one that is hashed, also where it was looked up.
        revision = pin.get("revision")
        return EncoderRef(
            name=name,
            digest=digest({"kind": "encoder", "version": VERSION["encoder"], **pin}),
            location=location(weights.source),
            revision=None if revision == UNRESOLVED else revision,
        )

    def pretrain(self, name: str, weights: Pretraining | Untrained) -> Pretrain:
        if isinstance(weights, Untrained):
            like = Pretrained(source=weights.like)
            pins: dict[str, JSON] = {"like": encoder_pin(like, self.data_source)}
            return Pretrain(name=name, weights=weights, pins=pins, like=self.existing(name, like))
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
            path = (*path, joined(mixture.parts))
        cells = {name: self.cell(encoder, parent, path, tasks.get(name)) for name in self.sweep.targets}
        if not self.sweep.targets:
            return
        name = f"{encoder.name}.{joined(mixture.parts) or 'baseline'}"
        depends_on = tuple(cells.values())
        self.add(Condition(name=name, depends_on=depends_on, encoder=encoder, mixture=mixture, cells=cells))

    def cell(self, encoder: EncoderRef, parent: str, path: tuple[str, ...], task: Task) -> str:
        of = parent
        for name in task.training:
            of = self.study(encoder, of, path, Mixture(tasks=(name,))).digest
            path = (*path, name)
        return self.add(
            Evaluation(
                name=".".join(path) + f".{task.name}-test",
                depends_on=(of,) if of in self.steps else (),
                encoder=encoder,
                of=of,
                input=self.evaluation_input(task),
                # An encoder that is not fine-tuned has no seeds.
                seeds=self.sweep.seeds if of != encoder.digest else self.sweep.seeds[:1],
            )
        )

    def evaluation_input(self, task: Task) -> EvaluationInput:
        recipe, languages = self.sweep.recipe_of(task.trained or task.name), self.languages(task)
        candidates = None
        if task.candidates:
            ranked = tasks.get(task.candidates)
            source = (self.data_source.source_language,)
            candidates = self.data_source.identity(ranked, ranked.test or "test", source)
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
        there = self.data_source.languages(task)
        wanted = self.sweep.languages.get(task.name, there)
        for code in wanted:
            if code not in there:
                raise RequestError(f"languages: {task.name} has no '{code}'; {did_you_mean(code, list(there))}")
        return wanted

    def study(self, encoder: EncoderRef, parent: str, path: tuple[str, ...], mixture: Mixture) -> Study:
        recipes = {name: self.sweep.recipe_of(name) for name in mixture.trained}
        _check_optimizers({name: recipe.optimizer for name, recipe in recipes.items()})
        ranking = self.ranking(encoder, mixture) if mixture.difficulty_quantiles else None
        tokens = trial_tokens(self.data_source, mixture, recipes)
        study = Study(
            name=".".join((*path, joined(mixture.parts))),
            depends_on=tuple(needed for needed in (parent, ranking) if needed in self.steps),
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
        plain = self.study(encoder, encoder.digest, (encoder.name,), mixture.unfiltered)
        return self.add(
            Ranking(
                name=f"{plain.name}-ranking",
                depends_on=(plain.digest,),
                encoder=encoder,
                of=plain.digest,
                mixture=plain.mixture,
                recipe=plain.recipes[task],
                seeds=plain.seeds,
            )
        )


def _check_optimizers(optimizers: dict[str, Optimizer]) -> None:
    """Raises RequestError where tasks that are trained together do not have one optimizer, by task; names what differs."""
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


def joined(parts: tuple[str, ...]) -> str:
    """An intermediate's parts as one name, without what a path or an address reads otherwise: 'mnli[0-33%]' is
    'mnli_0-33'."""
    return "-".join(parts).translate({ord("["): "_", ord("]"): None, ord("%"): None})


def task_inputs(data_source: DataSource, mixture: Mixture, recipes: dict[str, Recipe]) -> tuple[TaskInput, ...]:
    """What training on a mixture reads, task by task."""

    def of(name: str) -> TaskInput:
        task = tasks.get(name)
        splits = training_splits(task, mixture, data_source)
        data = {split: data_source.identity(task, split, codes) for split, codes in splits.items()}
        return TaskInput(task=name, recipe=recipes[name], data=data)

    return tuple(map(of, mixture.trained))
