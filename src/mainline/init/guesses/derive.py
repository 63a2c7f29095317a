"""Features that the preparation computes from dates: parts of the calendar, and days between two of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mainline.data.split import quoted
from mainline.init.guesses.table import Context
from mainline.init.guesses.times import Time
from mainline.init.kinds import in_ibis, kind_of
from mainline.init.proposal import Column, Derived, Use

TWO_YEARS = 730  # days that show each month twice
ONE_HOUR = 0.97  # of the rows: the time of day says nothing
DAILY = 0.5  # of the days have rows: of a monthly table the weekday says nothing


def features(context: Context, time: Time | None, uses: Mapping[str, Use], after: Iterable[str]) -> tuple[Derived, ...]:
    found: list[Derived] = []
    taken = set(context.table.columns)
    late = set(after)
    if time:
        found += of_time(context, time)
    for name, column in context.table.columns.items():
        if uses[name].role != "left out" or name in late or column.distinct < 2:
            continue
        if kind_of(column.type) == "time":
            found += of_date(column, time)
        elif kind_of(column.type) == "clock":
            found.append(Derived(f"{name}_hour", f"{in_ibis(name)}.hour()", "numeric", f"the hour of {name}"))
    return tuple(each for each in found if each.name not in taken)


def of_time(context: Context, time: Time) -> list[Derived]:
    name, found = in_ibis(time.name), []
    moment = f"{quoted(time.name)}::TIMESTAMP"
    hours, weekdays, span, most = context.table.one(
        f"count(DISTINCT hour({moment})), count(DISTINCT dayofweek({moment})), "
        f"date_diff('day', min({moment}), max({moment})), "
        f"(SELECT max(n) FROM (SELECT count(*) AS n FROM ({context.sample.sql}) GROUP BY hour({moment})))"
    )
    if not time.is_date and hours > 1 and most < ONE_HOUR * context.sample.rows_here:
        found.append(Derived("hour", f"{name}.hour()", "numeric", f"the hour of {time.name}, in UTC"))
    if weekdays == 7 and time.days > DAILY * span:
        found.append(Derived("weekday", f"{name}.day_of_week.index()", "numeric", f"of {time.name}: Monday is 0"))
    if span >= TWO_YEARS:
        found.append(Derived("month", f"{name}.month()", "numeric", f"of {time.name}: the table has each month twice"))
    return found


def of_date(column: Column, time: Time | None) -> list[Derived]:
    """Days until the row's time where it has one, else the year and the month."""
    name = in_ibis(column.name)
    if time:
        days = f"{epoch_days(time.column)} - {epoch_days(column)}"
        return [Derived(f"days_since_{column.name}", days, "numeric", f"days from {column.name} to {time.name}")]
    found = [Derived(f"{column.name}_year", f"{name}.year()", "numeric", f"the year of {column.name}")]
    first, last = column.minimum, column.maximum
    if (last - first).days >= 60:
        found.append(Derived(f"{column.name}_month", f"{name}.month()", "numeric", f"the month of {column.name}"))
    return found if first.year != last.year else found[1:]


def epoch_days(column: Column) -> str:
    name = in_ibis(column.name)
    return f"{name}.epoch_days()" if column.type == "DATE" else f"{name}.date().epoch_days()"


def parts_of_time(context: Context, time: Time | None, uses: Mapping[str, Use]) -> dict[str, str]:
    """Columns that are a part of the time which the holdout has new values of: the year, the day, the week."""
    if time is None:
        return {}
    found: dict[str, str] = {}
    moment = f"{quoted(time.name)}::TIMESTAMP"
    parts = {"year": f"year({moment})", "month": f"month({moment})", "day": f"dayofmonth({moment})"}
    (span,) = context.table.one(f"date_diff('day', min({moment}), max({moment}))")
    for name, column in context.table.columns.items():
        if uses[name].role not in ("numeric", "categorical") or column.distinct > 400:
            continue
        for part, sql in parts.items():
            (equal,) = context.sample.one(f"avg((TRY_CAST({quoted(name)} AS BIGINT) = {sql})::INT)")
            if equal is not None and equal > 0.99 and not (part == "month" and span >= TWO_YEARS):
                found[name] = f"the {part} of {time.name}: the holdout has values of it that training has not"
                break
    return found
