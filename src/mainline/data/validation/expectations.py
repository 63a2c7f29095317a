"""Expectations that Great Expectations does not have: kinds of columns, gaps in time, statistics per period.

Importing this module imports Great Expectations (2.5 to 4 s) and registers the classes below, so
that suites name them like its own.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import pandas as pd
from great_expectations.compatibility import pydantic
from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.execution_engine.execution_engine import ExecutionEngine
from great_expectations.execution_engine.pandas_execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider
from great_expectations.render.components import LegacyRendererType, RenderedStringTemplateContent
from great_expectations.render.renderer.renderer import renderer

from mainline.data.validation.periods import Period, calendar, column_of, kept, times_of

Kind = Literal["text", "integer", "number", "boolean", "date", "timestamp"]
Statistic = Literal["rows", "mean", "median", "min", "max", "missing"]

SHOWN = 5
FIRST = 1000


class Examined(TableMetricProvider):
    """The batch's own DataFrame, for expectations that look at several columns at once.

    The engine for tables in DuckDB (`table_engine.py`) answers with its table instead.
    """

    metric_name = "table.examined"

    @metric_value(engine=PandasExecutionEngine)
    def _pandas(
        cls,
        execution_engine: PandasExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        **_: Any,
    ) -> pd.DataFrame:
        frame, _, _ = execution_engine.get_compute_domain(metric_domain_kwargs, MetricDomainTypes.TABLE)
        return frame


class FrameExpectation(BatchExpectation):
    """An expectation that is evaluated on the whole DataFrame.

    Those of this package are also counted in DuckDB: see `counted.py`.
    """

    metric_dependencies: ClassVar[tuple[str, ...]] = ("table.examined",)

    def examine(self, frame: pd.DataFrame) -> tuple[bool, str]:
        """Whether it holds, and the observed value in words."""
        raise NotImplementedError

    def words(self) -> str:
        raise NotImplementedError

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: ExecutionEngine[Any] | None = None,
    ) -> dict[str, Any]:
        examined = metrics["table.examined"]
        of_frame = isinstance(examined, pd.DataFrame)  # else `counted.Examined`
        success, observed = self.examine(examined) if of_frame else examined.examine(self)
        return {"success": success, "result": {"observed_value": observed}}

    @classmethod
    @renderer(renderer_type=LegacyRendererType.PRESCRIPTIVE)
    def _prescriptive_renderer(
        cls,
        configuration: ExpectationConfiguration | None = None,
        result: Any = None,
        runtime_configuration: dict[str, Any] | None = None,
    ) -> list[RenderedStringTemplateContent]:
        kwargs = dict(configuration.kwargs) if configuration is not None else {}
        kwargs.pop("batch_id", None)
        # `$` starts a parameter in Great Expectations' templates, and doubled stands for itself.
        template = {"template": cls(**kwargs).words().replace("$", "$$"), "params": {}}
        return [RenderedStringTemplateContent(content_block_type="string_template", string_template=template)]


class ExpectColumnKindToBe(FrameExpectation):
    """A column holds values of one kind, in whatever width the reader stored them.

    Whole numbers that were read as floats because some are missing are integers. A timestamp
    has a time zone, a date is at midnight. A column without any value is of no kind.
    """

    column: str
    kind: Kind

    def examine(self, frame: pd.DataFrame) -> tuple[bool, str]:
        values = column_of(frame, self.column)
        return self.judge(kind_of(values), values.dtype)

    def judge(self, found: str, dtype: Any) -> tuple[bool, str]:
        return found == self.kind or (self.kind == "number" and found == "integer"), f"{found} ({dtype})"

    def words(self) -> str:
        return f"{self.column} must be of the kind {self.kind}"


class ExpectColumnValuesToLeaveNoGap(FrameExpectation):
    """No stretch without a row is longer than `longest`, within each value of `by`.

    With `since` and `until`, the stretches before the first row and after the last one count.
    """

    column: str
    longest: str
    by: str | None = None
    since: str | None = None
    until: str | dict[str, str] | None = None

    @pydantic.validator("longest")
    def _longest_is_a_length_of_time(cls, value: str) -> str:
        pd.Timedelta(value)
        return value

    def examine(self, frame: pd.DataFrame) -> tuple[bool, str]:
        times = times_of(frame, self.column)
        groups = times.groupby(column_of(frame, self.by), observed=True) if self.by else [("", times)]
        return self.judge([(length, start, group) for group, values in groups for start, length in self.gaps(values)])

    def judge(self, gaps: list[tuple[pd.Timedelta, pd.Timestamp, Any]]) -> tuple[bool, str]:
        """`gaps`: the length, the start and the group of each stretch that is too long, by group and start."""
        if not gaps:
            return True, f"no gap longer than {self.longest}"
        longest = sorted(gaps, key=lambda gap: gap[0], reverse=True)
        shown = [
            f"{brief(length)} from {clock(start)}{f' ({group})' if group else ''}" for length, start, group in longest
        ]
        return False, f"{len(gaps)} longer than {self.longest}: {listed(shown)}"

    def gaps(self, values: pd.Series) -> list[tuple[pd.Timestamp, pd.Timedelta]]:
        """Where a stretch that is too long starts, and its length."""
        ends = [moment(end, values) for end in (self.since, self.until) if end]
        points = pd.concat([values.drop_duplicates(), pd.Series(ends, dtype=values.dtype)]).dropna().sort_values()
        lengths = points.diff().iloc[1:]
        wide = (lengths > pd.Timedelta(self.longest)).to_numpy()
        return list(zip(points.iloc[:-1][wide], lengths[wide], strict=True))

    def words(self) -> str:
        ends = "".join(f", {word} {end}" for word, end in (("since", self.since), ("until", self.until)) if end)
        within = f" within each {self.by}" if self.by else ""
        return f"{self.column} must leave no gap longer than {self.longest}{within}{ends}"


class ExpectColumnStatisticInEveryPeriodToBeBetween(FrameExpectation):
    """A statistic of a column lies between two bounds in every period of `time`.

    A bound on the whole table does not check its newest part. `missing` is the
    share of rows without a value. `max_change` bounds the step from one period to the next one
    that has rows; `inner` leaves out the first and the last period, which the cutoff may shorten, and
    `min_rows` those that have too few rows.
    """

    column: str
    statistic: Statistic
    time: str
    period: Period
    min_value: float | None = None
    max_value: float | None = None
    max_change: float | None = None
    by: str | None = None
    inner: bool = False
    min_rows: int = 1

    @pydantic.root_validator(skip_on_failure=True)
    def _something_is_bounded(cls, values: dict[str, Any]) -> dict[str, Any]:
        if all(values.get(name) is None for name in ("min_value", "max_value", "max_change")):
            raise ValueError("needs min_value, max_value or max_change")
        return values

    def examine(self, frame: pd.DataFrame) -> tuple[bool, str]:
        return self.judge(self.measure(frame))

    def judge(self, measured: pd.Series) -> tuple[bool, str]:
        """`measured`: the statistic by (`by`, period)."""
        broken = measured.isna()
        if self.min_value is not None:
            broken |= measured < self.min_value
        if self.max_value is not None:
            broken |= measured > self.max_value
        if self.max_change is not None:
            steps = measured.groupby(level=0, observed=True).diff() if self.by else measured.diff()
            broken |= steps.abs() > self.max_change
        if measured.empty:
            return False, f"no {'whole ' if self.inner else ''}{self.period} with {self.min_rows:,} rows or more"
        if not broken.any():
            return True, f"{measured.min():.4g} to {measured.max():.4g}"
        shown = [f"{named(label)}: {value:.4g}" for label, value in measured[broken].items()]
        return False, f"{int(broken.sum())} of {len(measured)} periods: {listed(shown)}"

    def measure(self, frame: pd.DataFrame) -> pd.Series:
        """The statistic by (`by`, period)."""
        times, values = calendar(frame, self.time, self.period), column_of(frame, self.column)
        by = [column_of(frame, self.by)] if self.by else []
        if self.inner:
            inside = times.notna() & (times > times.min()) & (times < times.max())
            times, values, by = times[inside], values[inside], [column[inside] for column in by]
        keys = [*by, times]
        counted = ("rows", self.time, self.period, self.by, self.inner)
        counts = kept(frame, counted, lambda: values.groupby(keys, observed=True).size())
        measured: pd.Series
        if self.statistic == "rows":
            measured = counts
        elif self.statistic == "missing":
            measured = values.isna().groupby(keys, observed=True).mean()
        else:
            measured = getattr(values.astype("float64").groupby(keys, observed=True), self.statistic)()
        return measured[counts >= self.min_rows]

    def words(self) -> str:
        low, high = self.min_value, self.max_value
        bounds = f"between {low:g} and {high:g}" if low is not None and high is not None else None
        bounds = bounds or (f"at least {low:g}" if low is not None else f"at most {high:g}" if high is not None else "")
        enough = f" with at least {self.min_rows:,} rows" if self.min_rows > 1 else ""
        change = f"change by at most {self.max_change:g} from one to the next" if self.max_change is not None else ""
        what = "the number of rows" if self.statistic == "rows" else f"{self.statistic} of {self.column}"
        each = f" of each {self.by}" if self.by else ""
        where = f"{what} in every {'whole ' if self.inner else ''}{self.period}{each}{enough}"
        return f"{where} must " + " and ".join(part for part in (f"be {bounds}" if bounds else "", change) if part)


def kind_of(values: pd.Series) -> str:
    types = pd.api.types
    if not values.notna().any():
        return "nothing"
    if types.is_integer_dtype(values.dtype):
        return "integer"
    held = values.dropna()
    if types.is_bool_dtype(held.dtype):
        return "boolean"
    if types.is_float_dtype(held.dtype):
        # Most columns of numbers show it in their first rows.
        return "integer" if whole(held.head(FIRST)) and whole(held) else "number"
    if isinstance(held.dtype, pd.DatetimeTZDtype):
        return "timestamp"
    if types.is_datetime64_dtype(held.dtype):
        return "date" if (held == held.dt.normalize()).all() else "timestamp without a time zone"
    inferred = types.infer_dtype(held)
    return {"string": "text"}.get(inferred, inferred)


def whole(values: pd.Series) -> bool:
    return bool((values % 1 == 0).all())


def moment(value: Any, like: pd.Series) -> pd.Timestamp:
    return pd.Timestamp(pd.to_datetime(value, utc=True)).as_unit(like.dt.unit)


def listed(shown: list[str]) -> str:
    return "; ".join(shown[:SHOWN]) + (f"; and {len(shown) - SHOWN} more" if len(shown) > SHOWN else "")


def named(label: Any) -> str:
    return " ".join(map(str, label)) if isinstance(label, tuple) else str(label)


def brief(length: pd.Timedelta) -> str:
    days, hours = length.days, length.seconds / 3600
    return f"{days} d {hours:g} h" if days and hours else f"{days} d" if days else f"{hours:g} h"


def clock(time: pd.Timestamp) -> str:
    return time.strftime("%Y-%m-%d" if time == time.normalize() else "%Y-%m-%d %H:%M")
