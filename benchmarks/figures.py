"""The laboratory's figures, made from its document."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from tables import GROUPS

COLORS = {"mini": "#3b6fb6", "random": "#c2c7cf", "guess": "#d1495b"}
LINES = ("#3b6fb6", "#e0903c", "#4d9d72", "#8a62b5")


def draw(document: dict[str, Any], folder: Path) -> None:
    """Writes transfer.png, relatedness.png, intermediates.png and controls.png, if their parts were measured."""
    with plt.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "figure.dpi": 150}):
        for name, (parts, plot) in _FIGURES.items():
            if document.keys() >= parts:
                figure = plot(document)
                figure.savefig(folder / f"{name}.png", bbox_inches="tight")
                plt.close(figure)


def _grid(count: int, width: float = 3.1, height: float = 2.5) -> tuple[Any, list[Axes]]:
    columns = min(count, 4)
    rows = -(-count // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(width * columns, height * rows), squeeze=False)
    flat = list(axes.flat)
    for unused in flat[count:]:
        unused.set_visible(False)
    figure.tight_layout(h_pad=4.0, w_pad=1.6)
    return figure, flat[:count]


def _transfer(document: dict[str, Any]) -> Any:
    """One panel per target: mini's encoder and random weights as bars by group of languages, the baseline as a line."""
    results = document["transfer"]
    figure, axes = _grid(len(results))
    for axis, (target, cells) in zip(axes, results.items(), strict=True):
        groups = [name for name in GROUPS if name in cells["mini"]]
        for number, encoder in enumerate(("mini", "random")):
            heights = [cells[encoder][name]["mean"] for name in groups]
            errors = [cells[encoder][name]["se"] for name in groups]
            places = [at + 0.4 * number for at in range(len(groups))]
            axis.bar(places, heights, 0.38, yerr=errors, color=COLORS[encoder], label=encoder, error_kw={"lw": 0.8})
        if cells["guess"]:
            for at, name in enumerate(groups):
                height = cells["guess"][name]["mean"]
                label = "guess without a model" if at == 0 else None
                axis.plot([at - 0.22, at + 0.62], [height] * 2, color=COLORS["guess"], lw=1.5, label=label)
        axis.set_xticks(
            [at + 0.2 for at in range(len(groups))], [name.replace(" ", "\n") for name in groups], fontsize=8
        )
        axis.set_title(target, loc="left", fontweight="bold")
        axis.set_ylim(0, 100)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncol=3, frameon=False, bbox_to_anchor=(0.5, -0.12))
    return figure


def _relatedness(document: dict[str, Any]) -> Any:
    """One panel per target: each language's score against its relatedness to the pivot."""
    results = document["transfer"]
    figure, axes = _grid(len(results))
    for axis, (target, cells) in zip(axes, results.items(), strict=True):
        points = [(cells["relatedness"][code], score, code) for code, score in cells["languages"]["mini"].items()]
        axis.scatter([x for x, _, _ in points], [y for _, y, _ in points], s=14, color=COLORS["mini"])
        for x, y, code in points:
            axis.annotate(code, (x, y), xytext=(3, 2), textcoords="offset points", fontsize=6, color="#555")
        axis.set_title(f"{target}   ρ = {cells['spearman']:.2f}", loc="left", fontweight="bold")
        axis.set_xlim(0, 1.08)
        axis.set_xlabel("relatedness")
    return figure


def _intermediates(document: dict[str, Any]) -> Any:
    """Intermediates x targets: the difference from the baseline, in bold if it exceeds two standard errors."""
    results = document["intermediates"]
    rows, targets = list(results), list(next(iter(results.values())))
    figure, axis = plt.subplots(figsize=(1.1 * len(targets) + 1.5, 0.45 * len(rows) + 0.8))
    values = [[results[row][target]["mean"] for target in targets] for row in rows]
    bound = max(abs(value) for line in values for value in line)
    axis.imshow(values, cmap="RdBu", vmin=-bound, vmax=bound, aspect="auto", alpha=0.75)
    for y, row in enumerate(rows):
        for x, target in enumerate(targets):
            cell = results[row][target]
            weight = "bold" if abs(cell["mean"]) > 2 * cell["se"] else "normal"
            text = f"{cell['mean']:+.1f} ±{cell['se']:.1f}"
            axis.text(x, y, text, ha="center", va="center", fontsize=7.5, fontweight=weight)
    axis.set_xticks(range(len(targets)), targets)
    axis.set_yticks(range(len(rows)), rows)
    axis.xaxis.tick_top()
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    return figure


def _controls(document: dict[str, Any]) -> Any:
    """The controls: text in two languages, shared words, and the size of the intermediate task."""
    figure, axes = _grid(4, width=3.0, height=2.6)
    for axis, target in zip(axes[:2], ("udpos", "tatoeba"), strict=True):
        _mixing(axis, document["mixing"], target)
    _related(axes[2], list(document["relatedness"].values()))
    _sizes(axes[3], document["sizes"])
    return figure


def _related(axis: Axes, points: list[dict[str, Any]]) -> None:
    for color, target in zip(LINES, ("udpos", "tatoeba"), strict=False):
        seen = sorted(
            (cells["cognates"], cells[target]["mean"], cells[target]["se"]) for cells in points if target in cells
        )
        axis.errorbar(
            *zip(*[(x, y) for x, y, _ in seen], strict=True), [e for *_, e in seen], color=color, label=target
        )
    axis.set_xlabel("share of the pivot's words")
    axis.set_title("all else fixed", loc="left", fontweight="bold")
    axis.legend(frameon=False, fontsize=7)


def _sizes(axis: Axes, results: dict[str, Any]) -> None:
    for color, target in zip(LINES, ("tydiqa", "pawsx"), strict=False):
        cells = [cells[target] for cells in results.values()]
        means, errors = [cell["mean"] for cell in cells], [cell["se"] for cell in cells]
        axis.errorbar([int(rows) for rows in results], means, errors, color=color, label=target, marker="o", ms=3)
    axis.axhline(0, color="#999", lw=0.7)
    axis.set_xscale("log")
    axis.set_xticks([int(rows) for rows in results], labels=list(results))
    axis.minorticks_off()
    axis.set_xlabel("rows of the intermediate SQuAD")
    axis.set_title("gain over the baseline", loc="left", fontweight="bold")
    axis.legend(frameon=False, fontsize=7)


def _mixing(axis: Axes, results: dict[str, Any], target: str) -> None:
    shares = [int(share) for share in results]
    for color, group in zip(LINES, GROUPS, strict=True):
        cells = [results[share][target].get(group) for share in results]
        if all(cells):
            means, errors = [cell["mean"] for cell in cells], [cell["se"] for cell in cells]
            axis.errorbar(shares, means, errors, color=color, label=group, marker="o", ms=3)
    axis.set_xlabel("% of text in two languages")
    axis.set_title(target, loc="left", fontweight="bold")
    axis.legend(frameon=False, fontsize=7)


_FIGURES: dict[str, tuple[set[str], Callable[[dict[str, Any]], Any]]] = {
    "transfer": ({"transfer"}, _transfer),
    "relatedness": ({"transfer"}, _relatedness),
    "intermediates": ({"intermediates"}, _intermediates),
    "controls": ({"mixing", "relatedness", "sizes"}, _controls),
}
