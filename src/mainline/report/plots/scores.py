"""Plots of the holdout's scores, by task."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mainline.evaluation.formatting import count, plain, share
from mainline.evaluation.results import Review
from mainline.report.plots.axes import BARS, HALF, Figure, Plot, Side, banded, both, framed, line, square, stairs
from mainline.report.plots.curves import Curves, Floats, calibration, confusion, precision_recall, ranked, recalls, roc
from mainline.report.plots.svg import CANDIDATE, DOTTED, GRID, MUTED, SURFACE

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
        axes.line([0, 1], [0, 1], GRID, 1)
        for colour, y, score in sides:
            line(axes, *roc(y, score), colour)
        said = "True against false positives, over all thresholds."
        found.append(Plot("roc", "ROC", said, figure.written("roc", "ROC curve")))
        figure, axes = square("Recall", "Precision")
        positives = float(sides[0][1].mean())
        axes.level(positives, GRID)
        for colour, y, score in sides:
            recall, precision = precision_recall(y, score)
            steady = recall >= STEADY
            line(axes, recall[steady], precision[steady], colour)
        said = f"For a recall of {STEADY:g} and above. The grey line is the share of positives, {share(positives)}."
        found.append(Plot("pr", "Precision and recall", said, figure.written("pr", "Precision-recall curve")))
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
    axes.line([0, top], [0, top], GRID, 1, over=BARS)
    axes.x.limits = axes.y.limits = (0, top)
    said = "Deciles of the rows by score; on the diagonal, the model is calibrated."
    return Plot("calibration", "Calibration", said, figure.written("calibration", "Calibration curve"))


def distributions(review: Review, sides: Sequence[Side]) -> Plot:
    figure = Figure(*HALF)
    top = min(1.0, max(float(np.quantile(score, 0.999)) for _, _, score in sides) * 1.05) or 1.0
    edges = np.linspace(0, top, 41)
    for place, (label, word) in enumerate(((1, "Positive rows"), (0, "Negative rows"))):
        axes = figure.add((0.11, 0.56 - 0.425 * place, 0.86, 0.36))
        for colour, y, score in sides:
            found = np.histogram(np.clip(score[y == label], 0, top), edges)[0]
            stairs(axes, found / max(found.sum(), 1), edges, colour)
        if review.threshold is not None and review.threshold < top:
            axes.upright(review.threshold, MUTED, 0.8, DOTTED)
        axes.title, axes.large = word, False
        axes.x.limits, axes.y.limits, axes.y.ticks = (0, top), (0, None), []
        axes.spine, axes.below = False, place == 1
    axes.labels = ("Score", "")
    said = "Shares of rows by score" + (
        f"; the dotted line is the threshold, {review.threshold:g}." if review.threshold is not None else "."
    )
    return Plot("scores", "Scores by label", said, figure.written("scores", "Distribution of the scores by label"))


def multiclass(review: Review, curves: Curves) -> list[Plot]:
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
    rows, columns = (places.ravel() for places in np.indices(rates.shape))
    sizes = np.full(rates.size, 0.96)
    axes.boxes(columns - 0.48, rows - 0.48, sizes, sizes, CANDIDATE, 0.05 + 0.7 * rates.ravel())
    if len(order) <= 10:
        for row, column in np.ndindex(rates.shape):
            axes.says(f"{rates[row, column] * 100:.0f}", column, row, 8.5)
    axes.x.limits, axes.y.limits = (-0.5, len(order) - 0.5), (len(order) - 0.5, -0.5)
    axes.x.ticks = axes.y.ticks = [*enumerate(names)]
    axes.x.grid = axes.y.grid = False
    axes.turned = 35 if len(order) > 3 else 0
    axes.labels = ("Predicted", "Label")
    said = f"Percentage of each label's rows, this model.{left_out}"
    found = [Plot("confusion", "Confusion", said, figure.written("confusion", "Confusion matrix"))]

    figure, axes = framed((5.2, max(2.2, 1.1 + 0.32 * len(order))), (0.21, 0.2, 0.77, 0.75))
    for colour, one in reversed(matrices):
        marker, face = ("o", "") if colour == CANDIDATE else ("s", SURFACE)
        axes.marks(recalls(one)[order], range(len(order)), colour, marker, 6.5, face=face)
    axes.x.limits, axes.y.limits = (0, 1), (len(order) - 0.5, -0.5)
    axes.y.ticks = [*enumerate(names)]
    axes.labels = ("Recall", "")
    said = f"Share of each label's rows that are predicted correctly.{left_out}"
    found.append(Plot("recall", "Recall by class", said, figure.written("recall", "Recall by class")))
    return found


def regression(review: Review, curves: Curves) -> list[Plot]:
    sides = both(curves)
    if not sides:
        return []
    _, y, predicted = sides[0]
    low, high = middle(np.concatenate([y, predicted]))
    figure, axes = square("Predicted", "Label")
    axes.line([low, high], [low, high], GRID, 1)
    every = np.linspace(0, len(y) - 1, min(DOTS, len(y))).astype(int)
    axes.marks(predicted[every], y[every], MUTED, size=2.2, alpha=0.35)
    banded(axes, sides, lambda label, score: label)
    axes.x.limits = axes.y.limits = (low, high)
    said = (
        "Median of the label by prediction, with the middle 80 % of the rows; on the diagonal, predictions are correct."
    )
    found = [Plot("predicted", "Predicted and actual", said, figure.written("predicted", "Label by prediction"))]

    figure, axes = square("Predicted", "Label minus prediction")
    axes.level(0, GRID)
    banded(axes, sides, lambda label, score: label - score)
    axes.x.limits = middle(predicted)
    said = "Median and middle 80 % of the residuals; away from zero, that range of predictions is biased."
    title = "Residuals by prediction"
    found.append(Plot("residuals", title, said, figure.written("residuals", title)))

    figure, axes = square("Label minus prediction", "")
    reach = float(np.percentile(np.abs(y - predicted), 99)) or 1.0
    edges = np.linspace(-reach, reach, 61)
    for colour, label, score in sides:
        cells = np.histogram(np.clip(label - score, -reach, reach), edges)[0]
        stairs(axes, cells / max(int(cells.sum()), 1), edges, colour)
    axes.x.limits, axes.y.limits, axes.y.ticks = (-reach, reach), (0, None), []
    title, said = "Distribution of the residuals", "The outermost bars include the tails."
    found.append(Plot("errors", title, said, figure.written("errors", title)))
    return found


def middle(values: Floats) -> tuple[float, float]:
    """Where all but the outermost hundredth of the values lie, wide enough for an axis."""
    low, high = np.percentile(values, [0.5, 99.5])
    return (float(low), float(high)) if high > low else (float(low) - 0.5, float(low) + 0.5)
