"""What changed in the data as a picture: rows by day for each table, next to the part of the metric's change."""

from __future__ import annotations

from mainline.evaluation.formatting import metric_name, plain, signed
from mainline.evaluation.results import DayChange, Review, TableChange
from mainline.report import ordering
from mainline.report.plots.axes import WIDE, Axes, Figure, Plot
from mainline.report.plots.review import drawable
from mainline.report.plots.svg import BAD, CANDIDATE, GOOD, INK, MUTED

PANEL, BAR = 1.35, 0.3  # inches: of a table's days, and of a bar of the parts
KINDS = (("added", GOOD), ("changed", CANDIDATE), ("removed", BAD))
MOST = 6  # tables with days; the table below the picture has them all


def drawn(review: Review) -> Plot | None:
    """One panel a table, then the parts of the change as bars; None where neither is known."""
    tables = [change for change in review.table_changes if change.days][:MOST]
    parts = [row for row in ordering.data_changes(review) if row.share is not None and drawable(row.share)]
    if not tables and not parts:
        return None
    below = 0.85 + BAR * len(parts) if parts else 0.0
    height = PANEL * len(tables) + below + 0.35
    figure = Figure(WIDE, height)
    for place, change in enumerate(tables):
        bottom = height - 0.3 - PANEL * (place + 1) + 0.42
        axes = figure.add((0.11, bottom / height, 0.86, (PANEL - 0.62) / height))
        by_day(axes, change)
        if not place:
            axes.keys = [("box", colour, said) for said, colour in KINDS]
    if parts:
        left = 0.24
        axes = figure.add((left, 0.35 / height, 0.97 - left, (below - 0.75) / height))
        by_table(axes, [(plain(row.what, 30), row.share or 0.0) for row in parts])
        axes.title = f"Part of the change of {metric_name(review.metric)}"
    svg = figure.written("tables", "Rows that differ by day, and the part of the change by table")
    said = "Rows by day of the table's time, those that were removed downwards; below, what each table's change did."
    return Plot("tables", "Rows that differ", said, svg, wide=True)


def by_table(axes: Axes, parts: list[tuple[str, float]]) -> None:
    """A bar for each part, with its number at the bar's end."""
    shares = [share for _, share in parts]
    axes.upright(0, INK, 0.9)
    axes.bars(shares, MUTED, 0.8)
    for place, (share, said) in enumerate(zip(shares, signed(*shares), strict=True)):
        anchor, shift = ("start", 4) if share >= 0 else ("end", -4)
        axes.says(said, share, place, 9, anchor, shift)
    axes.y.ticks, axes.y.grid = [*enumerate(said for said, _ in parts)], False
    axes.y.limits = (len(parts) - 0.4, -0.6)
    axes.x.margin = 0.14  # for the numbers


def by_day(axes: Axes, change: TableChange) -> None:
    """Bars of every day from the first to the last that differs; removed rows point downwards."""
    days = every(change)
    nothing, added = [0] * len(days), [day.added for day in days]
    axes.columns(nothing, added, GOOD)
    axes.columns(added, [day.changed for day in days], CANDIDATE)
    axes.columns(nothing, [-day.removed for day in days], BAD)
    axes.level(0, INK, 0.8)
    step = max(1, -(-len(days) // 6))
    axes.x.ticks = [*enumerate(day.day for day in days)][::step]
    axes.title = f"{plain(change.table, 30)}, rows by {change.period}"
    axes.x.margin = 0.01
    axes.y.most, axes.y.whole = 3, True


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
