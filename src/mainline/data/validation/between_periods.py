"""Expectations that hold between periods: what vanishes, changes its spelling or its unit, or stops to vary.

A rule on single values does not see a carrier that is gone, nor a month that is written in lower case. Each of these
compares a period with the others of the same table, so that it needs no number that a person knows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from mainline.data.validation.expectations import FrameExpectation, listed, moment
from mainline.data.validation.periods import ABSENT, UNITS, Period, column_of, kept, numbers, times_of

FEWEST_VALUES = 10
EPOCH = pd.Timestamp(1970, 1, 1)


class Between(FrameExpectation):
    """An expectation about a column in every period of `time` with at least `min_rows` rows."""

    column: str
    time: str
    period: Period = "month"
    min_rows: int = 200

    def periods(self, frame: pd.DataFrame) -> np.ndarray:
        """The period of each row as a number; `ABSENT` where it has none, or too few rows."""
        return numbers(frame, self.time, self.period, self.min_rows)

    def broken(self, found: pd.Series, how: str) -> tuple[bool, str]:
        """`found` are the values that break it, by period (and what else)."""
        if found.empty:
            return True, f"{how} in every {self.period}"
        shown = [f"{self.label(label)}: {value:.4g}" for label, value in found.items()]
        return False, f"{len(found)} of them, {listed(shown)}"

    def label(self, label: Any) -> str:
        period, *rest = label if isinstance(label, tuple) else (label,)
        return " ".join([str(np.int64(period).astype(UNITS[self.period])), *map(str, rest)])

    def counts(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Rows by period (index) and value (columns)."""

        def make() -> pd.DataFrame:
            row, labels = pd.factorize(self.periods(frame), sort=True)
            column, distinct = pd.factorize(column_of(frame, self.column))
            cells = len(labels) * max(len(distinct), 1)  # a column may have no value at all
            place = np.where(column < 0, 0, row * max(len(distinct), 1) + column)
            table = np.bincount(place, weights=column >= 0, minlength=cells).reshape(len(labels), -1)
            found = pd.DataFrame(table[:, : len(distinct)], index=labels, columns=pd.Index(distinct))
            return found[found.index != ABSENT]

        return kept(frame, ("counts", self.column, self.time, self.period, self.min_rows), make)

    def by_period(self, values: pd.Series, frame: pd.DataFrame, how: str) -> pd.Series:
        found: pd.Series = values.groupby(self.periods(frame)).agg(how)
        return found[found.index != ABSENT]


class ExpectColumnSharesToStayInEveryPeriod(Between):
    """Every frequent value keeps a part of its usual share: none vanishes.

    A value is frequent if its median share in the other periods is at least `min_share`; in each period it must
    have at least `at_least` times that share.
    """

    min_share: float = 0.01
    at_least: float = 0.2

    def examine(self, frame: pd.DataFrame) -> tuple[bool, str]:
        return self.judge(self.counts(frame))

    def judge(self, counts: pd.DataFrame) -> tuple[bool, str]:
        if len(counts) < 2:
            return True, "fewer than two periods"
        shares = counts.div(counts.sum(axis=1), axis=0)
        usual = others(shares)
        low = (usual >= self.min_share) & (shares < self.at_least * usual)
        return self.broken(flat(shares[low]), "every frequent value is there")

    def words(self) -> str:
        return (
            f"every value of {self.column} with a usual share of {self.min_share:g} or more must keep at least "
            f"{self.at_least:g} of it in every {self.period}"
        )


class ExpectColumnValuesToBeKnownFromEarlierPeriods(Between):
    """In each period but the first, at most `max_share` of the rows have a value that no earlier period has."""

    max_share: float = 0.01

    def examine(self, frame: pd.DataFrame) -> tuple[bool, str]:
        return self.judge(self.counts(frame))

    def judge(self, counts: pd.DataFrame) -> tuple[bool, str]:
        if len(counts) < 2:
            return True, "fewer than two periods"
        seen = (counts > 0).cumsum() - (counts > 0) > 0
        shares = (counts.where(~seen, 0).sum(axis=1) / counts.sum(axis=1)).iloc[1:]
        return self.broken(shares[shares > self.max_share], f"at most {shares.max():.4g} new values")

    def words(self) -> str:
        return (
            f"at most {self.max_share:g} of the rows of a {self.period} may have a value of {self.column} that is new"
        )


class ExpectColumnVarietyToStayInEveryPeriod(Between):
    """A column has at least `at_least` times its usual number of distinct values: a sensor that is stuck has one."""

    at_least: float = 0.2

    def examine(self, frame: pd.DataFrame) -> tuple[bool, str]:
        return self.judge(self.by_period(column_of(frame, self.column), frame, "nunique"))

    def judge(self, found: pd.Series) -> tuple[bool, str]:
        if len(found) < 2:
            return True, "fewer than two periods"
        low = found < self.at_least * others(found.to_frame()).iloc[:, 0]
        return self.broken(found[low], f"{found.min()} to {found.max()} distinct values")

    def words(self) -> str:
        return (
            f"{self.column} must have at least {self.at_least:g} of its usual number of values in every {self.period}"
        )


class ExpectNoDistantValueToRepeat(Between):
    """The largest and the smallest value do not repeat far away from all others: 999.9 for missing does.

    Far is more than `apart` times the range of all other values; in no period may it be in more than `max_share` of
    the rows. A column with fewer than ten values has no such distance.
    """

    apart: float = 0.5
    max_share: float = 0.001

    def examine(self, frame: pd.DataFrame) -> tuple[bool, str]:
        values = column_of(frame, self.column).astype("float64")
        distant = self.distant(np.sort(values.dropna().unique()))
        return self.judge({v: self.by_period((values == v).astype("float64"), frame, "mean") for v in distant})

    def distant(self, known: np.ndarray) -> list[float]:
        """Those of the sorted values that are far away, from the end that is farthest."""
        distant = []
        while len(known) >= FEWEST_VALUES:
            above, below = known[-1] - known[-2], known[1] - known[0]
            if above > self.apart * (known[-2] - known[0]):
                distant.append(known[-1])
                known = known[:-1]
            elif below > self.apart * (known[-1] - known[1]):
                distant.append(known[0])
                known = known[1:]
            else:
                break
        return distant

    def judge(self, shares_of: dict[float, pd.Series]) -> tuple[bool, str]:
        """`shares_of`: of each distant value the share of the rows, by period."""
        found: dict[tuple[int, float], float] = {}
        for value, shares in shares_of.items():
            found |= {(int(period), value): share for period, share in shares.items() if share > self.max_share}  # type: ignore[call-overload]
        return self.broken(pd.Series(found, dtype="float64"), "no distant value repeats")

    def words(self) -> str:
        return (
            f"in every {self.period}, a distant value of {self.column} may be in at most {self.max_share:g} of the rows"
        )


class ExpectMissingShareToStayInEveryPeriod(Between):
    """The share of missing values rises by at most `max_rise` above the median of the other periods.

    In the frame this is what a join matches: less than before leaves more missing.
    """

    max_rise: float = 0.05

    def examine(self, frame: pd.DataFrame) -> tuple[bool, str]:
        return self.judge(self.by_period(column_of(frame, self.column).isna(), frame, "mean"))

    def judge(self, missing: pd.Series) -> tuple[bool, str]:
        if len(missing) < 2:
            return True, "fewer than two periods"
        rise = missing - others(missing.to_frame()).iloc[:, 0]
        return self.broken(missing[rise > self.max_rise], f"{missing.min():.4g} to {missing.max():.4g} missing")

    def words(self) -> str:
        return f"missing values of {self.column} must not rise by more than {self.max_rise:g} in any {self.period}"


class ExpectColumnsToDetermineColumn(Between):
    """`by` determine the column: a route has one distance. `tolerance` is a share of the usual value.

    The usual value is the median of the periods' medians, so that one period in another unit does not set it.
    """

    by: list[str]
    tolerance: float = 0.02
    max_share: float = 0.001

    def examine(self, frame: pd.DataFrame) -> tuple[bool, str]:
        values = column_of(frame, self.column).astype("float64")
        group = frame.groupby([column_of(frame, name) for name in self.by], observed=True).ngroup().to_numpy()
        by_period = values.groupby([group, self.periods(frame)]).median()
        usual = by_period.groupby(level=0).median()
        expected = pd.Series(usual.reindex(group).to_numpy(), index=frame.index)
        return self.judge(self.by_period(self.off(values, expected), frame, "mean"))

    def off(self, values: pd.Series, expected: pd.Series) -> pd.Series:
        found: pd.Series = (values - expected).abs() > self.tolerance * expected.abs()
        return found

    def judge(self, shares: pd.Series) -> tuple[bool, str]:
        return self.broken(shares[shares > self.max_share], f"at most {shares.max():.4g} of the rows differ")

    def words(self) -> str:
        return f"{', '.join(self.by)} must determine {self.column}, within {self.tolerance:g}, in every {self.period}"


class ExpectLocalTimeToMatchTimeZone(Between):
    """A local `date` and `clock` (hhmm), in `timezone`, are the hour of the UTC `column`."""

    date: str
    clock: str
    timezone: str
    max_share: float = 0.001

    def examine(self, frame: pd.DataFrame) -> tuple[bool, str]:
        return self.judge(self.by_period(self.off(frame), frame, "mean"))

    def off(self, frame: pd.DataFrame) -> pd.Series:
        """Whether the two times of a row differ."""
        clock = column_of(frame, self.clock)
        day = pd.to_datetime(column_of(frame, self.date)).dt.tz_localize(None)
        local = day + pd.to_timedelta(clock // 100, unit="h")
        said = local.dt.tz_localize(self.timezone, ambiguous="NaT", nonexistent="NaT").dt.tz_convert("UTC")
        found: pd.Series = (said != times_of(frame, self.column).dt.floor("h")) & said.notna()
        return found

    def judge(self, shares: pd.Series) -> tuple[bool, str]:
        return self.broken(shares[shares > self.max_share], f"at most {shares.max():.4g} of the rows differ")

    def words(self) -> str:
        return f"{self.date} and {self.clock} in {self.timezone} must be the hour of {self.column}"


class ExpectDailyCycleToStay(Between):
    """The mean by hour of the day follows that of the other periods: correlation of at least `at_least`.

    Measurements that are six hours early leave every value in its range.
    """

    timezone: str = "UTC"
    at_least: float = 0.5

    def examine(self, frame: pd.DataFrame) -> tuple[bool, str]:
        hour = times_of(frame, self.time).dt.tz_convert(self.timezone).dt.hour
        values = column_of(frame, self.column).astype("float64")
        table = values.groupby([self.periods(frame), hour.to_numpy()]).mean().unstack()
        return self.judge(table[table.index != ABSENT])

    def judge(self, table: pd.DataFrame) -> tuple[bool, str]:
        """`table`: the means by period (index) and hour of the day (columns)."""
        if len(table) < 2:
            return True, "fewer than two periods"
        level = table.sub(table.mean(axis=1), axis=0)
        found = pd.Series({period: row.corr(level.drop(period).mean()) for period, row in level.iterrows()})
        return self.broken(found[~(found >= self.at_least)], f"a correlation of {found.min():.2g} or more")

    def words(self) -> str:
        return f"{self.column} must follow its usual course over the day, with a correlation of {self.at_least:g}"


class ExpectEveryPartOfTheDayToHaveRows(FrameExpectation):
    """Each part of each day has at least `at_least` times the median of this part: no evening is missing.

    The parts from the first row to the end of the data are looked at, where they are complete: to `until`, else to
    the last row. A part with a median below `min_rows` says nothing.
    """

    column: str
    timezone: str = "UTC"
    hours: int = 6
    at_least: float = 0.3
    min_rows: int = 20
    until: str | dict[str, str] | None = None

    def examine(self, frame: pd.DataFrame) -> tuple[bool, str]:
        times = times_of(frame, self.column).dropna()
        return self.judge(times.min(), times.max(), times, None)

    def judge(
        self, first_row: pd.Timestamp, last_row: pd.Timestamp, times: pd.Series, counts: np.ndarray | None
    ) -> tuple[bool, str]:
        """`counts`: how many rows each of the `times` stands for, where it is not one."""
        end = moment(self.until, times) if self.until else last_row
        first, last = (
            (when.tz_convert(self.timezone).tz_localize(None) - EPOCH) / pd.Timedelta(hours=self.hours)
            for when in (first_row, end)
        )
        start, stop = int(np.floor(first)) + 1, int(np.floor(last))
        local = (
            times.dt.tz_convert(self.timezone).dt.tz_localize(None).to_numpy().astype("datetime64[h]").astype("int64")
        )
        number = local // self.hours - start
        inside = (number >= 0) & (number < stop - start)
        weights = None if counts is None else counts[inside]
        rows = np.bincount(number[inside], weights, minlength=max(stop - start, 0)).astype("int64")
        part = (np.arange(start, start + len(rows)) * self.hours) % 24
        usual = pd.Series(rows).groupby(part).transform("median").to_numpy()
        low = np.flatnonzero((rows < self.at_least * usual) & (usual >= self.min_rows))
        if not len(low):
            return True, f"every part of {self.hours} hours has its rows"
        shown = [
            f"{EPOCH + pd.Timedelta(hours=self.hours) * int(start + place):%Y-%m-%d from %H:00}: {rows[place]} rows"
            for place in low
        ]
        return False, f"{len(shown)} parts of days: {listed(shown)}"

    def words(self) -> str:
        return f"by {self.column}, every {self.hours} hours must have at least {self.at_least:g} of their usual rows"


def flat(table: pd.DataFrame) -> pd.Series:
    """The values that are there, by row and column."""
    found = {(row, column): value for row, values in table.iterrows() for column, value in values.dropna().items()}
    return pd.Series(found, dtype="float64")


def others(table: pd.DataFrame) -> pd.DataFrame:
    """For each row the medians of all other rows."""
    values = table.to_numpy(dtype="float64")
    found = [np.median(np.delete(values, row, axis=0), axis=0) for row in range(len(values))]
    return pd.DataFrame(found, index=table.index, columns=table.columns)
