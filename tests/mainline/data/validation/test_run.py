"""Suites are read strictly, and what they find is told so that a person can act on it."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mainline.data.validation import docs_index
from mainline.data.validation.data_docs import write_page
from mainline.data.validation.results import Expectation, Severity, Validation
from mainline.data.validation.run import check, explain, validate
from mainline.data.validation.suites import load_suite
from mainline.errors import ConfigurationError
from mainline.evaluation.results import to_json

KEY = ["id"]


def written(folder: Path, *rules: str) -> Path:
    path = folder / "suite.yaml"
    path.write_text("name: suite\nexpectations:\n" + "".join(f"  - {rule}\n" for rule in rules), encoding="utf-8")
    return path


def rule(type_: str, severity: str = "critical", note: str = "because", **kwargs: Any) -> str:
    content = {"type": type_, "kwargs": kwargs, "severity": severity, "meta": {"notes": note}}
    return json.dumps(content)


def found(folder: Path, frame: pd.DataFrame, *rules: str, **parameters: Any) -> list[Expectation]:
    return validate("table", frame, load_suite(written(folder, *rules)), KEY, parameters)


@pytest.fixture
def frame() -> pd.DataFrame:
    days = pd.date_range("2013-01-01", periods=90, freq="D", tz="UTC")
    return pd.DataFrame(
        {
            "id": range(90),
            "at": days,
            "value": np.arange(90) % 7,
            "group": pd.Series(["a", "b"] * 45, dtype="str"),
            "share": np.linspace(0, 1, 90, dtype="float32"),
        }
    )


def test_a_rule_for_a_pattern_is_one_for_each_column_that_it_stands_for(tmp_path: Path) -> None:
    pixels = pd.DataFrame({"id": range(3), "p_1": [0, 1, 2], "p_2": [0, 1, 99], "q": [0, 0, 0]})
    asked = rule("expect_column_values_to_be_between", column="p_*", min_value=0, max_value=16)
    results = found(tmp_path, pixels, asked)
    assert [(one.column, one.success, one.line) for one in results] == [("p_1", True, 3), ("p_2", False, 3)]
    assert results[1].examples == [{"id": 2, "p_2": 99}]
    nothing = rule("expect_column_values_to_not_be_null", column="pixel_*")
    with pytest.raises(ConfigurationError, match=r"suite\.yaml:3: column: pixel_\* matches no column of table"):
        found(tmp_path, pixels, nothing)


# Reading a suite.


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        (
            "{type: expect_column_values_to_be_betwen, kwargs: {column: a, min_value: 1}}",
            3,
            "'expect_column_values_to_be_between'",
        ),
        ("{type: expect_column_values_to_be_between, kwargs: {colum: a, min_value: 1}}", 3, "did you mean 'column'"),
        ("{type: expect_column_values_to_be_between, kwargs: {column: a, id: 1}}", 3, "no key 'id'"),
        ("{type: expect_column_values_to_be_between}", 3, "column: field required"),
        ("{type: expect_column_to_exist, kwargs: {column: a}, severity: critcal}", 3, "did you mean 'critical'"),
        ("{type: expect_column_to_exist, kwargs: {column: a}, severity: info}", 3, "critical or warning, not 'info'"),
        ("{typ: expect_column_to_exist, kwargs: {column: a}}", 3, "did you mean 'type'"),
        ("{kwargs: {column: a}}", 3, "needs a 'type'"),
        ("{type: expect_column_to_exist, kwargs: {column: a}, kwargs: {column: b}}", 3, "'kwargs' is set twice"),
        ("{type: expect_column_to_exist, kwargs: [a]}", 3, "is a mapping"),
        ("{type: expect_column_to_exist, kwargs: {column: a}, meta: reason}", 3, "'meta' is a mapping"),
        ("expect_column_to_exist", 3, "an expectation is a mapping"),
        ("{type: expect_column_kind_to_be, kwargs: {column: a, kind: string}}", 3, "kind"),
        ("type: expect_column_values_to_be_between\n    kwargs:\n      column: a\n      mostly: 2\n", 6, "mostly"),
        ("{type: expect_column_values_to_leave_no_gap, kwargs: {column: a, longest: soon}}", 3, "longest"),
    ],
)
def test_a_suite_that_is_wrong_is_refused_with_file_line_and_the_nearest_name(
    tmp_path: Path, content: str, line: int, words: str
) -> None:
    path = written(tmp_path, content)
    with pytest.raises(ConfigurationError, match=re.escape(f"{path}:{line}: ")) as refused:
        load_suite(path)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("expectations: []", "at least one"),
        ("name: a", "'expectations' is missing"),
        ("- a", "a mapping"),
        ("expectations: [", "YAML"),
        ("expectation:\n- a", "did you mean 'expectations'"),
    ],
)
def test_a_file_that_is_no_suite_is_refused(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "suite.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=words):
        load_suite(path)


def test_a_suite_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nothing\.yaml: this expectation suite does not exist"):
        load_suite(tmp_path / "nothing.yaml")


def test_the_severity_is_critical_where_none_is_given(tmp_path: Path) -> None:
    suite = load_suite(written(tmp_path, "{type: expect_column_to_exist, kwargs: {column: a}}"))
    assert [loaded.severity for loaded in suite.rules] == [Severity.critical]


# What is found.


def test_findings_come_in_the_order_of_the_suite_with_their_lines(tmp_path: Path, frame: pd.DataFrame) -> None:
    results = found(
        tmp_path,
        frame,
        rule("expect_column_values_to_be_between", column="value", min_value=0, max_value=5),
        rule("expect_column_median_to_be_between", column="gone", min_value=0),
        rule("expect_column_values_to_not_be_null", column="id"),
        rule("expect_column_values_to_be_in_set", column="group", value_set=["a"], severity="warning"),
    )
    assert [(result.line, result.success, result.severity) for result in results] == [
        (3, False, "critical"),
        (4, False, "critical"),
        (5, True, "critical"),
        (6, False, "warning"),
    ]


def test_five_rows_that_broke_an_expectation_are_told_by_their_key(tmp_path: Path, frame: pd.DataFrame) -> None:
    (result,) = found(tmp_path, frame, rule("expect_column_values_to_be_between", column="value", max_value=5))
    assert (result.rows, result.unexpected) == (90, 12)
    assert result.examples == [{"id": day, "value": 6} for day in (6, 13, 20, 27, 34)]
    assert result.rule == "value values must be less than or equal to 5.0"
    assert result.note == "because"


def test_an_expectation_that_tolerates_some_rows_passes_and_counts_none(tmp_path: Path, frame: pd.DataFrame) -> None:
    (result,) = found(
        tmp_path, frame, rule("expect_column_values_to_be_between", column="value", max_value=5, mostly=0.8)
    )
    assert (result.success, result.unexpected, result.examples) == (True, 0, [])


def test_duplicate_keys_are_told_with_their_rows(tmp_path: Path, frame: pd.DataFrame) -> None:
    doubled = frame.assign(id=frame["id"].replace(1, 0))
    (result,) = found(tmp_path, doubled, rule("expect_compound_columns_to_be_unique", column_list=["id", "group"]))
    assert result.success
    (result,) = found(tmp_path, doubled, rule("expect_column_values_to_be_unique", column="id"))
    assert (result.unexpected, result.examples) == (2, [{"id": 0}, {"id": 0}])


@pytest.mark.parametrize(
    ("type_", "kwargs", "words"),
    [
        ("expect_column_values_to_be_between", {"column": "gone", "min_value": 0}, "gone"),
        ("expect_column_values_to_be_between", {"column": "group", "min_value": 0}, "same type"),
        ("expect_column_mean_to_be_between", {"column": "group", "min_value": 0}, ""),
        ("expect_column_kind_to_be", {"column": "gone", "kind": "text"}, "'gone' does not exist; there are id, at"),
        ("expect_column_values_to_leave_no_gap", {"column": "value", "longest": "1 day"}, "numbers"),
        ("unexpected_rows_expectation", {"unexpected_rows_query": "SELECT * FROM {batch}"}, ""),
    ],
)
def test_an_expectation_that_cannot_be_examined_has_failed_and_says_why(
    tmp_path: Path, frame: pd.DataFrame, type_: str, kwargs: dict[str, Any], words: str
) -> None:
    broken, other = found(tmp_path, frame, rule(type_, **kwargs), rule("expect_column_to_exist", column="id"))
    assert not broken.success
    assert words in (broken.observed or "")
    assert broken.observed
    assert other.success


def test_an_empty_table_fails_whatever_its_suite_says(tmp_path: Path, frame: pd.DataFrame) -> None:
    (result,) = found(tmp_path, frame.head(0), rule("expect_column_to_exist", column="id", severity="warning"))
    assert (result.success, result.severity, result.observed) == (False, "critical", "no row")


def test_findings_can_be_written_as_json(tmp_path: Path, frame: pd.DataFrame) -> None:
    broken = frame.assign(share=frame["share"].mask(frame["id"] == 3, np.inf), at=frame["at"].mask(frame["id"] == 4))
    results = found(
        tmp_path,
        broken,
        rule("expect_column_values_to_be_between", column="share", min_value=0.5, max_value=1),
        rule("expect_column_values_to_not_be_null", column="at"),
        rule("expect_column_max_to_be_between", column="share", max_value=1),
    )
    assert [result.success for result in results] == [False, False, False]
    content = json.loads(to_json(Validation(results)))
    assert content["expectations"][1]["examples"] == [{"at": None, "id": 4}]


@pytest.mark.slow
def test_columns_are_compared_alike_however_they_are_stored(tmp_path: Path) -> None:
    stored = ["int8", "int16", "Int16", "int64", "float32", "float64", "Float64", "int32[pyarrow]"]
    for dtype in stored:
        frame = pd.DataFrame({"id": [1, 2, 3], "value": pd.Series([1, 2, 9]).astype(dtype)})
        (result,) = found(tmp_path, frame, rule("expect_column_values_to_be_between", column="value", max_value=5))
        assert (result.unexpected, result.examples) == (1, [{"id": 3, "value": 9}]), dtype


def test_dates_are_dates_whoever_read_them(tmp_path: Path) -> None:
    for values in ([dt.date(2013, 1, 1), None], pd.to_datetime(["2013-01-01", None])):
        frame = pd.DataFrame({"id": [1, 2], "date": values})
        (result,) = found(tmp_path, frame, rule("expect_column_kind_to_be", column="date", kind="date"))
        assert result.success, result.observed


# The project's own expectations.


@pytest.mark.slow
@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (pd.Series([1, 2]), "integer"),
        (pd.Series([1.0, np.nan]), "integer"),
        (pd.Series([1, None], dtype="Int16"), "integer"),
        (pd.Series([1.5, np.nan]), "number"),
        (pd.Series(["a", None]), "text"),
        (pd.Series(["a", 1], dtype="object"), "mixed-integer"),
        (pd.Series([True, None], dtype="object"), "boolean"),
        (pd.Series([np.nan, np.nan]), "nothing"),
        (pd.to_datetime(pd.Series(["2013-01-01"])), "date"),
        (pd.to_datetime(pd.Series(["2013-01-01 05:00"])), "timestamp without a time zone"),
        (pd.to_datetime(pd.Series(["2013-01-01"]), utc=True), "timestamp"),
    ],
)
def test_the_kind_of_a_column_is_what_its_values_are(tmp_path: Path, values: pd.Series, kind: str) -> None:
    frame = pd.DataFrame({"id": range(len(values)), "value": values})
    (result,) = found(tmp_path, frame, rule("expect_column_kind_to_be", column="value", kind="boolean"))
    assert (result.observed or "").startswith(f"{kind} (")
    assert result.success == (kind == "boolean")


def test_a_gap_is_told_with_its_length_and_start(tmp_path: Path, frame: pd.DataFrame) -> None:
    holed = frame[~frame["id"].between(40, 49)]
    no_gap = rule("expect_column_values_to_leave_no_gap", column="at", longest="2 days")
    (result,) = found(tmp_path, holed, no_gap)
    assert (result.success, result.observed) == (False, "1 longer than 2 days: 11 d from 2013-02-09")
    assert found(tmp_path, frame, no_gap)[0].success


def test_a_gap_within_a_group_is_found_and_the_ends_count(tmp_path: Path, frame: pd.DataFrame) -> None:
    by_group = rule("expect_column_values_to_leave_no_gap", column="at", longest="2 days", by="group")
    assert found(tmp_path, frame, by_group)[0].success
    (result,) = found(tmp_path, frame[frame["id"] != 41], by_group)
    assert result.observed == "1 longer than 2 days: 4 d from 2013-02-09 (b)"
    ends = rule(
        "expect_column_values_to_leave_no_gap",
        column="at",
        longest="2 days",
        since="2012-12-20",
        until={"$PARAMETER": "until"},
    )
    (result,) = found(tmp_path, frame, ends, until=dt.datetime(2013, 4, 10, tzinfo=dt.UTC))
    assert result.observed == "2 longer than 2 days: 12 d from 2012-12-20; 10 d from 2013-03-31"


def test_a_parameter_without_a_value_is_refused(tmp_path: Path, frame: pd.DataFrame) -> None:
    gap = rule("expect_column_values_to_leave_no_gap", column="at", longest="2 days", until={"$PARAMETER": "until"})
    with pytest.raises(ConfigurationError, match=r"suite\.yaml:3: the parameter 'until' was given no value"):
        found(tmp_path, frame, gap)


def test_a_statistic_is_examined_in_every_period(tmp_path: Path, frame: pd.DataFrame) -> None:
    shifted = frame.assign(share=frame["share"].mask(frame["at"].dt.month == 2, 5))
    every = {"column": "share", "time": "at", "period": "month"}
    type_ = "expect_column_statistic_in_every_period_to_be_between"
    whole, level, change, missing, rows = found(
        tmp_path,
        shifted.assign(value=shifted["value"].where(shifted["at"].dt.month < 3).astype("float64")),
        rule("expect_column_median_to_be_between", column="share", min_value=0, max_value=1),
        rule(type_, statistic="median", min_value=0, max_value=1, **every),
        rule(type_, statistic="mean", max_change=1, **every),
        rule(type_, **{**every, "column": "value"}, statistic="missing", max_value=0.5),
        rule(type_, statistic="rows", min_value=29, **every),
    )
    assert whole.success
    assert level.observed == "1 of 3 periods: 2013-02: 5"
    assert change.observed is not None
    assert change.observed.startswith("2 of 3 periods: 2013-02: 5; 2013-03: ")
    assert missing.observed == "1 of 3 periods: 2013-03: 1"
    assert rows.observed == "1 of 3 periods: 2013-02: 28"


def test_periods_that_the_clock_cuts_or_that_are_too_small_can_be_left_out(tmp_path: Path, frame: pd.DataFrame) -> None:
    type_ = "expect_column_statistic_in_every_period_to_be_between"
    every = {"column": "id", "statistic": "rows", "time": "at", "period": "month", "min_value": 28}
    cut = frame[frame["id"].between(20, 62)]
    plain, inner, large, none = found(
        tmp_path,
        cut,
        rule(type_, **every),
        rule(type_, **every, inner=True),
        rule(type_, **every, min_rows=15),
        rule(type_, **every, min_rows=100),
    )
    assert (plain.success, inner.success, large.success, none.success) == (False, True, True, False)
    assert none.observed == "no month with 100 rows or more"


# What people see.


def test_the_explanation_names_expectation_column_rows_and_line(tmp_path: Path, frame: pd.DataFrame) -> None:
    results = found(
        tmp_path,
        frame,
        rule("expect_column_values_to_be_between", column="value", max_value=5, note="a week has\n seven days"),
        rule("expect_column_values_to_be_in_set", column="group", value_set=["a"], severity="warning"),
    )
    lines = explain(Validation(results)).splitlines()
    assert lines[:6] == [
        "The data is invalid: 1 expectation failed.",
        "",
        "table: value values must be less than or equal to 5.0",
        f"  {tmp_path / 'suite.yaml'}:3: expect_column_values_to_be_between",
        "  why: a week has seven days",
        "  12 of 90 rows:",
    ]
    assert lines[6] == "    id=6  value=6"
    assert lines[-1].startswith("also 1 warning: table: group values must belong to this set: a (")


def test_the_explanation_of_valid_data_says_so(tmp_path: Path, frame: pd.DataFrame) -> None:
    results = found(tmp_path, frame, rule("expect_column_to_exist", column="id"))
    assert explain(Validation(results)) == "The data is valid."


def test_data_docs_have_a_page_a_table_and_reach_for_nothing_outside(tmp_path: Path, frame: pd.DataFrame) -> None:
    hostile = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    frame = frame.assign(group=frame["group"].mask(frame["id"] == 1, hostile))
    suite = load_suite(written(tmp_path, rule("expect_column_values_to_be_in_set", column="group", value_set=["a"])))
    checked = [check("one", frame, suite, KEY), check("none", frame.head(0), suite, KEY)]
    for table in checked:
        write_page(table, tmp_path / "docs")
    found = [expectation for table in checked for expectation in table.expectations]
    index = docs_index.write(Validation(found), tmp_path / "docs")
    assert index == tmp_path / "docs" / "index.html"
    assert sorted(path.name for path in index.parent.iterdir()) == ["index.html", "one.html"]
    assert "&lt;script&gt;" in index.read_text(encoding="utf-8")
    for path in index.parent.iterdir():
        page = path.read_text(encoding="utf-8")
        assert "default-src 'none'" in page
        assert "<script" not in page
        assert re.findall(r"https?://", page) == []
    assert re.findall(r'href="([^"]+)"', index.read_text(encoding="utf-8")) == ["one.html"]
    assert 'href="one.html"' in index.read_text(encoding="utf-8")
    assert 'href="index.html"' in (index.parent / "one.html").read_text(encoding="utf-8")


SILENT = """
import socket, sys

def refuse(*arguments, **keywords):
    raise SystemExit(f"a connection was tried: {arguments}")

socket.socket.connect = socket.socket.connect_ex = socket.create_connection = socket.getaddrinfo = refuse

from pathlib import Path
import mainline.data.validation.run
assert "great_expectations" not in sys.modules, "imported before it is used"

import pandas as pd
suite = mainline.data.validation.run.load_suite(Path(sys.argv[1]))
(found,) = mainline.data.validation.run.validate("table", pd.DataFrame({"id": [1, 2]}), suite, ["id"])
assert not found.success

import os, threading
import great_expectations as gx
assert os.environ["GX_ANALYTICS_ENABLED"] == "false"
assert not [name for name in sys.modules if name.split(".")[0] in ("posthog", "segment", "snowplow_tracker")]
# tqdm, whose bars are off, keeps a thread to watch them; a sender of events would be another.
assert {type(thread).__name__ for thread in threading.enumerate()} <= {"_MainThread", "TMonitor"}
"""


@pytest.mark.slow
def test_great_expectations_is_imported_late_sends_nothing_and_prints_nothing(tmp_path: Path) -> None:
    path = written(tmp_path, rule("expect_column_values_to_be_between", column="id", max_value=1))
    environment = {**os.environ, "GX_ANALYTICS_ENABLED": "true"}
    ran = subprocess.run(
        [sys.executable, "-c", SILENT, str(path)], capture_output=True, text=True, env=environment, check=False
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
