"""The data gate: an expectation suite on a table, and what it finds."""

from __future__ import annotations

import datetime as dt
import logging
import math
import string
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mainline.data.feature_patterns import STAR, matched
from mainline.data.sources.duckdb_scan import no_room_to_spill
from mainline.data.validation import periods
from mainline.data.validation.dtypes import examinable
from mainline.data.validation.quick_expectations import configured_once
from mainline.data.validation.results import Expectation, Severity, Validation
from mainline.data.validation.suites import Rule, Suite, expectation_types, load_suite
from mainline.data.validation.table import Table, compared_in
from mainline.errors import ConfigurationError, ExternalError, MainlineError

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuiteValidationResult, ExpectationValidationResult
    from great_expectations.datasource.fluent.interfaces import Batch
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

__all__ = ["Checked", "check", "explain", "load_suite", "validate"]

EXAMPLES = 5
COUNT = {"result_format": "BASIC", "partial_unexpected_count": 0}
SHOW = {"result_format": "BASIC", "partial_unexpected_count": EXAMPLES, "include_unexpected_rows": True}


@dataclass(frozen=True)
class Checked:
    """A suite's findings on one table, and Great Expectations' own record of them for the Data Docs."""

    table: str
    suite: Suite
    expectations: list[Expectation]
    record: ExpectationSuiteValidationResult | None


def validate(
    table: str,
    rows: pd.DataFrame | Table,
    suite: Suite,
    key: Sequence[str],
    parameters: Mapping[str, Any] | None = None,
) -> list[Expectation]:
    """What `suite` finds in `rows`, in the suite's order.

    Parameters
    ----------
    rows
        A DataFrame, or a table in DuckDB, of which only counts and the rows of examples are loaded.
    key
        The columns that name a row; up to five rows that break an expectation are told by them.
    parameters
        What the suite's `$PARAMETER` entries stand for, such as `{"until": settings.data.cutoff}`.

    Notes
    -----
    An expectation that cannot be examined (its column is missing, a value has the wrong type) has
    failed, and an empty table fails whatever its suite says.
    """
    return check(table, rows, suite, key, parameters).expectations


def check(
    table: str,
    rows: pd.DataFrame | Table,
    suite: Suite,
    key: Sequence[str],
    parameters: Mapping[str, Any] | None = None,
) -> Checked:
    """As `validate`, with what `data_docs.write_page` needs."""
    given = {name: instant(value) for name, value in (parameters or {}).items()}
    for rule in suite.rules:
        for name in sorted(rule.parameters - given.keys()):
            raise ConfigurationError(f"{suite.path}:{rule.line}: the parameter {name!r} was given no value")
    count = rows.rows if isinstance(rows, Table) else len(rows)
    if not count:
        return Checked(table, suite, [nothing_there(table, suite)], None)
    suite = for_columns(suite, list(map(str, rows.columns)), table)
    with quiet(), configured_once():
        if isinstance(rows, Table):
            rows = replace(rows, suite=suite, key=key, compared=compared_in(suite), made={}, frames={}, trouble=[])
        else:
            rows = examinable(rows, compared_in(suite))
        batch = batch_of(table, rows)
        places = range(len(suite.rules))
        try:
            found = run(batch, suite, places, COUNT, given)
            refuse_trouble(table, rows)
            broken = [at for at in places if not found[at].success and found[at].result.get("unexpected_count")]
            if broken:
                found |= run(batch, suite, broken, SHOW, given)
                refuse_trouble(table, rows)
        finally:
            periods.forget()
            if isinstance(rows, Table):
                rows.forget()
        results = [found[place] for place in places]
        findings = [finding(table, suite, place, found[place], key, count) for place in places]
        return Checked(table, suite, findings, record_of(table, suite, results))


def refuse_trouble(table: str, rows: pd.DataFrame | Table) -> None:
    """Raise what stopped a query and is no fault of the data: Great Expectations makes a failed expectation of it."""
    import duckdb

    if not isinstance(rows, Table) or not rows.trouble:
        return
    error = rows.trouble[0]
    if isinstance(error, MainlineError):
        raise error
    reason = no_room_to_spill(error) or (str(error).strip() or type(error).__name__).splitlines()[0]
    if isinstance(error, duckdb.OutOfMemoryException) and no_room_to_spill(error):
        raise ExternalError(f"the validation of {table} stopped: {reason}") from error
    if isinstance(error, duckdb.OutOfMemoryException):
        raise ConfigurationError(
            f"params.yaml: data.memory_megabytes: the validation of {table} needs more memory than it may have "
            f"({reason}): set it to twice as much, or leave it out"
        ) from error
    raise ExternalError(
        f"the validation of {table} could not read its data or write temporary files: {reason}"
    ) from error


def for_columns(suite: Suite, columns: list[str], table: str) -> Suite:
    """The suite with one rule for each column that a pattern such as `pixel_*` stands for."""
    rules: list[Rule] = []
    for rule in suite.rules:
        name = rule.kwargs.get("column")
        if not isinstance(name, str) or STAR not in name or name in columns:
            rules.append(rule)
            continue
        found = matched(name, columns)
        if not found:
            raise ConfigurationError(f"{suite.path}:{rule.line}: column: {name} matches no column of {table}")
        rules += [replace(rule, kwargs={**rule.kwargs, "column": column}) for column in found]
    return replace(suite, rules=rules)


def explain(validation: Validation) -> str:
    """What the terminal prints: each critical expectation that failed, where it is written, and rows that broke it."""
    parts = []
    for found in validation.critical:
        lines = [f"{found.table}: {found.rule}", f"  {found.file}:{found.line}: {found.type}"]
        if found.observed is not None:
            lines.append(f"  found: {found.observed}")
        if found.note:
            lines.append(f"  why: {' '.join(found.note.split())}")
        if found.unexpected:
            lines.append(f"  {found.unexpected:,} of {found.rows:,} rows" + (":" if found.examples else ""))
            lines += ["    " + "  ".join(f"{name}={value}" for name, value in row.items()) for row in found.examples]
        parts.append("\n".join(lines))
    if validation.warnings:
        named = ", ".join(f"{found.table}: {found.rule} ({found.file}:{found.line})" for found in validation.warnings)
        parts.append(f"also {counted(len(validation.warnings), 'warning')}: {named}")
    if not validation.critical:
        return "\n\n".join(["The data is valid.", *parts])
    return "\n\n".join([f"The data is invalid: {counted(len(validation.critical), 'expectation')} failed.", *parts])


def counted(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")


def nothing_there(table: str, suite: Suite) -> Expectation:
    return Expectation(
        table=table, type="expect_table_row_count_to_be_between", column=None, rule="the table must have rows",
        severity=Severity.critical, success=False, rows=0, unexpected=0, examples=[], observed="no row",
        note="An empty table violates no other expectation, so it is always refused.",
        file=str(suite.path), line=suite.line,
    )  # fmt: skip


def batch_of(table: str, rows: pd.DataFrame | Table) -> Batch:
    import great_expectations as gx  # 4 s
    from great_expectations.data_context.types.base import ProgressBarsConfig

    from mainline.data.validation.table_engine import Placeholder  # (sets its engine in place)

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("tables").add_dataframe_asset(table)
    # Not by a batch definition: the context would write its whole configuration as YAML once more.
    given = {"dataframe": Placeholder.of(rows) if isinstance(rows, Table) else rows}
    return asset.get_batch(asset.build_batch_request(given))


def run(
    batch: Batch, suite: Suite, places: Sequence[int], result_format: dict[str, Any], parameters: dict[str, Any]
) -> dict[int, ExpectationValidationResult]:
    """Great Expectations' results by place in the suite; it returns them in another order."""
    import great_expectations as gx

    types = expectation_types()
    expectations = []
    for place in places:
        rule = suite.rules[place]
        expectations.append(
            types[rule.type](
                **rule.kwargs,
                severity=rule.severity.value,
                description=rule.description,
                meta={**rule.meta, "place": place},
            )
        )
    record = batch.validate(
        gx.ExpectationSuite(name=suite.name, expectations=expectations),
        result_format=result_format,
        expectation_parameters=parameters,
    )
    return {configuration(result).meta["place"]: result for result in record.results}


def configuration(result: ExpectationValidationResult) -> ExpectationConfiguration:
    if result.expectation_config is None:
        raise RuntimeError("Great Expectations returned a result without its expectation")
    return result.expectation_config


def record_of(table: str, suite: Suite, results: list[ExpectationValidationResult]) -> ExpectationSuiteValidationResult:
    from great_expectations.core import ExpectationSuiteValidationResult

    passed = sum(bool(result.success) for result in results)
    return ExpectationSuiteValidationResult(
        success=passed == len(results),
        results=results,
        suite_name=suite.name,
        statistics={
            "evaluated_expectations": len(results),
            "successful_expectations": passed,
            "unsuccessful_expectations": len(results) - passed,
            "success_percent": 100 * passed / len(results),
        },
        meta={"batch_spec": {"data_asset_name": table}},
    )


def finding(
    table: str, suite: Suite, place: int, result: ExpectationValidationResult, key: Sequence[str], count: int
) -> Expectation:
    rule, details = suite.rules[place], result.result
    rows = details.pop("unexpected_rows", None)
    broken = int(details.get("unexpected_count") or 0) if not result.success else 0
    problem = raised(result)
    observed = details.get("observed_value")
    return Expectation(
        table=table,
        type=rule.type,
        column=rule.column,
        rule=rule.description or in_words(result, rule),
        severity=rule.severity,
        success=bool(result.success) and problem is None,
        rows=count,
        unexpected=broken,
        examples=examples(rows, [*key, *(rule.column or "").split(", ")]) if broken else [],
        observed=problem or (None if observed is None else str(plain(observed))),
        note=rule.note,
        file=str(suite.path),
        line=rule.line,
    )


def raised(result: ExpectationValidationResult) -> str | None:
    """What stopped an expectation from being examined, in one line."""
    info = result.exception_info or {}
    for problem in [info] if "raised_exception" in info else info.values():
        if isinstance(problem, dict) and problem.get("raised_exception"):
            message = str(problem.get("exception_message") or "it could not be examined")
            return message.strip().splitlines()[0].removeprefix("Error: ").strip("'\"")
    return None


def in_words(result: ExpectationValidationResult, rule: Rule) -> str:
    """The expectation as Great Expectations words it, with its bounds."""
    content = expectation_types()[rule.type]._prescriptive_renderer(
        configuration=configuration(result), runtime_configuration={"include_column_name": True}
    )[0]
    template = content.string_template
    params = {name: plain(value) for name, value in template["params"].items()}
    words = string.Template(template["template"]).safe_substitute(params)
    return " ".join(words.split()).rstrip(".") or f"{rule.type} {rule.kwargs}"


def examples(rows: pd.DataFrame | None, columns: Sequence[str]) -> list[dict[str, Any]]:
    if rows is None:
        return []
    shown = [name for name in dict.fromkeys(columns) if name in rows.columns]
    return [{name: plain(row[name]) for name in shown} for _, row in rows[shown].head(EXAMPLES).iterrows()]


def plain(value: Any) -> Any:
    """As JSON and a terminal can show it."""
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return None
    if isinstance(value, pd.Timestamp | dt.datetime):
        return value.isoformat(sep=" ").removesuffix(" 00:00:00")
    if isinstance(value, float) and math.isinf(value):
        return str(value)
    if isinstance(value, np.ndarray):  # of a column of lists
        return value.tolist()
    return value.item() if hasattr(value, "item") else value


def instant(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.date) else value


@contextmanager
def quiet() -> Iterator[None]:
    """Failures are in the results; Great Expectations would log and warn about them as well."""
    logger = logging.getLogger("great_expectations")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
