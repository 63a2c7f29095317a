"""What the page says and draws of each column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mainline.evaluation.formatting import NOTHING, count, plain, share
from mainline.init import table_plots as plots
from mainline.init.column_bins import MISSING, Bins, number
from mainline.init.label_target import Target
from mainline.init.proposal import Column, Finding, Proposal, Use
from mainline.init.table_counts import Cells, Counts

if TYPE_CHECKING:
    import numpy as np
    from markupsafe import Markup
    from numpy.typing import NDArray

SHOWN = 8  # values in a list
NAME = 80  # characters of a column's name
REASON = 300


@dataclass(frozen=True)
class Row:
    """One value of a list: its bar, and the label of its rows."""

    name: str
    rows: str
    bar: float  # per cent of the longest
    value: str = ""
    dot: float | None = None  # per cent of the label's scale
    reach: tuple[float, float] | None = None
    classes: tuple[tuple[int, float], ...] = ()  # number and per cent
    quiet: bool = False  # the others, or missing values


@dataclass(frozen=True)
class Card:
    name: str
    role: str
    reason: str
    kind: str  # DuckDB's type
    facts: tuple[tuple[str, str], ...]
    strength: float | None  # of its association with the label
    findings: tuple[Finding, ...]
    plot: Markup | str = ""
    ends: tuple[str, str] = ("", "")
    axis: tuple[str, str] = ("", "")  # of the label: top and bottom
    rows: tuple[Row, ...] = ()
    level: float | None = None  # the whole table's label, per cent of the list's scale
    absent: str = ""  # the label of the rows in which the value is missing
    hidden: str = ""  # why no values are shown
    spark: Markup | str = ""
    spark_said: str = ""
    protected: bool = field(default=False)


def card(
    column: Column, use: Use, proposal: Proposal, bins: Bins, counts: Counts, target: Target | None,
    strength: float | None,
) -> Card:  # fmt: skip
    name = plain(column.name, NAME)
    cells = counts.cells[column.name]
    overall = plots.point(counts.label, target, 0) if target and target.task != "multiclass" else None
    drawn: dict[str, Any] = {}
    if bins.kind == "hidden":
        drawn["hidden"] = hidden(column)
    elif bins.listed:
        rows, scale = listed(cells, bins, target, overall)
        drawn["rows"] = rows
        if scale:
            drawn["axis"] = (scale.written(scale.high), scale.written(scale.low))
            drawn["level"] = 100 * scale.place(overall.value) if overall else None
    else:
        drawn["plot"], scale = plots.histogram(bins.names, cells, target, overall, f"Rows by {name}")
        drawn["ends"] = bins.ends
        if scale:
            drawn["axis"] = (scale.written(scale.high), scale.written(scale.low))
    line = counts.lines.get(column.name)
    if line is not None and counts.clock:
        what = "mean" if bins.kind == "numbers" else f"share of {bins.common}"
        drawn["spark"] = plots.sparkline(line.tolist(), f"{what} of {name} by {counts.clock.unit}")
        drawn["spark_said"] = f"{what} by {counts.clock.unit}, {reach(line, shares=bins.kind == 'values')}"
    return Card(
        name, use.role, plain(use.reason, REASON), plain(column.type, 40), facts(column, bins), strength,
        tuple(each for each in proposal.findings if each.column == column.name),
        absent=absent(cells, target), protected=column.name in proposal.protected, **drawn,
    )  # fmt: skip


def reach(line: NDArray[np.float64], *, shares: bool) -> str:
    """The lowest and the highest value of a line, which is drawn to its own scale."""
    import numpy as np

    known = line[np.isfinite(line)]
    if not len(known):
        return NOTHING
    low, high = float(known.min()), float(known.max())
    return f"{share(low)} to {share(high)}" if shares else f"{number(low)} to {number(high)}"


def facts(column: Column, bins: Bins) -> tuple[tuple[str, str], ...]:
    found = [("missing", share(column.missing / column.rows) if column.missing else "none")]
    found.append(("distinct", count(column.distinct)))
    if column.minimum is not None and bins.kind != "hidden":
        found.append(("range", f"{end(column.minimum)} to {end(column.maximum)}"))
    if column.mean is not None and bins.kind == "numbers":
        found.append(("mean", number(column.mean)))
    if column.longest > 60:
        found.append(("longest", f"{count(column.longest)} characters"))
    return tuple(found)


def end(value: Any) -> str:
    """One end of a range."""
    try:
        return number(float(value))
    except (TypeError, ValueError):
        return plain(value, 19)


def hidden(column: Column) -> str:
    present = column.rows - column.missing
    if column.distinct >= present:
        return "Every row has its own value, so none is shown."
    return f"{count(column.distinct)} different values in {count(present)} rows: too many to show."


def absent(cells: Cells, target: Target | None) -> str:
    """What the label is where the value is missing, and where it is not."""
    missing, present = int(cells.known[MISSING]), int(cells.known[1:].sum())
    if target is None or target.task == "multiclass" or missing < plots.FEWEST or present < plots.FEWEST:
        return ""
    column = 1 if target.names else 0
    write = share if target.names else number
    with_, without = cells.sums[1:, column].sum() / present, cells.sums[MISSING, column] / missing
    return f"Where it is missing, the {target.what} is {write(float(without))}; elsewhere {write(float(with_))}."


def listed(
    cells: Cells, bins: Bins, target: Target | None, overall: plots.Point | None
) -> tuple[tuple[Row, ...], plots.Scale | None]:
    """The most frequent values, the others together, and the missing ones."""
    other = len(bins.names)
    order = sorted(range(1, other), key=lambda code: -int(cells.rows[code]))
    order = [code for code in order if cells.rows[code]]
    kept, rest = (order, []) if len(order) <= SHOWN + 1 else (order[:SHOWN], order[SHOWN:])
    rest = [*rest, other] if cells.rows[other] else rest
    groups = [([code], bins.names[code - 1], False) for code in kept]
    groups += (
        [(rest, f"{count(len(rest))} other values" if other not in rest else "other values", True)] if rest else []
    )
    groups += [([MISSING], "missing", True)] if cells.rows[MISSING] else []
    together = Cells.empty(len(groups), cells.sums.shape[1])
    for place, (codes, _, _) in enumerate(groups):
        together.rows[place] = cells.rows[codes].sum()
        together.known[place] = cells.known[codes].sum()
        together.sums[place] = cells.sums[codes].sum(axis=0)
    points = plots.points_of(together, target, range(len(groups)))
    scale = plots.scale_of(points, overall, target) if any(points) else None
    # The others together may be a hundred times one value: their bar would leave no length to the rest.
    most = max((int(together.rows[place]) for place, (codes, *_) in enumerate(groups) if codes != rest), default=1) or 1
    rows = []
    for place, (codes, name, quiet) in enumerate(groups):
        found = points[place]
        stacked: tuple[tuple[int, float], ...] = ()
        if target and target.task == "multiclass" and together.known[place] >= plots.FEWEST:
            parts = (100 * together.sums[place] / together.known[place]).tolist()
            stacked = tuple((number_, part) for number_, part in enumerate(parts) if part)
        rows.append(
            Row(
                name, count(int(together.rows[place])),
                0.0 if codes == rest else 100 * float(together.rows[place]) / most,
                said(found, target), 100 * scale.place(found.value) if scale and found else None,
                (100 * scale.place(found.low), 100 * scale.place(found.high)) if scale and found else None,
                stacked, quiet,
            )
        )  # fmt: skip
    return tuple(rows), scale


def said(found: plots.Point | None, target: Target | None) -> str:
    if target is None or target.task == "multiclass":
        return ""
    if found is None:
        return "too few"
    return share(found.value) if target.names else number(found.value)


def compact(cards: Sequence[tuple[Column, Use, float | None]]) -> list[tuple[str, ...]]:
    """The columns that have no card, a line each."""
    return [
        (
            plain(column.name, NAME), use.role, plain(column.type, 40),
            share(column.missing / column.rows) if column.missing else "none", count(column.distinct),
            NOTHING if strength is None else f"{strength:.3f}", plain(use.reason, 160),
        )
        for column, use, strength in cards
    ]  # fmt: skip
