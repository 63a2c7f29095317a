"""One pass over the table: how many rows lie in each bin of each column, with what label, and when.

DuckDB hands the rows out in batches; what is kept of them are counts, so that a table of any length fits.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mainline.data.sources.duckdb_scan import name as quoted
from mainline.init.column_bins import MISSING, Bins, kind_of, numbers, read_sql
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
    patterns: Counter[int] = field(default_factory=Counter)  # bits of `missing` -> rows
    positives: Counter[int] = field(default_factory=Counter)  # bits -> sum of the label (binary, regression)
    labelled: Counter[int] = field(default_factory=Counter)  # bits -> rows with a label


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
    import numpy as np

    width = len(target.names) or 2 if target else 0
    cells = {column.name: Cells.empty(len(bins[column.name].names) + 1, width) for column in columns}
    periods = clock.periods if clock else 0
    lines = {name: np.zeros((2, periods)) for name in cells if clock and has_line(bins[name])}
    gaps = sorted((c for c in columns if 0 < c.missing < c.rows), key=lambda c: -c.missing)[:PATTERNS]
    found = Counts(
        0, cells, Cells.empty(1, width), clock, Cells.empty(periods, width) if clock else None, lines,
        [column.name for column in gaps] if len(gaps) > 1 else [],
    )  # fmt: skip
    for batch in batches(con, relation, columns, bins, target, clock):
        tally(found, batch, [column.name for column in columns], bins, target)
    for name, (sums, known) in lines.items():
        with np.errstate(invalid="ignore", divide="ignore"):
            found.lines[name] = np.where(known > 0, sums / known, np.nan)
    return found


def has_line(bins: Bins) -> bool:
    return bins.kind == "numbers" or (bins.kind == "values" and bool(bins.common))


def batches(
    con: DuckDBPyConnection,
    relation: str,
    columns: Sequence[Column],
    bins: Mapping[str, Bins],
    target: Target | None,
    clock: Clock | None,
) -> Iterator[Any]:
    chosen = [f"{read_sql(column, bins[column.name].kind)} AS c{place}" for place, column in enumerate(columns)]
    chosen += [f"{target.sql} AS label"] if target else []
    chosen += [f"{clock.sql} AS period"] if clock else []
    rows = max(2_048, min(200_000, CELLS // len(chosen)))
    yield from con.sql(f"SELECT {', '.join(chosen)} FROM ({target.relation if target else relation})").to_arrow_reader(
        rows
    )


def tally(found: Counts, batch: Any, names: Sequence[str], bins: Mapping[str, Bins], target: Target | None) -> None:
    import numpy as np

    rows = batch.num_rows
    found.rows += rows
    label = None
    if target:
        column = batch.column("label")
        label = target.codes(column) if target.names else numbers(column)
    period = None
    if found.clock and found.periods is not None:
        period = numbers(batch.column("period"))
        timed = ~np.isnan(period)
        period = np.where(timed, period, 0).astype(np.intp)
        add(found.periods, period[timed], None if label is None else label[timed], target)
    add(found.label, np.zeros(rows, np.intp), label, target)
    bits = np.zeros(rows, np.int64)
    for place, name in enumerate(names):
        column, binned = batch.column(place), bins[name]
        codes = binned.codes(column)
        add(found.cells[name], codes, label, target)
        if name in found.missing:
            bits |= (codes == MISSING).astype(np.int64) << found.missing.index(name)
        if name in found.lines and period is not None:
            number = numbers(column) if binned.kind == "numbers" else (codes == 1).astype(np.float64)
            usable = timed & (codes != MISSING) & np.isfinite(number)
            found.lines[name][0] += np.bincount(period[usable], number[usable], found.clock.periods)  # type: ignore[union-attr]
            found.lines[name][1] += np.bincount(period[usable], minlength=found.clock.periods)  # type: ignore[union-attr]
    if found.missing:
        by_pattern(found, bits, label, target)


def add(cells: Cells, codes: Any, label: Any, target: Target | None) -> None:
    """Count rows by their code and label."""
    import numpy as np

    size = len(cells.rows)
    cells.rows += np.bincount(codes, minlength=size)
    if target is None or label is None:
        return
    if target.names:
        width = len(target.names) + 1
        both = np.bincount(codes * width + label, minlength=size * width).reshape(size, width)
        cells.sums += both[:, :-1]
        cells.known += both[:, :-1].sum(axis=1)
    else:
        known = np.isfinite(label)
        codes, label = codes[known], label[known]
        cells.known += np.bincount(codes, minlength=size)
        cells.sums[:, 0] += np.bincount(codes, label, size)
        cells.sums[:, 1] += np.bincount(codes, label * label, size)


def by_pattern(found: Counts, bits: Any, label: Any, target: Target | None) -> None:
    import numpy as np

    patterns, place = np.unique(bits, return_inverse=True)
    found.patterns.update(dict(zip(patterns.tolist(), np.bincount(place).tolist(), strict=True)))
    if target is None or target.task == "multiclass":
        return
    known = label < len(target.names) if target.names else np.isfinite(label)
    weights = np.where(known, label, 0.0)
    found.positives.update(dict(zip(patterns.tolist(), np.bincount(place, weights).tolist(), strict=True)))
    found.labelled.update(dict(zip(patterns.tolist(), np.bincount(place, known).tolist(), strict=True)))
