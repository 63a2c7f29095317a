"""The plots of `report.html`, both models overlaid: this one drawn through, main's dashed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mainline.report import view
from mainline.report.curves import (
    Curves,
    Floats,
    band,
    calibration,
    confusion,
    finite,
    precision_recall,
    ranked,
    recalls,
    roc,
)
from mainline.report.svg import BAD, BASELINE, CANDIDATE, GOOD, GRID, INK, MUTED, SURFACE, styled, written
from mainline.report.words import count, metric_name, plain, share
from mainline.results import Review

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HALF = (5.2, 3.7)  # inches of a plot beside another
WIDE = 8.6  # and of one alone
MOST = 30  # bars or slices in a plot; the table beside it has them all
MOST_CLASSES = 16
DOTS = 400


@dataclass(frozen=True)
class Plot:
    name: str
    title: str
    caption: str
    svg: str
    wide: bool = False


def of_scores(review: Review, curves: Curves) -> list[Plot]:
    """What the scores of the holdout look like, by task; none where too little can be drawn."""
    drawn: dict[str, Callable[[Review, Curves], list[Plot]]] = {
        "binary": binary,
        "multiclass": multiclass,
        "regression": regression,
    }
    if not len(curves.y):
        return []
    with styled():
        return drawn[review.task](review, curves)


def binary(review: Review, curves: Curves) -> list[Plot]:
    sides = both(curves)
    counts = {colour: ranked(y, score) for colour, y, score in sides}
    found = []
    if all(counts.values()):
        figure, axes = square("False positive rate", "True positive rate")
        axes.plot([0, 1], [0, 1], color=GRID, linewidth=1)
        for colour, one in counts.items():
            assert one
            line(axes, *roc(one), colour)
        found.append(Plot("roc", "ROC", "True against false positives, over all thresholds.", finished(figure, "roc", "ROC curve")))
        figure, axes = square("Recall", "Precision")
        y = sides[0][1]
        axes.axhline(float(y.mean()), color=GRID, linewidth=1)
        for colour, one in counts.items():
            assert one
            line(axes, *precision_recall(one), colour)
        said = f"The grey line is the share of positives, {share(float(y.mean()))}."
        found.append(Plot("pr", "Precision and recall", said, finished(figure, "pr", "Precision-recall curve")))
    found += [calibrated(sides), distributions(review, sides)]
    return found


def calibrated(sides: Sequence[tuple[str, Floats, Floats]]) -> Plot:
    figure, axes = square("Mean predicted probability", "Share of positives")
    top = 0.0
    for colour, y, score in sides:
        x, shares = calibration(y, score)
        top = max(top, float(x.max()), float(shares.max()))
        line(axes, x, shares, colour, marker="o" if colour == CANDIDATE else "s")
    top = min(1.0, top * 1.08) or 1.0
    axes.plot([0, top], [0, top], color=GRID, linewidth=1, zorder=1)
    axes.set(xlim=(0, top), ylim=(0, top))
    said = "Tenths of the rows by score; on the diagonal, probabilities are shares."
    return Plot("calibration", "Calibration", said, finished(figure, "calibration", "Calibration curve"))


def distributions(review: Review, sides: Sequence[tuple[str, Floats, Floats]]) -> Plot:
    from matplotlib.figure import Figure

    figure = Figure(figsize=HALF)
    top = min(1.0, max(float(np.quantile(score, 0.999)) for _, _, score in sides) * 1.05) or 1.0
    edges = np.linspace(0, top, 41)
    for place, (label, word) in enumerate(((1, "Positive rows"), (0, "Negative rows"))):
        axes = figure.add_axes((0.11, 0.56 - 0.425 * place, 0.86, 0.36))
        for colour, y, score in sides:
            found = np.histogram(np.clip(score[y == label], 0, top), edges)[0]
            stairs(axes, found / max(found.sum(), 1), edges, colour)
        if review.threshold is not None and review.threshold < top:
            axes.axvline(review.threshold, color=MUTED, linewidth=0.8, linestyle=(0, (1, 2)))
        axes.set_title(word, loc="left", fontsize=9.5, pad=3)
        axes.set(xlim=(0, top), yticks=[], ylim=(0, None))
        axes.spines["left"].set_visible(False)
        if place == 0:
            axes.set_xticklabels([])
    axes.set_xlabel("Score")
    said = "Shares of rows by score" + (f"; the dotted line is the threshold, {review.threshold:g}." if review.threshold is not None else ".")
    return Plot("scores", "Scores by label", said, finished(figure, "scores", "Distribution of the scores by label"))


def multiclass(review: Review, curves: Curves) -> list[Plot]:
    size = curves.candidate.shape[1]
    names = [plain(name, 18) for name in (curves.classes or range(size))]
    matrices = [(colour, confusion(y, score, size)) for colour, y, score in both(curves)]
    matrix = matrices[0][1]
    order = np.sort(np.argsort(-matrix.sum(axis=1), kind="stable")[:MOST_CLASSES])
    left_out = f" The {len(order)} most frequent of {count(size)} classes." if size > len(order) else ""
    names = [names[place] for place in order]
    rates = matrix[np.ix_(order, order)] / np.maximum(matrix[order].sum(axis=1, keepdims=True), 1)
    figure, axes = framed((5.2, 4.6), (0.21, 0.2, 0.77, 0.77))
    axes.grid(visible=False)
    for row, column in np.ndindex(rates.shape):
        box = (column - 0.48, row - 0.48)
        axes.add_patch(rectangle(box, 0.96, 0.96, float(rates[row, column])))
        if len(order) <= 10:
            axes.text(column, row, f"{rates[row, column] * 100:.0f}", ha="center", va="center", fontsize=8.5)
    axes.set(xlim=(-0.5, len(order) - 0.5), ylim=(len(order) - 0.5, -0.5), xlabel="Predicted", ylabel="Label")
    axes.set_xticks(range(len(order)), names, rotation=35 if len(order) > 3 else 0, ha="right" if len(order) > 3 else "center", rotation_mode="anchor")
    axes.set_yticks(range(len(order)), names)
    said = f"Per cent of each label's rows, this model.{left_out}"
    found = [Plot("confusion", "Confusion", said, finished(figure, "confusion", "Confusion matrix"))]

    figure, axes = framed((5.2, max(2.2, 1.1 + 0.32 * len(order))), (0.21, 0.2, 0.77, 0.75))
    for colour, one in reversed(matrices):
        axes.plot(recalls(one)[order], range(len(order)), linestyle="", color=colour, marker="o" if colour == CANDIDATE else "s", markersize=6, markerfacecolor=colour if colour == CANDIDATE else SURFACE)
    axes.set(xlim=(0, 1), ylim=(len(order) - 0.5, -0.5), xlabel="Recall")
    axes.set_yticks(range(len(order)), names)
    found.append(Plot("recall", "Recall by class", f"Share of each label's rows that are found.{left_out}", finished(figure, "recall", "Recall by class")))
    return found


def regression(review: Review, curves: Curves) -> list[Plot]:
    sides = both(curves)
    _, y, predicted = sides[0]
    low, high = np.percentile(np.concatenate([y, predicted]), [0.5, 99.5])
    figure, axes = square("Predicted", "Label")
    axes.plot([low, high], [low, high], color=GRID, linewidth=1)
    every = np.linspace(0, len(y) - 1, min(DOTS, len(y))).astype(int)
    axes.plot(predicted[every], y[every], linestyle="", marker=".", markersize=3, color=MUTED, alpha=0.35)
    banded(axes, sides, lambda label, score: label)
    axes.set(xlim=(low, high), ylim=(low, high))
    said = "Median of the label by prediction, with the middle 80 % of the rows; on the diagonal, predictions are true."
    found = [Plot("predicted", "Predicted and actual", said, finished(figure, "predicted", "Label by prediction"))]

    figure, axes = square("Predicted", "Label minus prediction")
    axes.axhline(0, color=GRID, linewidth=1)
    banded(axes, sides, lambda label, score: label - score)
    axes.set(xlim=tuple(np.percentile(predicted, [0.5, 99.5])), ylim=(None, None))
    said = "Median and middle 80 % of the residuals; away from zero, that range of predictions is biased."
    found.append(Plot("residuals", "Residuals by prediction", said, finished(figure, "residuals", "Residuals by prediction")))

    figure, axes = square("Label minus prediction", "")
    reach = float(np.percentile(np.abs(y - predicted), 99)) or 1.0
    edges = np.linspace(-reach, reach, 61)
    for colour, label, score in sides:
        cells = np.histogram(np.clip(label - score, -reach, reach), edges)[0]
        stairs(axes, cells / max(cells.sum(), 1), edges, colour)
    axes.set(yticks=[], ylim=(0, None), xlim=(-reach, reach))
    found.append(Plot("errors", "Distribution of the residuals", "The outermost bars hold the tails.", finished(figure, "errors", "Distribution of the residuals")))
    return found


def slices(review: Review) -> Plot | None:
    """Differences by slice with their intervals: a forest plot."""
    rows = [(part, metric) for part, metric in view.moved(review) if metric.delta][:MOST]
    if not rows:
        return None
    tone = {"better": (GOOD, "^"), "worse": (BAD, "v"), "": (MUTED, "o")}
    with styled():
        height = 0.75 + 0.21 * len(rows)
        figure, axes = framed((WIDE, height), (0.2, 0.5 / height, 0.78, 1 - 0.6 / height))
        axes.axvline(0, color=INK, linewidth=0.9)
        for place, (_, metric) in enumerate(rows):
            assert metric.delta
            colour, marker = tone[view.direction(metric)]
            if metric.delta.low is not None and metric.delta.high is not None:
                axes.plot([metric.delta.low, metric.delta.high], [place, place], color=colour, linewidth=1.6)
            axes.plot([metric.delta.value], [place], marker=marker, color=colour, markersize=5.5)
        axes.set_yticks(range(len(rows)), [f"{plain(p.column, 16)} {plain(p.value, 16)}" for p, _ in rows])
        axes.grid(visible=False, axis="y")
        axes.set(ylim=(len(rows) - 0.4, -0.6), xlabel=f"{metric_name(rows[0][1].name)}, this model minus main's")
        svg = finished(figure, "slices", "Difference by slice with intervals")
    return Plot("slices", "Slices", "Intervals that hold together; ▲ better, ▼ worse, ● not told apart.", svg, wide=True)


def importance(review: Review) -> Plot | None:
    rows = sorted(review.importance, key=lambda feature: -feature.value)[:MOST]
    if not rows:
        return None
    with styled():
        height = 0.75 + 0.21 * len(rows)
        figure, axes = framed((WIDE, height), (0.2, 0.5 / height, 0.78, 1 - 0.6 / height))
        places = range(len(rows))
        axes.barh(places, [f.value for f in rows], height=0.62, color=CANDIDATE, alpha=0.75)
        axes.hlines(places, [f.low for f in rows], [f.high for f in rows], color=INK, linewidth=1.1)
        axes.set_yticks(places, [plain(f.feature, 26) for f in rows])
        axes.grid(visible=False, axis="y")
        axes.set(ylim=(len(rows) - 0.4, -0.6), xlabel=f"Fall of {metric_name(review.metric)} when the column is shuffled")
        svg = finished(figure, "importance", "Permutation importance")
    return Plot("importance", "Importance", "The line spans the smallest and the largest fall of all shuffles.", svg, wide=True)


def both(curves: Curves) -> list[tuple[str, Floats, Floats]]:
    """Colour, labels and scores: this model first."""
    sides = [(CANDIDATE, *finite(curves.y, curves.candidate))]
    if curves.baseline is not None:
        sides.append((BASELINE, *finite(curves.y, curves.baseline)))
    return [side for side in sides if len(side[1])]


def framed(size: tuple[float, float], box: tuple[float, float, float, float]) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=size)
    return figure, figure.add_axes(box)


def square(x: str, y: str) -> tuple[Figure, Axes]:
    figure, axes = framed(HALF, (0.13, 0.15, 0.84, 0.82))
    axes.set(xlabel=x, ylabel=y)
    axes.margins(0.02)
    return figure, axes


def line(axes: Axes, x: Floats, y: Floats, colour: str, marker: str = "") -> None:
    through = colour == CANDIDATE
    axes.plot(
        x, y, color=colour, linewidth=1.9 if through else 1.5, linestyle="-" if through else (0, (4, 2)),
        zorder=3 if through else 2, marker=marker, markersize=4,
    )  # fmt: skip


def stairs(axes: Axes, shares: Floats, edges: Floats, colour: str) -> None:
    if colour == CANDIDATE:
        axes.stairs(shares, edges, color=colour, alpha=0.28, fill=True, linewidth=0)
        axes.stairs(shares, edges, color=colour, linewidth=1.3)
    else:
        axes.stairs(shares, edges, color=colour, linewidth=1.3, linestyle=(0, (4, 2)))


def banded(axes: Axes, sides: Sequence[tuple[str, Floats, Floats]], value: Callable[[Floats, Floats], Floats]) -> None:
    for colour, y, score in sides:
        x, low, middle, high = band(score, value(y, score))
        if colour == CANDIDATE:
            axes.fill_between(x, low, high, color=colour, alpha=0.16, linewidth=0)
        line(axes, x, middle, colour)


def rectangle(corner: tuple[float, float], width: float, height: float, part: float) -> object:
    from matplotlib.patches import Rectangle

    return Rectangle(corner, width, height, facecolor=CANDIDATE, alpha=0.05 + 0.7 * part, linewidth=0)


def finished(figure: Figure, name: str, title: str) -> str:
    return written(figure, name, title)
