"""Plots of the holdout's scores, by task."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mainline.evaluation.formatting import count, plain, share
from mainline.evaluation.results import Review
from mainline.report.plots.axes import HALF, Plot, Side, banded, both, framed, line, square, stairs
from mainline.report.plots.curves import Curves, Floats, calibration, confusion, precision_recall, ranked, recalls, roc
from mainline.report.plots.svg import CANDIDATE, GRID, MUTED, SURFACE, written

MOST_CLASSES = 16
DOTS = 400
STEADY = 0.01  # below this recall, precision is that of a handful of rows


def binary(review: Review, curves: Curves) -> list[Plot]:
    sides = both(curves)
    if not sides:
        return []
    found = []
    if all(ranked(y) for _, y, _ in sides):
        figure, axes = square("False positive rate", "True positive rate")
        axes.plot([0, 1], [0, 1], color=GRID, linewidth=1)
        for colour, y, score in sides:
            line(axes, *roc(y, score), colour)
        found.append(
            Plot(
                "roc", "ROC", "True against false positives, over all thresholds.", written(figure, "roc", "ROC curve")
            )
        )
        figure, axes = square("Recall", "Precision")
        positives = float(sides[0][1].mean())
        axes.axhline(positives, color=GRID, linewidth=1)
        for colour, y, score in sides:
            recall, precision = precision_recall(y, score)
            steady = recall >= STEADY
            line(axes, recall[steady], precision[steady], colour)
        said = f"For a recall of {STEADY:g} and above. The grey line is the share of positives, {share(positives)}."
        found.append(Plot("pr", "Precision and recall", said, written(figure, "pr", "Precision-recall curve")))
    found += [calibrated(sides), distributions(review, sides)]
    return found


def calibrated(sides: Sequence[Side]) -> Plot:
    figure, axes = square("Mean predicted probability", "Share of positives")
    top = 0.0
    for colour, y, score in sides:
        x, shares = calibration(y, score)
        top = max(top, float(x.max()), float(shares.max()))
        line(axes, x, shares, colour, marker="o" if colour == CANDIDATE else "s")
    top = min(1.0, top * 1.08) or 1.0
    axes.plot([0, top], [0, top], color=GRID, linewidth=1, zorder=1)
    axes.set(xlim=(0, top), ylim=(0, top))
    said = "Deciles of the rows by score; on the diagonal, the model is calibrated."
    return Plot("calibration", "Calibration", said, written(figure, "calibration", "Calibration curve"))


def distributions(review: Review, sides: Sequence[Side]) -> Plot:
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
    said = "Shares of rows by score" + (
        f"; the dotted line is the threshold, {review.threshold:g}." if review.threshold is not None else "."
    )
    return Plot("scores", "Scores by label", said, written(figure, "scores", "Distribution of the scores by label"))


def multiclass(review: Review, curves: Curves) -> list[Plot]:
    from matplotlib.patches import Rectangle

    size = curves.candidate.shape[1]
    names = [plain(name, 18) for name in (curves.classes or range(size))]
    matrices = [(colour, confusion(y, score, size)) for colour, y, score in both(curves)]
    if not matrices:
        return []
    matrix = matrices[0][1]
    order = np.sort(np.argsort(-matrix.sum(axis=1), kind="stable")[:MOST_CLASSES])
    left_out = f" The {len(order)} most frequent of {count(size)} classes." if size > len(order) else ""
    names = [names[place] for place in order]
    rates = matrix[np.ix_(order, order)] / np.maximum(matrix[order].sum(axis=1, keepdims=True), 1)
    figure, axes = framed((5.2, 4.6), (0.21, 0.2, 0.77, 0.77))
    axes.grid(visible=False)
    for row, column in np.ndindex(rates.shape):
        box = (column - 0.48, row - 0.48)
        axes.add_patch(Rectangle(box, 0.96, 0.96, facecolor=CANDIDATE, alpha=0.05 + 0.7 * float(rates[row, column])))
        if len(order) <= 10:
            axes.text(column, row, f"{rates[row, column] * 100:.0f}", ha="center", va="center", fontsize=8.5)
    axes.set(xlim=(-0.5, len(order) - 0.5), ylim=(len(order) - 0.5, -0.5), xlabel="Predicted", ylabel="Label")
    axes.set_xticks(
        range(len(order)),
        names,
        rotation=35 if len(order) > 3 else 0,
        ha="right" if len(order) > 3 else "center",
        rotation_mode="anchor",
    )
    axes.set_yticks(range(len(order)), names)
    said = f"Percentage of each label's rows, this model.{left_out}"
    found = [Plot("confusion", "Confusion", said, written(figure, "confusion", "Confusion matrix"))]

    figure, axes = framed((5.2, max(2.2, 1.1 + 0.32 * len(order))), (0.21, 0.2, 0.77, 0.75))
    for colour, one in reversed(matrices):
        axes.plot(
            recalls(one)[order],
            range(len(order)),
            linestyle="",
            color=colour,
            marker="o" if colour == CANDIDATE else "s",
            markersize=6,
            markerfacecolor=colour if colour == CANDIDATE else SURFACE,
        )
    axes.set(xlim=(0, 1), ylim=(len(order) - 0.5, -0.5), xlabel="Recall")
    axes.set_yticks(range(len(order)), names)
    found.append(
        Plot(
            "recall",
            "Recall by class",
            f"Share of each label's rows that are predicted correctly.{left_out}",
            written(figure, "recall", "Recall by class"),
        )
    )
    return found


def regression(review: Review, curves: Curves) -> list[Plot]:
    sides = both(curves)
    if not sides:
        return []
    _, y, predicted = sides[0]
    low, high = middle(np.concatenate([y, predicted]))
    figure, axes = square("Predicted", "Label")
    axes.plot([low, high], [low, high], color=GRID, linewidth=1)
    every = np.linspace(0, len(y) - 1, min(DOTS, len(y))).astype(int)
    axes.plot(predicted[every], y[every], linestyle="", marker=".", markersize=3, color=MUTED, alpha=0.35)
    banded(axes, sides, lambda label, score: label)
    axes.set(xlim=(low, high), ylim=(low, high))
    said = (
        "Median of the label by prediction, with the middle 80 % of the rows; on the diagonal, predictions are correct."
    )
    found = [Plot("predicted", "Predicted and actual", said, written(figure, "predicted", "Label by prediction"))]

    figure, axes = square("Predicted", "Label minus prediction")
    axes.axhline(0, color=GRID, linewidth=1)
    banded(axes, sides, lambda label, score: label - score)
    axes.set(xlim=middle(predicted), ylim=(None, None))
    said = "Median and middle 80 % of the residuals; away from zero, that range of predictions is biased."
    found.append(
        Plot("residuals", "Residuals by prediction", said, written(figure, "residuals", "Residuals by prediction"))
    )

    figure, axes = square("Label minus prediction", "")
    reach = float(np.percentile(np.abs(y - predicted), 99)) or 1.0
    edges = np.linspace(-reach, reach, 61)
    for colour, label, score in sides:
        cells = np.histogram(np.clip(label - score, -reach, reach), edges)[0]
        stairs(axes, cells / max(int(cells.sum()), 1), edges, colour)
    axes.set(yticks=[], ylim=(0, None), xlim=(-reach, reach))
    found.append(
        Plot(
            "errors",
            "Distribution of the residuals",
            "The outermost bars include the tails.",
            written(figure, "errors", "Distribution of the residuals"),
        )
    )
    return found


def middle(values: Floats) -> tuple[float, float]:
    """Where all but the outermost hundredth of the values lie, wide enough for an axis."""
    low, high = np.percentile(values, [0.5, 99.5])
    return (float(low), float(high)) if high > low else (float(low) - 0.5, float(low) + 0.5)
