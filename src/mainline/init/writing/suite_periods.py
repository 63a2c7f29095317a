"""Rules between the periods of a table with a time: each with the strictest of some bounds that its own rows keep."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mainline.init.writing.suite_rules import CRITICAL, WARNING, Rule, outward, span

if TYPE_CHECKING:
    import pandas as pd

    from mainline.data.validation.expectations import FrameExpectation
    from mainline.data.validation.table import Table

    Rows = pd.DataFrame | Table

PERIODS = ("month", "week", "day")  # the longest of which there are enough
ENOUGH_PERIODS, ENOUGH_ROWS = 3, 200
FACTOR = 3  # between units lies more: miles and kilometres differ by 1.6, minutes and seconds by 60
MOST = 60  # columns that are looked at: a suite of thousands of rules is read by nobody
FROM_STRICT = {  # the default of each expectation first
    "expect_column_shares_to_stay_in_every_period": ("at_least", (0.2, 0.1, 0.05, 0.02)),
    "expect_column_values_to_be_known_from_earlier_periods": ("max_share", (0.01, 0.05, 0.1, 0.2)),
    "expect_column_variety_to_stay_in_every_period": ("at_least", (0.2, 0.1, 0.05)),
    "expect_missing_share_to_stay_in_every_period": ("max_rise", (0.05, 0.1, 0.2, 0.4)),
    "expect_no_distant_value_to_repeat": ("max_share", (0.001,)),
}
WHY = {
    "expect_column_shares_to_stay_in_every_period": "A value that vanishes: a shop whose rows are missing.",
    "expect_column_values_to_be_known_from_earlier_periods": "A new spelling of known values.",
    "expect_column_variety_to_stay_in_every_period": "A sensor that is stuck.",
    "expect_missing_share_to_stay_in_every_period": "A feed that has stopped.",
    "expect_no_distant_value_to_repeat": "A number that stands for a missing value, such as 999.",
}
OF_NUMBERS = (
    "expect_missing_share_to_stay_in_every_period",
    "expect_no_distant_value_to_repeat",
    "expect_column_variety_to_stay_in_every_period",
)
OF_CATEGORIES = (
    "expect_column_shares_to_stay_in_every_period",
    "expect_column_values_to_be_known_from_earlier_periods",
    "expect_missing_share_to_stay_in_every_period",
)


def of_periods(
    frame: Rows, time: str, numeric: Sequence[str], categorical: Sequence[str], whole: Sequence[str] = ()
) -> Iterator[Rule]:
    """What holds in every period of `time`; none where there are fewer than three with 200 rows.

    `whole` are the numbers of few values, of which a variety says nothing.
    """
    found = periods_of(frame, time)
    if found is None:
        return
    period, least_rows = found
    common = {"time": time, **({"period": period} if period != "month" else {}), "min_rows": least_rows}
    for name in list(numeric)[:MOST]:
        yield from medians(frame, name, time, period, least_rows)
        for type_ in OF_NUMBERS:
            if type_ != OF_NUMBERS[-1] or name not in whole:
                yield from strictest(frame, type_, {"column": name, **common})
    for name in list(categorical)[:MOST]:
        for type_ in OF_CATEGORIES:
            yield from strictest(frame, type_, {"column": name, **common})


def periods_of(frame: Rows, time: str) -> tuple[str, int] | None:
    """The longest period of which there are enough, and the rows that make one count: a quarter of the usual."""
    from mainline.data.validation.periods import FREQUENCIES, moments

    times = moments(frame[time]).dropna().dt.tz_localize(None)
    for period in PERIODS:
        counts = times.dt.to_period(FREQUENCIES[period]).value_counts()
        usual = counts[counts >= ENOUGH_ROWS]
        if len(usual) >= ENOUGH_PERIODS:
            return period, max(ENOUGH_ROWS // 4, int(outward(float(usual.median()) / 4, -1)))
    return None


def strictest(frame: Rows, type_: str, kwargs: Mapping[str, Any]) -> Iterator[Rule]:
    """The rule with the first bound that the rows keep; one step looser where that is not the default."""
    name, bounds = FROM_STRICT[type_]
    for place, bound in enumerate(bounds):
        if holds(frame, type_, {**kwargs, name: bound}):
            chosen = bounds[min(place + 1, len(bounds) - 1)] if place else bound
            given = {**kwargs, **({name: chosen} if place else {})}
            yield Rule(type_, given, WHY[type_], WARNING, held=True)
            return


def holds(rows: Rows, type_: str, kwargs: Mapping[str, Any]) -> bool:
    from mainline.data.validation.counted import examine
    from mainline.data.validation.table import Table

    expectation = expectation_of(type_, kwargs)
    return bool((examine(expectation, rows) if isinstance(rows, Table) else expectation.examine(rows))[0])


def expectation_of(type_: str, kwargs: Mapping[str, Any]) -> Any:
    from mainline.data.validation.suites import expectation_types

    found: FrameExpectation = expectation_types()[type_](**kwargs)
    return found


def medians(frame: Rows, name: str, time: str, period: str, least_rows: int) -> Iterator[Rule]:
    """The median of a period lies within a factor of what was observed, or within the spread of a signed number."""
    from mainline.data.validation.counted import measured

    type_ = "expect_column_statistic_in_every_period_to_be_between"
    kwargs = {"column": name, "statistic": "median", "time": time, "period": period, "min_rows": least_rows}
    found = measured(expectation_of(type_, {**kwargs, "min_value": 0}), frame).dropna()
    if found.empty:
        return
    low, high = float(found.min()), float(found.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        return
    if low > 0:
        bounds = {"min_value": outward(low / FACTOR, -1), "max_value": outward(high * FACTOR, 1)}
    else:
        spread = float(frame[name].std())
        if not spread > 0:
            return
        bounds = {"min_value": outward(low - 2 * spread, -1), "max_value": outward(high + 2 * spread, 1)}
    notes = f"{span(low, high)} in each {period} at first. Another unit is far outside."
    yield Rule(type_, {**kwargs, **bounds}, notes, CRITICAL, held=True)


def of_gaps(frame: Rows, time: str, cutoff: pd.Timestamp | None, zone: str) -> Iterator[Rule]:
    """No gap far longer than the longest that there was, and no part of a day without its rows."""
    import pandas as pd

    from mainline.data.validation.periods import moments

    times = moments(frame[time]).dropna()
    if times.empty:
        return
    first = times.min().floor("h")
    ends = [first, cutoff] if cutoff is not None else [first]
    points = pd.concat([times.drop_duplicates(), pd.Series(ends, dtype=times.dtype)]).sort_values()
    longest = points.diff().max()
    days = max(math.ceil(2 * longest / pd.Timedelta(days=1)), 1)
    kwargs: dict[str, Any] = {"column": time, "longest": f"{days} days" if days > 1 else "24 hours"}
    kwargs["since"] = first.strftime("%Y-%m-%dT%H:%MZ")
    if cutoff is not None:
        kwargs["until"] = {"$PARAMETER": "until"}
    notes = f"{hours(longest)} at most at first. A delivery that is missing leaves a longer gap, at either end as well."
    yield Rule("expect_column_values_to_leave_no_gap", kwargs, notes, CRITICAL)
    part: dict[str, Any] = {"column": time, **({"timezone": zone} if zone != "UTC" else {})}
    measured = {**part, "until": str(cutoff)} if cutoff is not None else part
    if len(times) >= 20 * 4 * 28 and holds(frame, "expect_every_part_of_the_day_to_have_rows", measured):
        given = {**part, "until": {"$PARAMETER": "until"}} if cutoff is not None else part
        yield Rule(
            "expect_every_part_of_the_day_to_have_rows", given, "An evening that is missing.", WARNING, held=True
        )


def hours(length: pd.Timedelta) -> str:
    found = length.total_seconds() / 3600
    return f"{found / 24:.1f} days" if found >= 48 else f"{found:.1f} hours"
