"""Great Expectations' engine for a table in DuckDB: what can be counted there is, and pandas does the rest.

Great Expectations asks for metrics, level by level: first the types of the columns, then the condition of each
expectation, then how many rows break it. A condition becomes SQL (`conditions.py`), and all counts of a level are one
query. A condition on single values that has no SQL, such as a regular expression, is evaluated by Great Expectations on
the distinct values. Anything else is evaluated by pandas on the columns that it names.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
from great_expectations.core.batch import BatchMarkers
from great_expectations.core.batch_spec import RuntimeDataBatchSpec
from great_expectations.datasource.fluent import PandasDatasource
from great_expectations.execution_engine.pandas_batch_data import PandasBatchData
from great_expectations.validator.metric_configuration import MetricConfiguration

from mainline.data.sources.duckdb_scan import text
from mainline.data.split import quoted
from mainline.data.validation import conditions
from mainline.data.validation.conditions import Condition
from mainline.data.validation.counted import Examined
from mainline.data.validation.frame_engine import ROWS, VALUES, Domain, FrameEngine, shows_nothing
from mainline.data.validation.table import MOST_VALUES, NAME, NotCounted, Table

CONDITION, COUNT, UNEXPECTED_ROWS, FILTERED = (
    ".condition",
    ".unexpected_count",
    ".unexpected_rows",
    ".filtered_row_count",
)
BROKEN = "unexpected_condition"
EXAMINED, TYPES = "table.examined", "table.column_types"
MOST_BROKEN = 500
OF_THE_SET = "column.distinct_values"
# Conditions that depend on nothing but the value: what holds for a value holds for each row that has it.
OF_THE_VALUE = tuple(
    f"column_values.{name}"
    for name in (
        "between", "in_set", "not_in_set", "match_regex", "not_match_regex", "match_regex_list", "not_match_regex_list",
        "value_length.equals", "value_length.between", "match_strftime_format", "dateutil_parseable", "json_parseable",
    )
)  # fmt: skip


class Placeholder(pd.DataFrame):
    """Stands for a table where Great Expectations wants a DataFrame; it holds no row, and nothing reads it."""

    _metadata = ["table"]  # noqa: RUF012 (pandas' own way)
    table: Table

    @classmethod
    def of(cls, table: Table) -> Placeholder:
        found = cls({name: [] for name in table.columns})
        found.table = table
        return found


class TableData(PandasBatchData):  # type: ignore[misc]
    """The DataFrame of a table, loaded where it is asked for: the columns `narrowed`, or all of them."""

    def __init__(self, engine: FrameEngine, table: Table) -> None:
        super().__init__(execution_engine=engine, dataframe=Placeholder())
        self.table = table
        self.narrowed: list[str] | None = None
        self.instead: pd.DataFrame | None = None

    @property
    def dataframe(self) -> pd.DataFrame:
        return self.table.frame(self.narrowed) if self.instead is None else self.instead


class TableEngine(FrameEngine):
    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.known: dict[Any, Any] = {}  # Great Expectations asks again for all of a level where one metric fails
        self.data: TableData | None = None

    def get_batch_data_and_markers(self, batch_spec: Any) -> tuple[PandasBatchData, BatchMarkers]:
        given = batch_spec.batch_data if isinstance(batch_spec, RuntimeDataBatchSpec) else None
        data, markers = super().get_batch_data_and_markers(batch_spec)
        if not isinstance(given, Placeholder):
            return data, markers
        self.data, self.known = TableData(self, given.table), {}
        return self.data, markers

    def resolve_metrics(
        self,
        metrics_to_resolve: Iterable[MetricConfiguration],
        metrics: Any = None,
        runtime_configuration: dict[str, Any] | None = None,
    ) -> dict[Any, Any]:
        """As in the base class; what DuckDB counts is counted in one query."""
        if self.data is None:
            return super().resolve_metrics(metrics_to_resolve, metrics, runtime_configuration)
        wanted = list(metrics_to_resolve)
        if any(metric.metric_name.endswith(COUNT) for metric in wanted):
            with contextlib.suppress(NotCounted):  # then each is counted alone
                self.count([found for metric in wanted if (found := self.condition_of(metric, metrics)) is not None])
        problem: Exception | None = None
        for metric in wanted:
            if metric.id not in self.known:
                try:
                    self.known[metric.id] = self.answer(self.data, metric, metrics or {}, runtime_configuration)
                except Exception as error:  # the others are answered first: each is asked for up to three times
                    problem = problem or error
        if problem:
            raise problem
        return {metric.id: self.known[metric.id] for metric in wanted}

    def answer(self, data: TableData, metric: MetricConfiguration, metrics: Any, runtime: Any) -> Any:
        try:
            return self.by_table(data, metric, metrics, runtime)
        except Exception:  # also where an expectation refuses the values themselves: pandas says how
            if data.table.trouble:
                raise
            return self.by_pandas(data, metric, metrics, runtime)

    def by_table(self, data: TableData, metric: MetricConfiguration, metrics: Any, runtime: Any) -> Any:
        name, domain, table = metric.metric_name, metric.metric_domain_kwargs, data.table
        if name == EXAMINED:
            return Examined(table)
        if name == ROWS:
            return self.rows(table, conditions.selected(table, domain))
        if name == TYPES:
            conditions.selected(table, domain)  # a condition that is wrong is an error here
            return [{"name": column, "type": dtype} for column, dtype in table.dtypes.items()]
        if name.endswith(CONDITION):
            return self.condition(data, metric, metrics, runtime)
        if name.startswith(OF_THE_SET):
            return self.of_values(data, metric, metrics, runtime, True)
        broken, limit = self.condition_of(metric, metrics), self.limit(metric)
        if broken is None:
            raise NotCounted(name)
        if name.endswith(COUNT):
            return self.counted(table, broken)
        if name.endswith(FILTERED):
            return self.rows(table, broken.domain)
        if name.endswith(VALUES) and shows_nothing(metric):
            return []
        if limit is None or not name.endswith((VALUES, UNEXPECTED_ROWS)):
            raise NotCounted(name)
        if name.endswith(UNEXPECTED_ROWS):
            return conditions.first_rows(table, broken, [*table.key, *broken.columns], limit)
        found = conditions.first_rows(table, broken, broken.columns, limit)
        if "column_A" in domain:
            first, second = broken.columns
            return list(zip(found[first].values, found[second].values, strict=True))
        return (
            found[list(broken.columns)].to_dict("records")
            if "column_list" in domain
            else list(found[broken.columns[0]])
        )

    def condition_of(self, metric: MetricConfiguration, metrics: Any) -> Condition | None:
        """What this engine made of the condition that a metric depends on."""
        needed = metric.metric_dependencies.get(BROKEN)
        found = (metrics or {}).get(needed.id) if needed else None
        return found if isinstance(found, Condition) else None

    def limit(self, metric: MetricConfiguration) -> int | None:
        shown = metric.metric_value_kwargs.get("result_format") or {}
        if shown.get("result_format") == "COMPLETE" or "partial_unexpected_count" not in shown:
            return None
        return int(shown["partial_unexpected_count"])

    def condition(self, data: TableData, metric: MetricConfiguration, metrics: Any, runtime: Any) -> Any:
        name = metric.metric_name.removesuffix(CONDITION)
        try:
            return conditions.translated(name, metric.metric_domain_kwargs, metric.metric_value_kwargs, data.table)
        except NotCounted:
            if name not in OF_THE_VALUE:
                raise
        return self.of_values(data, metric, metrics, runtime, False)

    def of_values(self, data: TableData, metric: MetricConfiguration, metrics: Any, runtime: Any, whole: bool) -> Any:
        """A metric that depends on which values there are, on the distinct values of a column.

        With `whole`, a missing value is one of them, and the metric's own value is returned; else the rows that break
        a condition.
        """
        table, domain = data.table, metric.metric_domain_kwargs
        column, rows = conditions.single(table, domain), conditions.selected(table, domain)
        table.need((*conditions.COMPARABLE, "boolean"), column)
        values = self.distinct(table, column, rows)
        known = values[values[column].notna()] if not whole else values
        known = known.reset_index(drop=True)
        unconditional = Domain({k: v for k, v in domain.items() if k not in ("row_condition", "condition_parser")})
        asked = MetricConfiguration(metric.metric_name, unconditional, metric.metric_value_kwargs)
        asked.metric_dependencies = metric.metric_dependencies
        data.instead = known[[column]]
        try:
            found = super().resolve_metrics([asked], metrics, runtime)[asked.id]
        finally:
            data.instead = None
        if whole:
            return found
        broken = known[pd.Series(found[0]).to_numpy(dtype=bool)]
        if not len(broken):
            return Condition(rows, "false", (column,), count=0)
        if len(broken) > MOST_BROKEN:
            raise NotCounted(column)
        listed = ", ".join(f"{literal(value)}::{table.facts[column].type}" for value in broken[column])
        return Condition(rows, f"{quoted(column)} IN ({listed})", (column,), count=int(broken[COUNTED].sum()))

    def distinct(self, table: Table, column: str, rows: str) -> pd.DataFrame:
        """The values of a column and how many rows have each."""
        about = f"SELECT approx_count_distinct({quoted(column)}) FROM {NAME}"
        if table.once(("about", column), lambda: table.one(about)[0]) > MOST_VALUES:
            raise NotCounted(column)
        where = conditions.where(rows)
        value = table.value(column) if table.kind(column) == "float" else quoted(column)
        sql = f"SELECT {value} AS {quoted(column)}, count(*) AS {quoted(COUNTED)} FROM {NAME}{where} GROUP BY ALL"
        found: pd.DataFrame = table.once(("values", column, rows), lambda: table.typed(table.query(sql)))
        return found

    def rows(self, table: Table, condition: str) -> int:
        if not condition:
            return table.rows
        self.count([Condition(condition, "", ())])
        return self.counted(table, Condition(condition, "", ()))

    def count(self, wanted: list[Condition]) -> None:
        """Count the rows that break each condition, in one query."""
        assert self.data
        table = self.data.table
        open_ = {one: sql for one in wanted if one.count is None and (sql := conditions.counting(one))}
        open_ = {one: sql for one, sql in open_.items() if one not in table.made}
        if open_:
            table.made.update(zip(open_, table.one(f"SELECT {', '.join(open_.values())} FROM {NAME}"), strict=True))

    def counted(self, table: Table, condition: Condition) -> int:
        if condition.count is not None:
            return condition.count
        if condition.repeated:
            found: int = table.once(condition, lambda: conditions.repeated_rows(table, condition))
            return found
        self.count([condition])
        return int(table.made[condition])

    def by_pandas(self, data: TableData, metric: MetricConfiguration, metrics: Any, runtime: Any) -> Any:
        """As the base class answers, on the columns that the metric names."""
        named = self.columns_of(data.table, metric)
        instead = dict(metrics)
        for needed in metric.metric_dependencies.values():
            if isinstance(instead.get(needed.id), Condition):
                instead[needed.id] = self.by_pandas(data, needed, metrics, runtime)
        data.narrowed = named
        try:
            found = super().resolve_metrics([metric], instead, runtime)[metric.id]
        finally:
            data.narrowed = None
        if metric.metric_name == TYPES:  # the rows of a condition have all columns
            return [{"name": column, "type": dtype} for column, dtype in data.table.dtypes.items()]
        return found

    def columns_of(self, table: Table, metric: MetricConfiguration) -> list[str] | None:
        """The columns that pandas needs for a metric: None for all."""
        domain: Mapping[str, Any] = metric.metric_domain_kwargs
        names = [domain.get(each) for each in ("column", "column_A", "column_B")] + list(
            domain.get("column_list") or []
        )
        condition = conditions.condition_text(domain)
        asked = [name for name in names if isinstance(name, str)]
        if condition is None:
            return None
        if condition:  # it has the name of every column that it reads
            asked += [name for name in table.facts if name in condition]
        elif not asked:
            return None
        return [*asked, *table.key] if metric.metric_name.endswith(UNEXPECTED_ROWS) else asked


COUNTED = "rows of Mainline"


def literal(value: Any) -> str:
    if "\0" in str(value):
        raise NotCounted(str(value))
    return text(str(value))


# Great Expectations' own way to another engine of its data sources.
PandasDatasource.execution_engine_override = TableEngine
