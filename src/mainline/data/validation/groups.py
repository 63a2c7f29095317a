"""Groups of a table's rows and what is counted in each, as Ibis expressions: DuckDB runs them, and Spark can."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mainline.data.split import quoted
from mainline.data.validation.periods import ABSENT, UNITS, Period
from mainline.data.validation.table import IN_UTC, NAME, NotCounted, Table

if TYPE_CHECKING:
    from ibis.expr.types import Value

NUMERIC, TIMES = ("integer", "float"), ("date", "instant")
ANY = (*NUMERIC, *TIMES, "text")
STEPS = {"hour": "h", "day": "D", "week": "W", "month": "M"}
Stretch = tuple[pd.Timedelta, pd.Timestamp, Any]  # its length, its start, the part of the table
BUCKET = 15  # minutes: the hours of all time zones start at one of these
EXACT = 2**53
DAY = "day of Mainline"
FIRST_PLACE = "first place of Mainline"


def run(table: Table, expression: Any, elsewhere: Any = None) -> pd.DataFrame:
    """The result of an Ibis expression over the table; `elsewhere` is the same without what other engines lack."""
    import ibis

    sql = str(ibis.to_sql(expression, dialect="duckdb"))
    return table.query(sql, expression if elsewhere is None else elsewhere)


def value(table: Table, name: str) -> Any:
    """A column's value as pandas has it; NaN is missing."""
    import ibis

    column: Any = table.relation[name]
    if table.kind(name) == "float":
        column = column.cast("float64")
        return ibis.array([column])[0].isnan().ifelse(ibis.null("float64"), column)
    return column


def number(table: Table, name: str) -> Any:
    column = value(table, name)
    return column.cast("int64").cast("float64") if table.kind(name) == "boolean" else column.cast("float64")


def moment(table: Table, name: str) -> Any:
    """A time in UTC, without its zone."""
    column: Any = table.relation[name + IN_UTC if table.kind(name) == "instant" else name]
    return column.cast("timestamp")


def start_of(when: Any, period: Period, between: bool) -> Value:
    """The start of a time's period. Between periods, weeks are those of NumPy, which start on a Thursday."""
    import ibis

    if between and period == "week":
        shift = ibis.interval(days=3)
        return (when - shift).truncate("W").cast("timestamp") + shift
    return when.truncate(STEPS[period])


def grouped(
    table: Table,
    time: str,
    period: Period,
    between: bool,
    keys: dict[str, Any],
    measures: dict[str, Any],
    start: str,
    rows: Any = None,
) -> Any:
    """`measures` by `keys` and the period's `start`. Each is a sum, unless it is called a `min` or a `max`.

    A date has few values: they are grouped first, and their periods are computed of the groups.
    """
    relation: Any = table.relation if rows is None else rows
    if table.facts[time].type != "DATE":
        return relation.group_by(**keys, **{start: start_of(moment(table, time), period, between)}).aggregate(
            **measures
        )
    days = relation.group_by(**keys, **{DAY: relation[time]}).aggregate(**measures)
    added: dict[str, Any] = {}
    for name, measure in measures.items():
        how = name[:3] if name[:4] in ("min ", "max ") else "sum"
        total = getattr(days[name], how)()
        added[name] = total.cast("int64") if how == "sum" and measure.type().is_integer() else total
    return days.group_by(
        **{name: days[name] for name in keys}, **{start: start_of(days[DAY].cast("timestamp"), period, between)}
    ).aggregate(**added)


def numbered(starts: pd.Series, period: Period) -> np.ndarray:
    """The periods as numbers, as `periods.numbers` has them."""
    found: np.ndarray = starts.to_numpy().astype(UNITS[period]).astype("int64")
    return np.where(starts.isna(), ABSENT, found)


def retyped(table: Table, found: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    """`found` with the types that the DataFrame of all rows has; `names` are the columns behind those of `found`."""
    return found.astype(
        {each: table.dtypes[name] for each, name in names.items() if found[each].dtype != table.dtypes[name]}
    )


def by_period(
    table: Table, time: str, period: Period, by: str | None, columns: Sequence[str], between: bool = False
) -> pd.DataFrame:
    """Rows, missing values, sums and extremes of `columns` by (`part`, `period`), all in one query."""

    def make() -> pd.DataFrame:
        relation: Any = table.relation
        keys = {"part": value(table, by)} if by else {}
        measures = {"rows": relation.count()}
        for name in columns:
            known = value(table, name)
            measures[f"missing {name}"] = known.isnull().sum()
            if table.kind(name) in (*NUMERIC, "boolean"):
                each = number(table, name)
                measures |= {f"values {name}": known.count(), f"sum {name}": each.sum()}
                measures |= {f"min {name}": each.min(), f"max {name}": each.max()}
        found = run(table, grouped(table, time, period, between, keys, measures, "period"))
        found = retyped(table, found, {"part": by}) if by else found
        return found.assign(number=numbered(found["period"], period)) if between else found

    made: pd.DataFrame = table.once(("by period", time, period, by, tuple(columns), between), make)
    return made


def periods(table: Table, time: str, period: Period, min_rows: int) -> pd.Series:
    """The rows of each period that has enough of them, by its number, in order."""

    def make() -> pd.Series:
        measures = {"rows": table.relation.count()}
        found = run(table, grouped(table, time, period, True, {}, measures, "start")).dropna()
        return found.set_index(numbered(found["start"], period))["rows"].sort_index()

    rows: pd.Series = table.once(("periods", time, period), make)
    return rows[rows >= min_rows]


def medians(table: Table, time: str, period: Period, by: str | None, name: str) -> pd.DataFrame:
    """The median of a column by (`part`, `period`).

    From the counts of its distinct values: exact, and spilled to disk where they do not fit into memory.
    """
    import ibis

    relation: Any = table.relation
    keys = {"period": start_of(moment(table, time), period, False)} | ({"part": value(table, by)} if by else {})
    rows = relation.select(**keys, v=number(table, name)).filter(lambda t: t.v.notnull() & t.period.notnull())
    counts = rows.group_by([*keys, "v"]).aggregate(n=rows.count())
    window = ibis.window(group_by=list(keys))
    ordered = ibis.cumulative_window(group_by=list(keys), order_by="v")
    placed = counts.mutate(upto=counts.n.sum().over(ordered), total=counts.n.sum().over(window))
    ends = placed.group_by(list(keys)).aggregate(
        low=placed.v.min(where=2 * placed.upto >= placed.total), high=placed.v.min(where=2 * placed.upto > placed.total)
    )
    found = table.once(("medians", time, period, by, name), lambda: run(table, ends))
    found = found.assign(median=(found["low"] + found["high"]) / 2).drop(columns=["low", "high"])
    return retyped(table, found, {"part": by}) if by else found


def histogram(
    table: Table,
    time: str,
    period: Period,
    columns: Sequence[str],
    only: Sequence[float] | None = None,
    hour_of: str | None = None,
) -> pd.DataFrame:
    """How many `rows` have each combination of period (`number`) and values (`value 0` …).

    Parameters
    ----------
    only
        Of the first column these values alone.
    hour_of
        A time whose `hour`, in UTC, is part of the combination.
    """

    def make() -> pd.DataFrame:
        relation: Any = table.relation
        keys = {f"value {place}": value(table, name) for place, name in enumerate(columns)}
        if hour_of:
            keys["hour"] = moment(table, hour_of).truncate("h")
        rows = relation.filter(number(table, columns[0]).isin(list(only))) if only else relation
        found = run(table, grouped(table, time, period, True, keys, {"rows": rows.count()}, "start", rows))
        found = retyped(table, found, {f"value {place}": name for place, name in enumerate(columns)})
        return found.assign(number=numbered(found["start"], period))

    key = ("histogram", time, period, tuple(columns), tuple(only or ()), hour_of)
    made: pd.DataFrame = table.once(key, make)
    return made


def values_of(table: Table, time: str, period: Period, column: str) -> pd.Series:
    """How many distinct values there are in each period, by its number."""
    relation: Any = table.relation
    rows = relation.select(start=start_of(moment(table, time), period, True), v=value(table, column)).distinct()
    known = rows.filter(rows.v.notnull() & rows.start.notnull())
    found = run(table, known.group_by("start").aggregate(n=known.count()))
    return found.set_index(numbered(found["start"], period))["n"].sort_index()


def shares(cells: pd.DataFrame, counted: str, known: pd.Series) -> pd.Series:
    """The share of the rows that `counted` counts, in each of the periods `known`."""
    return cells.groupby("number")[counted].sum().reindex(known.index) / known


def exact_sums(table: Table, name: str, large: pd.Series) -> bool:
    """Whether the sum of the values is exact in any order: whole numbers, and not too many."""
    whole = table.kind(name) in ("integer", "boolean")
    return whole and float(large.max() if large.notna().any() else 0) * table.rows < EXACT


def by_bucket(table: Table, time: str, period: Period, timezone: str, column: str | None = None) -> pd.DataFrame:
    """Rows by `bucket` (a quarter of an hour, in UTC) and period, with its start in `timezone` (`local`)."""
    relation: Any = table.relation
    when = moment(table, time)
    measures = {"rows": relation.count()}
    if column:
        measures |= {"sum": number(table, column).sum(), "values": value(table, column).count()}
    start = start_of(when, period, True)
    seconds = when.epoch_seconds() // (60 * BUCKET) * (60 * BUCKET)
    grouped_by = [
        relation.group_by(bucket=bucket, start=start).aggregate(**measures)
        for bucket in (when.bucket(minutes=BUCKET), seconds.as_timestamp("s"))  # Spark has no buckets
    ]
    found = run(table, *grouped_by).dropna(subset=["bucket"])
    found["bucket"] = pd.to_datetime(found["bucket"], utc=True)
    found["local"] = found["bucket"].dt.tz_convert(timezone).dt.tz_localize(None)
    end = found["bucket"] + pd.Timedelta(minutes=BUCKET, microseconds=-1)
    ahead = (found["local"] - found["bucket"].dt.tz_localize(None)) % pd.Timedelta(minutes=BUCKET)
    until = end.dt.tz_convert(timezone).dt.tz_localize(None) - found["local"]
    if (ahead != pd.Timedelta(0)).any() or (until != pd.Timedelta(minutes=BUCKET, microseconds=-1)).any():
        raise NotCounted(timezone)  # the zone's clock changes within a quarter of an hour
    return found.assign(number=numbered(found["start"], period))


def stretches(
    table: Table, time: str, by: str | None, ends: Sequence[pd.Timestamp], longest: pd.Timedelta
) -> list[Stretch]:
    """The stretches without a row that are too long, by part and start; `ends` count as rows of every part."""
    import ibis

    if table.facts[time].missing == table.rows:
        raise NotCounted(time)
    relation: Any = table.relation
    rows = relation.select(part=value(table, by) if by else ibis.literal(1), moment=moment(table, time))
    points = rows.filter(rows.part.notnull()).distinct().mutate(known=lambda t: t.moment.notnull())
    ordered = ibis.window(group_by=["part", "known"], order_by="moment")
    pairs = points.mutate(start=points.moment.lag().over(ordered), after=points.moment.lead().over(ordered))
    wide = pairs.moment.delta(pairs.start, unit="microsecond") > longest.value // 1000
    kept = pairs.filter(wide | pairs.start.isnull() | pairs.after.isnull())  # the first and the last of a part as well
    found = run(table, kept.select("part", "start", end=kept.moment).order_by(["part", "start"]))
    for name in ("start", "end"):
        found[name] = pd.to_datetime(found[name], utc=True)
    found = retyped(table, found, {"part": by}) if by else found
    span = found.groupby("part", observed=True)["end"].agg(first="min", last="max").reset_index()
    found = found[found["end"] - found["start"] > longest]
    gaps = {
        part: list(zip(rows["start"], rows["end"], strict=True)) for part, rows in found.groupby("part", observed=True)
    }
    listed = []
    for part, first, last in span.sort_values("part")[["part", "first", "last"]].itertuples(index=False):
        chains = [
            [start, *(end for end in sorted(ends) if start < end < stop), stop] for start, stop in gaps.get(part, [])
        ]
        before = [end for end in sorted(ends) if pd.isna(first) or end < first]
        after = [end for end in sorted(ends) if not pd.isna(last) and end > last]
        chains = [
            [*before, *([] if pd.isna(first) else [first])],
            *chains,
            [*([] if pd.isna(last) else [last]), *after],
        ]
        steps = [(start, stop) for chain in chains for start, stop in itertools.pairwise(chain)]
        listed += [(stop - start, start, part) for start, stop in steps if stop - start > longest]
    return listed


def in_order_of_rows(table: Table, column: str, values: list[Any]) -> list[Any]:
    """The values by the first row that has each."""
    places = f"SELECT {quoted(column)}, row_number() OVER () AS {quoted(FIRST_PLACE)} FROM {NAME}"
    first = f"min({quoted(FIRST_PLACE)})"
    found = table.typed(
        table.query(f"SELECT {quoted(column)} FROM ({places}) GROUP BY {quoted(column)} ORDER BY {first}")
    )
    known = set(values)
    return [each for each in found[column].tolist() if each in known]
