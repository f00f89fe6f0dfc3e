"""Result tables made by hand."""

from collections.abc import Mapping, Sequence
from statistics import mean

from stilts_ray.config import Mixture
from stilts_ray.report.cells import Cell, CellTrial, TableRow
from stilts_ray.report.table import ResultTable

Scores = Sequence[float | None] | Cell | None


def cell(
    scores: Sequence[float | None],
    collapsed: Sequence[int] = (),
    rate: float | None = 1e-5,
    languages: Mapping[str, Mapping[str, float]] | None = None,
    dev: float | Sequence[float | None] | None = None,
) -> Cell:
    """A cell with a trial per score; None: it diverged. `collapsed`: those seeds besides. rate None: the encoder itself. dev:
    of each trial, or of all; None: the target is not trained."""
    lost = {seed for seed, score in enumerate(scores) if score is None} | set(collapsed)
    devs = dev if isinstance(dev, Sequence) else [dev] * len(scores)
    trials = [
        CellTrial(seed=seed, learning_rate=rate, score=score, collapsed=seed in lost, dev=devs[seed])
        for seed, score in enumerate(scores)
    ]
    sound = [score for seed, score in enumerate(scores) if score is not None and seed not in lost]
    return Cell(
        score=mean(sound) if sound else None,
        trials=tuple(trials),
        collapsed=len(lost),
        languages={code: dict(values) for code, values in (languages or {}).items()},
        signature="",
    )


def document(
    rows: Mapping[str, Mapping[str, Scores]], encoder: str = "large", mixtures: Mapping[str, Mixture] | None = None
) -> ResultTable:
    """Rows by the names of their intermediate tasks ("" the baseline, "a+b" a mixture), or of `mixtures`; cells are scores, or
    made by `cell`. Without averages, the best per target and language groups."""
    made = [
        TableRow(
            encoder=encoder,
            intermediate=tuple(name.split("+")) if name else (),
            mixture=(mixtures or {}).get(name, Mixture(tasks=name.split("+") if name else ())),
            average=None,
            delta=None,
            cells={
                target: found if found is None or isinstance(found, Cell) else cell(found)
                for target, found in cells.items()
            },
        )
        for name, cells in rows.items()
    ]
    return ResultTable(sweep="made", average_name="made", rows=tuple(made))
