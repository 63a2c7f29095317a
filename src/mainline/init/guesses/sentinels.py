"""Numbers that stand for a missing value, such as -999 or 999.9: a model takes them for measurements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mainline.data.sources.duckdb_scan import is_nan
from mainline.data.split import quoted
from mainline.init.guesses.table import Context
from mainline.init.kinds import kind_of
from mainline.init.proposal import Column, Use

FEWEST = 5  # rows
AT_ONCE = 100  # columns of one query
MOST_CODES = 3  # such as 997, 998 and 999, for reasons why a value is missing
MOST_NEGATIVE = 3  # different values below zero: more of them are measured
FEWEST_DIFFERENT = 10  # values of a column that -1 or 0 is no part of
LEAST = 99  # nines of one digit are too ordinary, above zero
GAP = 0.2  # of the width of the others: so far from them, zero is none of them


def warn(context: Context, uses: Mapping[str, Use]) -> None:
    """Say which features, and whether the label, have some: what repeats, and lies apart from the other values."""
    columns = [
        column
        for name, column in context.table.columns.items()
        if uses[name].role in ("numeric", "label") and kind_of(column.type) == "number" and column.distinct >= FEWEST
    ]
    below = few_below_zero(context, [c for c in columns if c.minimum < 0 and c.distinct >= FEWEST_DIFFERENT])
    for column in columns:
        found = [*(negative(context, column) if column.name in below else [])]
        found += [each for each in nines(context, column) if each not in found]
        if column.minimum == 0 and column.distinct >= FEWEST_DIFFERENT:
            found += [*zero(context, column)]
        if not found:
            continue
        others = " AND ".join(f"{quoted(column.name)} <> {value}" for value, _ in found)
        low, high = context.table.one(f"min({quoted(column.name)}), max({quoted(column.name)})", others)
        shown = " and ".join(f"{value:g} in {rows:,} rows" for value, rows in found)
        context.told.risk(
            column.name,
            f"{column.name} is {shown} and {low:g} to {high:g} in the others: if that means missing, name it in "
            f"data.sources.{context.table.name}.null_values (CSV), or make it null in the preparation",
        )


def nines(context: Context, column: Column) -> Iterator[tuple[float, int]]:
    """Values of nines at an end that lie further from the others than these are wide; 98 with 99 as well."""
    name = quoted(column.name)
    for end, order in ((column.minimum, "ASC"), (column.maximum, "DESC")):
        if not is_nines(end) or abs(end) < LEAST:
            continue
        outer = context.table.all(
            f"{name}, count(*)", f"WHERE NOT {is_nan(name)} GROUP BY 1 ORDER BY 1 {order} LIMIT {MOST_CODES}"
        )
        for codes in range(1, len(outer) + 1):
            last = outer[codes - 1][0]
            beyond = f"{name} > {last}" if end == column.minimum else f"{name} < {last}"
            low, high = context.table.one(f"min({name}), max({name})", beyond)
            if low is None or any(rows < FEWEST for _, rows in outer[:codes]):
                break
            apart = (low - last) if end == column.minimum else (last - high)
            if apart > high - low or (codes == 1 and end < 0 <= low):
                yield from ((float(value), int(rows)) for value, rows in outer[:codes])
                break


def is_nines(value: float) -> bool:
    """99, -999, 9999.0, 999.9: nothing but nines, wherever the point is."""
    digits = f"{abs(value):.15g}".replace(".", "")
    return bool(digits) and set(digits) == {"9"}


def few_below_zero(context: Context, columns: Sequence[Column]) -> set[str]:
    """The columns with at most a few different values below zero, as far as the sample tells."""
    found: set[str] = set()
    for start in range(0, len(columns), AT_ONCE):
        part = columns[start : start + AT_ONCE]
        names = [quoted(column.name) for column in part]
        counts = context.sample.one(", ".join(f"count(DISTINCT {n}) FILTER ({n} < 0)" for n in names))
        found |= {column.name for column, count in zip(part, counts, strict=True) if count <= MOST_NEGATIVE}
    return found


def negative(context: Context, column: Column) -> Iterator[tuple[float, int]]:
    """The only values below zero, each of them repeated, where all others are zero or above: -1, -9, -998."""
    name = quoted(column.name)
    found = context.table.all(f"{name}, count(*)", f"WHERE {name} < 0 GROUP BY 1 ORDER BY 1 LIMIT {MOST_NEGATIVE + 1}")
    codes = all(float(value).is_integer() or is_nines(value) for value, _ in found)
    if len(found) <= MOST_NEGATIVE and codes and all(rows >= FEWEST for _, rows in found):
        yield from ((float(value), int(rows)) for value, rows in found)


def zero(context: Context, column: Column) -> Iterator[tuple[float, int]]:
    """Zero, where the others begin far above it: a pressure of 0."""
    name = quoted(column.name)
    rows, low, fifth, last, others = context.sample.one(
        f"count(*) FILTER ({name} = 0), min({name}) FILTER ({name} > 0), "
        f"quantile_cont({name}, 0.05) FILTER ({name} > 0), quantile_cont({name}, 0.95) FILTER ({name} > 0), "
        f"count(*) FILTER ({name} > 0)"
    )
    if rows < FEWEST or rows > others or low <= GAP * (last - fifth):
        return
    (every,) = context.table.one(f"count(*) FILTER ({name} = 0)")
    yield 0.0, int(every)
