"""Great Expectations' engine for DataFrames, without its copies of whole tables.

For an expectation about one column, Great Expectations selects rows of the whole table, several times. On the example's
frame of 30 columns that was half of the validation. This engine gives an expectation the column that it names, finds
the rows of a condition once, and lists no values where none are shown.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from great_expectations.core.batch import BatchMarkers
from great_expectations.core.batch_spec import RuntimeDataBatchSpec
from great_expectations.execution_engine.pandas_batch_data import PandasBatchData
from great_expectations.execution_engine.pandas_execution_engine import PandasExecutionEngine
from great_expectations.validator.metric_configuration import MetricConfiguration

Domain = dict[str, Any]

ROWS = "table.row_count"
VALUES = ".unexpected_values"


class FrameEngine(PandasExecutionEngine):
    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.places: dict[str, np.ndarray] = {}  # by batch and condition

    def get_batch_data_and_markers(self, batch_spec: Any) -> tuple[PandasBatchData, BatchMarkers]:
        """Without a hash of all values, which nothing reads."""
        if not isinstance(batch_spec, RuntimeDataBatchSpec) or not isinstance(batch_spec.batch_data, pd.DataFrame):
            return super().get_batch_data_and_markers(batch_spec)
        frame, batch_spec.batch_data = batch_spec.batch_data, "PandasDataFrame"
        loaded = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        return PandasBatchData(execution_engine=self, dataframe=frame), BatchMarkers({"ge_load_time": loaded})

    def get_compute_domain(
        self, domain_kwargs: Domain, domain_type: Any, accessor_keys: Iterable[str] | None = None
    ) -> tuple[pd.DataFrame, Domain, Domain]:
        """The rows of a metric: about one column with that column alone, all others as in the base class."""
        column, frame = domain_kwargs.get("column"), self.whole(domain_kwargs)
        if column not in frame.columns:
            return super().get_compute_domain(domain_kwargs, domain_type, accessor_keys)
        found = frame[[column]]
        if domain_kwargs.get("row_condition"):
            found = found.iloc[self.selected(domain_kwargs)]
        domain = self._partition_domain_kwargs(domain_kwargs, domain_type, accessor_keys)
        return found, domain.compute, domain.accessor

    def whole(self, domain_kwargs: Domain) -> pd.DataFrame:
        """The table without any condition."""
        return self.get_domain_records({"batch_id": domain_kwargs.get("batch_id")})

    def selected(self, domain_kwargs: Domain) -> np.ndarray:
        """The places of the rows that satisfy the condition."""
        frame, condition = self.whole(domain_kwargs), domain_kwargs["row_condition"]
        if not frame.index.equals(pd.RangeIndex(len(frame))):
            return frame.index.get_indexer(super().get_domain_records({**domain_kwargs, "column": None}).index)
        key = repr([domain_kwargs.get(name) for name in ("batch_id", "row_condition", "condition_parser")])
        if key not in self.places:
            # A condition has the name of every column that it reads.
            read = [name for name in frame.columns if not isinstance(condition, str) or str(name) in condition]
            self.places[key] = self._apply_row_condition_filter(frame[read], condition, domain_kwargs).index.to_numpy()
        return self.places[key]

    def resolve_metrics(
        self,
        metrics_to_resolve: Iterable[MetricConfiguration],
        metrics: Any = None,
        runtime_configuration: dict[str, Any] | None = None,
    ) -> dict[Any, Any]:
        """As in the base class, without a selection of rows where their number or nothing is asked for."""
        wanted, known = list(metrics_to_resolve), dict[Any, Any]()
        for metric in wanted:
            if shows_nothing(metric):
                known[metric.id] = []
            elif metric.metric_name == ROWS and metric.metric_domain_kwargs.get("row_condition"):
                with contextlib.suppress(Exception):  # the base class says what is wrong with a condition
                    known[metric.id] = len(self.selected(metric.metric_domain_kwargs))
        rest = [metric for metric in wanted if metric.id not in known]
        return {**super().resolve_metrics(rest, metrics, runtime_configuration), **known}


def shows_nothing(metric: MetricConfiguration) -> bool:
    """Whether it lists the values that broke an expectation, up to a number of 0."""
    shown = metric.metric_value_kwargs.get("result_format") or {}
    whole = shown.get("result_format") == "COMPLETE"
    return metric.metric_name.endswith(VALUES) and not whole and shown.get("partial_unexpected_count") == 0
