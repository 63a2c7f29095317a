"""What changed in the data as a picture: rows by day for each table, next to the part of the metric's change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainline.evaluation.formatting import metric_name, plain, signed
from mainline.evaluation.results import DayChange, Review, TableChange
from mainline.report import ordering
from mainline.report.plots.axes import WIDE, Plot
from mainline.report.plots.review import drawable
from mainline.report.plots.svg import BAD, CANDIDATE, GOOD, INK, MUTED, styled, written

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PANEL, BAR = 1.35, 0.3  # inches: of a table's days, and of a bar of the parts
MOST = 6  # tables with days; the table below the picture has them all


def drawn(review: Review) -> Plot | None:
    """One panel a table, then the parts of the change as bars; None where neither is known."""
    tables = [change for change in review.table_changes if change.days][:MOST]
    parts = [row for row in ordering.data_changes(review) if row.share is not None and drawable(row.share)]
    if not tables and not parts:
        return None
    below = 0.85 + BAR * len(parts) if parts else 0.0
    height = PANEL * len(tables) + below + 0.35
    with styled():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(WIDE, height))
        for place, change in enumerate(tables):
            bottom = height - 0.3 - PANEL * (place + 1) + 0.42
            axes = figure.add_axes((0.11, bottom / height, 0.86, (PANEL - 0.62) / height))
            by_day(axes, change)
            if not place:
                legend(axes)
        if parts:
            left = 0.24
            axes = figure.add_axes((left, 0.35 / height, 0.97 - left, (below - 0.75) / height))
            by_table(axes, [(plain(row.what, 30), row.share or 0.0) for row in parts])
            axes.set_title(f"Part of the change of {metric_name(review.metric)}", loc="left")
        svg = written(figure, "tables", "Rows that differ by day, and the part of the change by table")
    said = "Rows by day of the table's time, those that were removed downwards; below, what each table's change did."
    return Plot("tables", "Rows that differ", said, svg, wide=True)


def legend(axes: Axes) -> None:
    from matplotlib.patches import Patch

    kinds = (("added", GOOD), ("changed", CANDIDATE), ("removed", BAD))
    patches = [Patch(color=colour, label=said) for said, colour in kinds]
    place = {"loc": "lower right", "bbox_to_anchor": (1.0, 0.98), "borderaxespad": 0.0}
    axes.legend(handles=patches, ncols=len(kinds), frameon=False, handlelength=1.0, columnspacing=1.2, **place)


def by_table(axes: Axes, parts: list[tuple[str, float]]) -> None:
    """A bar for each part, with its number at the bar's end."""
    shares = [share for _, share in parts]
    axes.axvline(0, color=INK, linewidth=0.9)
    bars = axes.barh(range(len(parts)), shares, height=0.62, color=MUTED, alpha=0.8)
    axes.bar_label(bars, labels=signed(*shares), padding=4, color=INK, fontsize=9)
    axes.set_yticks(range(len(parts)), [said for said, _ in parts])
    axes.grid(visible=False, axis="y")
    axes.set_ylim(len(parts) - 0.4, -0.6)
    axes.margins(x=0.14)  # for the numbers


def by_day(axes: Axes, change: TableChange) -> None:
    """Bars of every day from the first to the last that differs; removed rows point downwards."""
    days = every(change)
    places = range(len(days))
    axes.bar(places, [day.added for day in days], color=GOOD, width=0.9)
    axes.bar(places, [day.changed for day in days], bottom=[day.added for day in days], color=CANDIDATE, width=0.9)
    axes.bar(places, [-day.removed for day in days], color=BAD, width=0.9)
    axes.axhline(0, color=INK, linewidth=0.8)
    step = max(1, -(-len(days) // 6))
    axes.set_xticks([*places][::step], [day.day for day in days][::step])
    axes.set_title(f"{plain(change.table, 30)}, rows by {change.period}", loc="left")
    axes.tick_params(axis="x", pad=6)  # below the zero of the other axis
    axes.margins(x=0.01)
    axes.locator_params(axis="y", nbins=3, integer=True)


def every(change: TableChange) -> list[DayChange]:
    """The days in between as well, with nothing: a gap is seen as one. Months stand as they are."""
    import datetime as dt

    if change.period != "day" or len(change.days) < 2:
        return change.days
    known = {day.day: day for day in change.days}
    first, last = (dt.date.fromisoformat(change.days[end].day) for end in (0, -1))
    if (last - first).days > 366:
        return change.days
    span = [f"{first + dt.timedelta(days=number)}" for number in range((last - first).days + 1)]
    return [known.get(day, DayChange(day, 0, 0, 0)) for day in span]
