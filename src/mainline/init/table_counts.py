"""How many rows lie in each bin of each column, with what label, and when.

DuckDB puts the rows into bins and hands the codes out in batches; what is kept of them are counts, so that a table
of any length fits.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mainline.data.sources.duckdb_scan import name as quoted
from mainline.data.sources.duckdb_scan import text
from mainline.init.column_bins import Bins, numbers, read_sql
from mainline.init.label_target import Target
from mainline.init.proposal import Column, Proposal

if TYPE_CHECKING:
    import numpy as np
    from duckdb import DuckDBPyConnection
    from numpy.typing import NDArray

CELLS = 4_000_000  # values of a batch: 32 MB
PATTERNS = 12  # columns with missing values whose pattern is shown
UNITS = (  # its days, and how a period is written
    ("year", 366, "%Y"), ("quarter", 92, "%Y-%m"), ("month", 31, "%Y-%m"), ("week", 7, "%Y-%m-%d"),
    ("day", 1, "%Y-%m-%d"), ("hour", 1 / 24, "%Y-%m-%d %H:00"),
)  # fmt: skip
FEWEST = 8  # periods of a line over time, where the rows reach so far
MOST = 400  # of a table whose times are broken, there would be thousands of years


@dataclass(frozen=True)
class Clock:
    """Periods of equal length by the calendar, from the first row's time to the last one's."""

    column: str
    unit: str
    start: dt.datetime
    names: tuple[str, ...]  # of the periods

    @property
    def periods(self) -> int:
        return len(self.names)

    @property
    def sql(self) -> str:
        time = f"CAST({quoted(self.column)} AS TIMESTAMP)"
        return f"date_diff('{self.unit}', TIMESTAMP '{self.start.isoformat(sep=' ')}', {time})"


@dataclass
class Cells:
    """Rows and labels by bin; the first is the bin of missing values."""

    rows: NDArray[np.int64]
    known: NDArray[np.int64]  # rows with a label
    sums: NDArray[np.float64]  # (bins, classes) rows, or (bins, 2): sum and sum of squares of a label that is a number

    @classmethod
    def empty(cls, bins: int, width: int) -> Cells:
        import numpy as np

        return cls(np.zeros(bins, np.int64), np.zeros(bins, np.int64), np.zeros((bins, width)))


@dataclass
class Counts:
    """What the pass found."""

    rows: int
    cells: dict[str, Cells]
    label: Cells  # in one bin
    clock: Clock | None
    periods: Cells | None  # the label by period
    lines: dict[str, NDArray[np.float64]]  # by column: a mean or a share by period
    missing: list[str] = field(default_factory=list)  # the columns of the patterns
    patterns: dict[int, int] = field(default_factory=dict)  # bits of `missing` -> rows
    positives: dict[int, float] = field(default_factory=dict)  # bits -> sum of the label (binary, regression)
    labelled: dict[int, int] = field(default_factory=dict)  # bits -> rows with a label


def clock_of(proposal: Proposal, con: DuckDBPyConnection, relation: str) -> Clock | None:
    """Periods for the table's time; None where it has none, or all rows lie in one."""
    times = {name for name, use in proposal.uses.items() if use.role == "time"}
    column = next((column for column in proposal.columns if column.name in times), None)
    if column is None or not column.type.upper().startswith(("DATE", "TIMESTAMP")):
        return None
    time = f"CAST({quoted(column.name)} AS TIMESTAMP)"
    found = con.execute(f"SELECT min({time}), max({time}) FROM ({relation})").fetchone()
    if not found or not isinstance(found[0], dt.datetime) or not isinstance(found[1], dt.datetime):
        return None
    days = (found[1] - found[0]).total_seconds() / 86_400
    unit, _, form = next((each for each in UNITS if days / each[1] >= FEWEST), UNITS[-1])
    first, last = (f"date_trunc('{unit}', ?::TIMESTAMP)" for _ in range(2))
    names = con.execute(
        f"SELECT strftime(unnest(generate_series({first}, {last}, INTERVAL 1 {unit})), '{form}')", found
    ).fetchall()
    return Clock(column.name, unit, found[0], tuple(name for (name,) in names)) if 1 < len(names) <= MOST else None


def count(
    con: DuckDBPyConnection,
    relation: str,
    columns: Sequence[Column],
    bins: Mapping[str, Bins],
    target: Target | None,
    clock: Clock | None,
) -> Counts:
    """Count the rows of `relation` by the bins of `columns`."""
    width = len(target.names) or 2 if target else 0
    cells = {column.name: Cells.empty(len(bins[column.name].names) + 1, width) for column in columns}
    periods = Cells.empty(clock.periods, width) if clock else None
    source = target.relation if target else relation
    chosen = [f"{bins[c.name].sql(read_sql(c, bins[c.name].kind))}::UTINYINT AS c{n}" for n, c in enumerate(columns)]
    chosen += [f"{target.code} AS label"] if target else []
    chosen += [f"{clock.sql} AS period"] if clock else []
    batch = max(2_048, min(200_000, CELLS // len(chosen)))
    found = Counts(0, cells, Cells.empty(1, width), clock, periods, {})
    for part in con.sql(f"SELECT {', '.join(chosen)} FROM ({source})").to_arrow_reader(batch):
        tally(found, part, [column.name for column in columns], target)
    if clock:
        found.lines = lines(con, relation, columns, bins, clock)
    return by_pattern(found, con, source, columns, target)


def tally(found: Counts, batch: Any, names: Sequence[str], target: Target | None) -> None:
    import numpy as np

    found.rows += batch.num_rows
    label = numbers(batch.column("label")) if target else None
    if target and target.names and label is not None:
        label = label.astype(np.intp)
    if found.periods is not None:
        period = numbers(batch.column("period"))
        timed = ~np.isnan(period)
        add(found.periods, period[timed].astype(np.intp), None if label is None else label[timed], target)
    add(found.label, np.zeros(batch.num_rows, np.intp), label, target)
    for place, name in enumerate(names):
        add(found.cells[name], batch.column(place).to_numpy().astype(np.intp), label, target)


def add(cells: Cells, codes: Any, label: Any, target: Target | None) -> None:
    """Count rows by their code and label."""
    import numpy as np

    size = len(cells.rows)
    if target and target.names:
        width = len(target.names) + 1
        both = np.bincount(codes * width + label, minlength=size * width).reshape(size, width)
        cells.rows += both.sum(axis=1)
        cells.sums += both[:, :-1]
        cells.known += both[:, :-1].sum(axis=1)
        return
    cells.rows += np.bincount(codes, minlength=size)
    if target:
        known = np.isfinite(label)
        codes, label = codes[known], label[known]
        cells.known += np.bincount(codes, minlength=size)
        cells.sums[:, 0] += np.bincount(codes, label, size)
        cells.sums[:, 1] += np.bincount(codes, label * label, size)


def lines(
    con: DuckDBPyConnection, relation: str, columns: Sequence[Column], bins: Mapping[str, Bins], clock: Clock
) -> dict[str, NDArray[np.float64]]:
    """By period: the mean of numbers, the share of a text's most frequent value; NaN where no value is known."""
    import numpy as np

    shown = {column.name: line_sql(column, bins[column.name]) for column in columns}
    shown = {name: value for name, value in shown.items() if value}
    if not shown:
        return {}
    found = {name: np.full(clock.periods, np.nan) for name in shown}
    rows = con.execute(f"SELECT {clock.sql} AS period, {', '.join(shown.values())} FROM ({relation}) GROUP BY 1")
    for period, *values in rows.fetchall():
        for name, value in zip(shown, values, strict=True):
            if period is not None and value is not None:
                found[name][period] = value
    return found


def line_sql(column: Column, bins: Bins) -> str:
    read = read_sql(column, bins.kind)
    if bins.kind == "numbers":
        return f"avg({read}) FILTER (isfinite({read}))"
    return f"avg(({read} = {text(bins.values[0])})::TINYINT)" if bins.kind == "values" and bins.values else ""


def by_pattern(
    found: Counts, con: DuckDBPyConnection, source: str, columns: Sequence[Column], target: Target | None
) -> Counts:
    """Count the rows by which of the columns with the most missing values are missing in them."""
    gaps = sorted((c for c in columns if 0 < c.missing < c.rows), key=lambda c: -c.missing)[:PATTERNS]
    if len(gaps) < 2:
        return found
    bits = " + ".join(f"({quoted(column.name)} IS NULL)::INTEGER * {1 << place}" for place, column in enumerate(gaps))
    value = "NULL" if target is None or target.task == "multiclass" else f"({target.code})"
    known = f"{value} < 2" if target and target.task == "binary" else f"isfinite({value})"
    known = "false" if value == "NULL" else known
    for pattern, rows, total, labelled in con.execute(
        f"SELECT {bits}, count(*), sum({value}) FILTER ({known}), count(*) FILTER ({known}) FROM ({source}) GROUP BY 1"
    ).fetchall():
        found.patterns[pattern], found.labelled[pattern] = rows, labelled
        found.positives[pattern] = float(total or 0)
    found.missing = [column.name for column in gaps]
    return found
