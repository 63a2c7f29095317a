"""The plots of `report.html`, both models overlaid: this model's line is solid, main's is dashed."""

from __future__ import annotations

from mainline.evaluation.formatting import metric_name, plain
from mainline.evaluation.results import Review
from mainline.report import ordering
from mainline.report.plots import scores
from mainline.report.plots.axes import Plot, listed
from mainline.report.plots.curves import Curves
from mainline.report.plots.svg import BAD, CANDIDATE, GOOD, INK, MUTED

LARGEST = 1e100
MOST = 30  # bars or slices in a plot; the table below the plot has them all
BY_TASK = {"binary": scores.binary, "multiclass": scores.multiclass, "regression": scores.regression}
TONES = {"better": (GOOD, "^"), "worse": (BAD, "v"), "": (MUTED, "o")}


def of_scores(review: Review, curves: Curves) -> list[Plot]:
    """What the scores of the holdout look like, by task; none without a finite score."""
    return BY_TASK[review.task](review, curves)


def slices(review: Review) -> Plot | None:
    """Differences by slice with their intervals: a forest plot."""
    rows = [(part, metric) for part, metric in ordering.moved(review) if metric.delta and drawable(metric.delta.value)]
    rows = rows[:MOST]
    if not rows:
        return None
    labels = [f"{plain(part.column, 16)} {plain(part.value, 16)}" for part, _ in rows]
    figure, axes = listed(labels, f"{metric_name(rows[0][1].name)}, this model minus main's")
    axes.upright(0, INK, 0.9)
    for place, (_, metric) in enumerate(rows):
        assert metric.delta
        colour, marker = TONES[ordering.direction(metric)]
        low, high = metric.delta.low, metric.delta.high
        if low is not None and high is not None and drawable(low, high):
            axes.line([low, high], [place, place], colour, 1.6)
        axes.marks([metric.delta.value], [place], colour, marker, 6.5)
    svg = figure.written("slices", "Difference by slice with intervals")
    return Plot(
        "slices", "Slices", "Simultaneous intervals; ▲ better, ▼ worse, ● no significant difference.", svg, wide=True
    )


def importance(review: Review) -> Plot | None:
    """Permutation importance as bars, the largest on top."""
    rows = [feature for feature in review.importance if drawable(feature.value, feature.low, feature.high)]
    rows = sorted(rows, key=lambda feature: -feature.value)[:MOST]
    if not rows:
        return None
    labels = [plain(feature.feature, 30) for feature in rows]
    figure, axes = listed(labels, f"Decrease in {metric_name(review.metric)} when the column is shuffled")
    axes.bars([feature.value for feature in rows], CANDIDATE, 0.75)
    for place, feature in enumerate(rows):
        axes.line([feature.low, feature.high], [place, place], INK, 1.1)
    svg = figure.written("importance", "Permutation importance")
    return Plot("importance", "Importance", "The line spans the smallest and the largest decrease.", svg, wide=True)


def drawable(*values: float) -> bool:
    """Whether an axis can hold the values: they are finite, and their sums and squares as well."""
    return all(abs(value) < LARGEST for value in values)
