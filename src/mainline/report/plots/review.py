"""The plots of `report.html`, both models overlaid: this model's line is solid, main's is dashed."""

from __future__ import annotations

from mainline.evaluation.formatting import metric_name, plain
from mainline.evaluation.results import Review
from mainline.report import ordering
from mainline.report.plots import scores
from mainline.report.plots.axes import Plot, listed
from mainline.report.plots.curves import Curves
from mainline.report.plots.svg import BAD, CANDIDATE, GOOD, INK, MUTED, styled, written

LARGEST = 1e100
MOST = 30  # bars or slices in a plot; the table below the plot has them all
BY_TASK = {"binary": scores.binary, "multiclass": scores.multiclass, "regression": scores.regression}
TONES = {"better": (GOOD, "^"), "worse": (BAD, "v"), "": (MUTED, "o")}


def of_scores(review: Review, curves: Curves) -> list[Plot]:
    """What the scores of the holdout look like, by task; none without a finite score."""
    with styled():
        return BY_TASK[review.task](review, curves)


def slices(review: Review) -> Plot | None:
    """Differences by slice with their intervals: a forest plot."""
    rows = [(part, metric) for part, metric in ordering.moved(review) if metric.delta and drawable(metric.delta.value)]
    rows = rows[:MOST]
    if not rows:
        return None
    with styled():
        labels = [f"{plain(part.column, 16)} {plain(part.value, 16)}" for part, _ in rows]
        figure, axes = listed(labels, f"{metric_name(rows[0][1].name)}, this model minus main's")
        axes.axvline(0, color=INK, linewidth=0.9)
        for place, (_, metric) in enumerate(rows):
            assert metric.delta
            colour, marker = TONES[ordering.direction(metric)]
            low, high = metric.delta.low, metric.delta.high
            if low is not None and high is not None and drawable(low, high):
                axes.plot([low, high], [place, place], color=colour, linewidth=1.6)
            axes.plot([metric.delta.value], [place], marker=marker, color=colour, markersize=5.5)
        svg = written(figure, "slices", "Difference by slice with intervals")
    return Plot(
        "slices", "Slices", "Simultaneous intervals; ▲ better, ▼ worse, ● no significant difference.", svg, wide=True
    )


def importance(review: Review) -> Plot | None:
    """Permutation importance as bars, the largest on top."""
    rows = [feature for feature in review.importance if drawable(feature.value, feature.low, feature.high)]
    rows = sorted(rows, key=lambda feature: -feature.value)[:MOST]
    if not rows:
        return None
    with styled():
        labels = [plain(feature.feature, 30) for feature in rows]
        figure, axes = listed(labels, f"Decrease in {metric_name(review.metric)} when the column is shuffled")
        places = range(len(rows))
        axes.barh(places, [f.value for f in rows], height=0.62, color=CANDIDATE, alpha=0.75)
        axes.hlines(places, [f.low for f in rows], [f.high for f in rows], color=INK, linewidth=1.1)
        svg = written(figure, "importance", "Permutation importance")
    return Plot("importance", "Importance", "The line spans the smallest and the largest decrease.", svg, wide=True)


def drawable(*values: float) -> bool:
    """Whether an axis can hold the values: they are finite, and their sums and squares as well."""
    return all(abs(value) < LARGEST for value in values)
