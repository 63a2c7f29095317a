"""This package's expectations, counted where the rows are: groups and their counts are Ibis expressions.

What an expectation finds is said by its own class, from the same measures that it takes of a DataFrame. An expression
runs on DuckDB, and as it is on Spark. Counts, medians and extremes are exact. A mean of floats has another last bit in
another order of the rows: where that could change a verdict or a message, pandas decides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mainline.data.validation import between_periods as between
from mainline.data.validation import expectations
from mainline.data.validation.expectations import FrameExpectation
from mainline.data.validation.groups import (
    ANY,
    NUMERIC,
    TIMES,
    by_bucket,
    by_period,
    exact_sums,
    histogram,
    in_order_of_rows,
    medians,
    periods,
    run,
    shares,
    stretches,
    value,
    values_of,
)  # fmt: skip
from mainline.data.validation.periods import ABSENT, FREQUENCIES
from mainline.data.validation.table import NotCounted, Table

if TYPE_CHECKING:
    Answer = tuple[bool, str]

ENDS = 200  # values at either end of a column that are looked at
SMALL = 1e-9


@dataclass(frozen=True)
class Examined:
    """A table as an expectation of this package is given it."""

    table: Table

    def examine(self, expectation: FrameExpectation) -> Answer:
        return examine(expectation, self.table)


def examine(expectation: FrameExpectation, table: Table) -> Answer:
    """Whether it holds, and the observed value in words: counted by DuckDB, else by pandas on what it reads."""
    measure = MEASURES.get(type(expectation))
    if measure is None:  # a project's own, which may look at any column
        return expectation.examine(table.frame())
    try:
        return measure(expectation, table)
    except NotCounted:
        pass
    read = columns_of(expectation)
    if not set(read) <= set(table.facts):
        expectation.examine(table.fetch(table.columns, limit=1000))  # says which column does not exist
    return expectation.examine(table.frame(read))


def measured(expectation: Statistic, rows: pd.DataFrame | Table) -> pd.Series:
    """The statistic by (`by`, period), of a DataFrame or of a table."""
    if isinstance(rows, pd.DataFrame):
        return expectation.measure(rows)
    try:
        return statistics(expectation, rows)[0]
    except NotCounted:
        return expectation.measure(rows.frame(columns_of(expectation)))


def columns_of(expectation: FrameExpectation) -> list[str]:
    names = [getattr(expectation, name, None) for name in ("column", "time", "date", "clock", "by")]
    found = [name for name in names if isinstance(name, str)]
    return found + list(names[-1] if isinstance(names[-1], list) else [])


def kind(e: expectations.ExpectColumnKindToBe, table: Table) -> Answer:
    table.need((*ANY, "boolean"), e.column)
    facts = table.facts[e.column]
    found = {"text": "text", "boolean": "boolean", "integer": "integer", "instant": "timestamp"}.get(facts.kind)
    if facts.kind == "float":
        found = "integer" if table.whole(e.column) else "number"
    elif facts.kind == "date":
        found = "date" if table.whole(e.column) else "timestamp without a time zone"
    return e.judge("nothing" if facts.missing == table.rows else str(found), table.dtypes[e.column])


def gaps(e: expectations.ExpectColumnValuesToLeaveNoGap, table: Table) -> Answer:
    table.need(TIMES, e.column)
    if e.by:
        table.need((*ANY, "boolean"), e.by)
    ends = [expectations.moment(end, pd.Series(dtype="datetime64[us, UTC]")) for end in (e.since, e.until) if end]
    found = stretches(table, e.column, e.by, ends, pd.Timedelta(e.longest))
    return e.judge([(length, start, part if e.by else "") for length, start, part in found])


Statistic = expectations.ExpectColumnStatisticInEveryPeriodToBeBetween


def statistic(e: Statistic, table: Table) -> Answer:
    measured, error = statistics(e, table)
    return settled(e, measured, error, table.kind(e.column) == "float")


def statistics(e: Statistic, table: Table) -> tuple[pd.Series, pd.Series]:
    """The statistic by (`by`, period), and how far another order of the rows could move it."""
    table.need(TIMES, e.time)
    if e.by:
        table.need((*ANY, "boolean"), e.by)
    if e.statistic not in ("rows", "missing"):
        table.need((*NUMERIC, "boolean"), e.column)
    elif e.column not in table.facts:
        raise NotCounted(e.column)
    keys = [e.by, e.time] if e.by else [e.time]
    grouped = by_period(table, e.time, e.period, e.by, asked(e, table, "time", "period", "by"))
    grouped = grouped[grouped["period"].notna()]
    if e.inner:
        grouped = grouped[(grouped["period"] > grouped["period"].min()) & (grouped["period"] < grouped["period"].max())]
    if e.by:
        grouped = grouped[grouped["part"].notna()]
    calendar = pd.to_datetime(grouped["period"], utc=True).dt.tz_localize(None).dt.to_period(FREQUENCIES[e.period])
    index = [grouped["part"], calendar] if e.by else [calendar]
    name = e.column
    if e.statistic == "rows":
        measured = grouped["rows"]
    elif e.statistic == "missing":
        measured = grouped[f"missing {name}"] / grouped["rows"]
    elif e.statistic == "mean":
        measured = grouped[f"sum {name}"] / grouped[f"values {name}"].where(grouped[f"values {name}"] > 0)
    elif e.statistic == "median":
        known = medians(table, e.time, e.period, e.by, name)
        on = ["part", "period"] if e.by else ["period"]
        measured = grouped[on].merge(known, how="left", on=on)["median"].set_axis(grouped.index)
    else:
        measured = grouped[f"{e.statistic} {name}"]
    measured = measured[grouped["rows"] >= e.min_rows]
    large = grouped[[f"min {name}", f"max {name}"]].abs().max(axis=1) if e.statistic == "mean" else None
    kept = pd.MultiIndex.from_arrays(index) if e.by else pd.Index(calendar)
    labels = kept[(grouped["rows"] >= e.min_rows).to_numpy()]
    if len(keys) and e.statistic not in ("rows", "missing"):
        measured = measured.astype("float64")
    error = np.zeros(len(measured))
    if large is not None and not exact_sums(table, name, large):
        error = SMALL * large.reindex(measured.index).to_numpy(dtype="float64")
        if not np.isfinite(measured.dropna().to_numpy()).all():
            raise NotCounted(name)
    by_label = pd.Series(measured.to_numpy(), index=labels).sort_index()
    error_of = pd.Series(error, index=labels).sort_index().fillna(0)
    return by_label, error_of


def settled(e: Any, measured: pd.Series, error: pd.Series, signed: bool) -> Answer:
    """The answer, if it is the same for every value within the rounding error and for either sign of zero."""
    answer: Answer = e.judge(measured)
    turn = np.where(np.arange(len(measured)) % 2, 1, -1)
    others = [measured + sign * error for sign in (1, -1, turn, -turn)] if error.any() else []
    if signed:
        others.append(measured.where(measured != 0, -measured))
    if any(e.judge(other) != answer for other in others):
        raise NotCounted(e.column)
    return answer


def asked(e: Any, table: Table, *same: str) -> list[str]:
    """The columns for which the suite has a rule of this type with the same arguments: they share a query."""
    kwargs = [rule.kwargs for rule in (table.suite.rules if table.suite else []) if rule.type == e.expectation_type]
    wanted = {name: getattr(e, name) for name in same}
    fields = {name: e.__fields__[name].default for name in same}
    alike = [each["column"] for each in kwargs if {n: each.get(n, fields[n]) for n in same} == wanted]
    return sorted({name for name in [*alike, e.column] if name in table.facts})


def value_shares(e: Any, table: Table) -> Answer:
    counts = counts_of(e, table)
    answer: Answer = e.judge(counts)
    if answer[0] or counts.shape[1] < 2:
        return answer
    order = in_order_of_rows(table, e.column, list(counts.columns))
    found: Answer = e.judge(counts.reindex(columns=pd.Index(order, dtype=counts.columns.dtype)))
    return found


def known_values(e: Any, table: Table) -> Answer:
    answer: Answer = e.judge(counts_of(e, table))
    return answer


def counts_of(e: between.Between, table: Table) -> pd.DataFrame:
    """Rows by period (index) and value (columns), as `Between.counts`."""
    table.need(TIMES, e.time)
    table.need((*ANY, "boolean"), e.column)
    known = periods(table, e.time, e.period, e.min_rows)
    found = histogram(table, e.time, e.period, [e.column])
    found = found[found["value 0"].notna()]
    wide = found.pivot_table("rows", "number", "value 0", "sum", 0, observed=True, sort=True)
    return wide.reindex(known.index, fill_value=0).astype("float64")


def variety(e: between.ExpectColumnVarietyToStayInEveryPeriod, table: Table) -> Answer:
    table.need(TIMES, e.time)
    table.need((*ANY, "boolean"), e.column)
    known = periods(table, e.time, e.period, e.min_rows)
    return e.judge(values_of(table, e.time, e.period, e.column).reindex(known.index, fill_value=0))


def distant(e: between.ExpectNoDistantValueToRepeat, table: Table) -> Answer:
    table.need(TIMES, e.time)
    table.need(NUMERIC, e.column)
    column = value(table, e.column)
    values = table.relation.select(v=column.cast("float64")).distinct().filter(lambda t: t.v.notnull())
    ends = [run(table, values.order_by(order).limit(ENDS))["v"] for order in (values.v, values.v.desc())]
    known = np.unique(np.concatenate([each.to_numpy() for each in ends]))
    far = e.distant(known)
    if len(far) > ENDS - between.FEWEST_VALUES and len(known) > ENDS:
        raise NotCounted(e.column)
    if not far:
        return e.judge({})
    rows = periods(table, e.time, e.period, e.min_rows)
    found = histogram(table, e.time, e.period, [e.column], far)
    by_value = {}
    for each in far:
        count = found[found["value 0"].astype("float64") == each].groupby("number")["rows"].sum()
        by_value[each] = count.reindex(rows.index, fill_value=0) / rows
    return e.judge(by_value)


def missing(e: between.ExpectMissingShareToStayInEveryPeriod, table: Table) -> Answer:
    table.need(TIMES, e.time)
    if e.column not in table.facts:
        raise NotCounted(e.column)
    known = periods(table, e.time, e.period, e.min_rows)
    grouped = by_period(table, e.time, e.period, None, asked(e, table, "time", "period"), between=True)
    found = grouped.groupby("number")[f"missing {e.column}"].sum()
    return e.judge(found.reindex(known.index) / known)


def determined(e: between.ExpectColumnsToDetermineColumn, table: Table) -> Answer:
    table.need(TIMES, e.time)
    table.need((*NUMERIC, "boolean"), e.column)
    table.need((*ANY, "boolean"), *e.by)
    found = histogram(table, e.time, e.period, [e.column, *e.by])
    known = periods(table, e.time, e.period, e.min_rows)
    number = found["number"].where(found["number"].isin(known.index), ABSENT)
    values = found["value 0"].astype("float64")
    names = [f"value {place + 1}" for place in range(len(e.by))]
    group = found.groupby(names, observed=True).ngroup()  # -1 where one of them is missing
    cells = pd.DataFrame({"group": group, "number": number, "value": values, "rows": found["rows"]})
    cells = cells.groupby(["group", "number", "value"], dropna=False)[["rows"]].sum().reset_index()
    usual = weighted_medians(cells.dropna()).groupby(level=0).median()
    cells["off"] = e.off(cells["value"], cells["group"].map(usual)) * cells["rows"]
    return e.judge(shares(cells, "off", known))


def weighted_medians(cells: pd.DataFrame) -> pd.Series:
    """The median of `value` by group and number, where each stands for so many rows."""
    cells = cells.sort_values(["group", "number", "value"])
    keys = [cells["group"], cells["number"]]
    upto, total = cells.groupby(["group", "number"])["rows"].cumsum(), cells.groupby(keys)["rows"].transform("sum")
    low = cells["value"].where(2 * upto >= total).groupby(keys).min()
    high = cells["value"].where(2 * upto > total).groupby(keys).min()
    return (low + high) / 2


def local_time(e: between.ExpectLocalTimeToMatchTimeZone, table: Table) -> Answer:
    table.need(TIMES, e.time, e.column, e.date)
    table.need(NUMERIC, e.clock)
    known = periods(table, e.time, e.period, e.min_rows)
    found = histogram(table, e.time, e.period, [e.date, e.clock], hour_of=e.column)
    rows = pd.DataFrame({e.date: found["value 0"], e.clock: found["value 1"], e.column: found["hour"]})
    cells = pd.DataFrame({"number": found["number"], "rows": found["rows"]})
    cells["off"] = e.off(rows).to_numpy() * cells["rows"]
    return e.judge(shares(cells, "off", known))


def daily_cycle(e: between.ExpectDailyCycleToStay, table: Table) -> Answer:
    table.need(TIMES, e.time)
    table.need(NUMERIC, e.column)
    known = periods(table, e.time, e.period, e.min_rows)
    found = by_bucket(table, e.time, e.period, e.timezone, e.column)
    hour = found["local"].dt.hour.rename("hour")
    sums = found.groupby([found["number"], hour])[["sum", "values"]].sum()
    means = (sums["sum"] / sums["values"].where(sums["values"] > 0)).unstack()
    means = means[means.index.isin(known.index)]
    if len(means) >= 2:
        level = means.sub(means.mean(axis=1), axis=0)
        size = means.abs().max(axis=1)
        if not np.isfinite(means.to_numpy()).all() or (level.std(axis=1) <= 1e-6 * size).any():
            raise NotCounted(e.column)
    answer = e.judge(means)
    noise = SMALL * means.abs().max().max() * np.where(np.indices(means.shape).sum(axis=0) % 2, 1, -1)
    if any(e.judge(means + sign * noise) != answer for sign in (1, -1)):
        raise NotCounted(e.column)
    return answer


def parts_of_days(e: between.ExpectEveryPartOfTheDayToHaveRows, table: Table) -> Answer:
    table.need(TIMES, e.column)
    if table.facts[e.column].missing == table.rows:
        raise NotCounted(e.column)
    found = by_bucket(table, e.column, "day", e.timezone)
    ends = run(
        table, table.relation.aggregate(first=table.relation[e.column].min(), last=table.relation[e.column].max())
    )
    first, last = (pd.to_datetime(ends[name], utc=True)[0] for name in ("first", "last"))
    return e.judge(first, last, found["bucket"], found["rows"].to_numpy(dtype="float64"))


MEASURES: dict[type, Callable[[Any, Table], Answer]] = {
    expectations.ExpectColumnKindToBe: kind,
    expectations.ExpectColumnValuesToLeaveNoGap: gaps,
    expectations.ExpectColumnStatisticInEveryPeriodToBeBetween: statistic,
    between.ExpectColumnSharesToStayInEveryPeriod: value_shares,
    between.ExpectColumnValuesToBeKnownFromEarlierPeriods: known_values,
    between.ExpectColumnVarietyToStayInEveryPeriod: variety,
    between.ExpectNoDistantValueToRepeat: distant,
    between.ExpectMissingShareToStayInEveryPeriod: missing,
    between.ExpectColumnsToDetermineColumn: determined,
    between.ExpectLocalTimeToMatchTimeZone: local_time,
    between.ExpectDailyCycleToStay: daily_cycle,
    between.ExpectEveryPartOfTheDayToHaveRows: parts_of_days,
}
