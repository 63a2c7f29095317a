"""Rules of the prepared frame: what joins and computed columns could break."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mainline.config.schema import Settings
from mainline.init.proposal import Proposal
from mainline.init.writing.suite_periods import FACTOR, expectation_of, medians, periods_of
from mainline.init.writing.suite_rules import CRITICAL, WARNING, Rule, outward, percent, span, unique

if TYPE_CHECKING:
    from mainline.init.writing.suite_periods import Rows

STATISTIC = "expect_column_statistic_in_every_period_to_be_between"


def of_frame(proposal: Proposal, settings: Settings, frame: Rows) -> Iterator[Rule]:
    key, label = settings.prepare.key, settings.prepare.label
    features = [name for name in settings.prepare.features.names if "*" not in name]
    named = [name for name in dict.fromkeys([*key, label, *features]) if name in frame.columns]
    notes = "A missing column stops the run. An additional one is allowed: it is a new feature of an experiment."
    yield Rule("expect_table_columns_to_match_set", {"column_set": named, "exact_match": False}, notes)
    yield from unique(key)
    yield from of_label(settings, frame)
    for derived in proposal.derived:
        yield from of_derived(frame, derived.name)
    time = settings.prepare.time
    found = periods_of(frame, time) if time else None
    if time and found:
        yield from label_over_time(settings, frame, time, *found)


def of_label(settings: Settings, frame: Rows) -> Iterator[Rule]:
    from mainline.data.validation.expectations import kind_of

    label = settings.prepare.label
    kind = kind_of(frame[label])
    if kind in ("text", "integer", "number", "boolean"):
        notes = "The label; missing where the outcome is not known yet."
        yield Rule("expect_column_kind_to_be", {"column": label, "kind": kind}, notes)


def of_derived(frame: Rows, name: str) -> Iterator[Rule]:
    """The kind of a computed column, and the range of a number as it was."""
    import pandas as pd

    from mainline.data.validation.expectations import kind_of

    values = frame[name]
    kind = kind_of(values)
    if kind not in ("text", "integer", "number", "boolean", "date", "timestamp"):
        return
    yield Rule("expect_column_kind_to_be", {"column": name, "kind": kind}, "Computed by the preparation.")
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        low, high = float(values.min()), float(values.max())
        kwargs = {"column": name, "min_value": plain(low), "max_value": plain(high)}
        notes = f"{span(low, high)} at first."
        yield Rule("expect_column_values_to_be_between", kwargs, notes, WARNING)


def plain(value: float) -> float | int:
    return int(value) if value == int(value) else value


def label_over_time(settings: Settings, frame: Rows, time: str, period: str, least_rows: int) -> Iterator[Rule]:
    """The label of every period resembles those that were there: its share, or its median, and how many are missing."""
    from mainline.data.validation.counted import measured

    label = settings.prepare.label
    common = {"column": label, "time": time, "period": period, "min_rows": least_rows}
    if settings.task == "regression":
        yield from medians(frame, label, time, period, least_rows)
    elif settings.task == "binary":
        kwargs = {**common, "statistic": "mean"}
        shares = measured(expectation_of(STATISTIC, {**kwargs, "min_value": 0}), frame).dropna()
        if len(shares):
            low, high = float(shares.min()), float(shares.max())
            bounds = {"min_value": outward(low / FACTOR, -1), "max_value": min(outward(high * FACTOR, 1), far(high))}
            notes = f"{percent(low)} to {percent(high)} in each {period} at first. Far outside it means something else."
            yield Rule(STATISTIC, {**kwargs, **bounds}, notes, CRITICAL)
    missing = frame[label].isna().mean()
    if not missing:
        notes = "None was missing at first."
        yield Rule("expect_column_values_to_not_be_null", {"column": label}, notes, WARNING)


def far(share: float) -> float:
    """A share that is as far from one as a third of what is left: of 0.8 that is 0.94."""
    return round(1 - (1 - share) / FACTOR, 3)
