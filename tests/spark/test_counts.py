"""The data gate and the scores on Spark: the findings and the bits of this machine, or none."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyspark", reason="Spark is not installed: make test-frameworks")

from mainline.config.schema import Settings
from mainline.data.collect import Collected
from mainline.data.spark import counts
from mainline.data.validation.run import check
from mainline.data.validation.suites import load_suite
from mainline.data.validation.table import Table, examined, opened
from mainline.errors import ConfigurationError, ExternalError
from tests.mainline.data.validation.test_run import rule, written
from tests.mainline.data.validation.test_table_engine import of_great_expectations, of_this_package, rows_of
from tests.mainline.settings import params
from tests.projects import Project

pytestmark = pytest.mark.slow

SOME = 17  # of 499 rules every seventeenth: all of them take three minutes, and were compared once
SUITE = 8


def on_spark(checked_rows: int) -> Settings:
    return params(("data:\n", f"data:\n  engine: spark\n  spark: {{checked_rows: {checked_rows}}}\n")).settings


def collected(table: Table, paths: list[Path]) -> Collected:
    columns = {name: facts.type for name, facts in table.facts.items()}
    return Collected(
        "visits", paths, "parquet" if paths else "csv", columns, None, time=None, timezone="UTC", known_after=None,
        known_ahead=False, before=None, digest="", rows=table.rows, start=None, end=None,
    )  # fmt: skip


def findings(folder: Path, table: Table, rules: list[str]) -> Iterator[dict[str, Any]]:
    for part in range(0, len(rules), SUITE):
        checked = check("table", table, load_suite(written(folder, *rules[part : part + SUITE])), ["whole", "day"], {})
        assert checked.record
        for found, result in zip(checked.expectations, checked.record.results, strict=True):
            plain: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(found), default=str))
            yield {**plain, "result": result.to_json_dict()["result"]}


@pytest.mark.parametrize("checked_rows", [1_000_000, 100])
def test_spark_finds_what_duckdb_finds_in_broken_data(checked_rows: int, tmp_path: Path) -> None:
    every = [*of_great_expectations(), *of_this_package()]
    rules = every[checked_rows % 7 :: SOME if checked_rows > 100 else 3 * SOME]
    with opened(rows_of(1, 600), keep=True) as connection:
        own = examined(connection)
        with counts.opened(on_spark(checked_rows), connection, collected(own, []), tmp_path) as found:
            assert list(findings(tmp_path, examined(connection, counts=found), rules)) == list(
                findings(tmp_path, own, rules)
            )
            assert len(found.answered) > len(rules) / 3
    assert not list(tmp_path.glob(".unfinished-*"))


def test_a_count_that_is_not_duckdbs_stops_the_validation_with_the_row_that_differs(tmp_path: Path) -> None:
    rules = [rule("expect_column_values_to_be_between", column="a", max_value=3)]
    suite = load_suite(written(tmp_path, *rules))
    with opened("SELECT range AS a FROM range(6)", keep=True) as connection:
        table, other, longer = examined(connection), tmp_path / "other.parquet", tmp_path / "longer.parquet"
        connection.execute(f"COPY (SELECT range + 1 AS a FROM range(6)) TO '{other}'")
        connection.execute(f"COPY (SELECT range AS a FROM range(7)) TO '{longer}'")
        with (
            counts.opened(on_spark(1_000_000), connection, collected(table, [other]), tmp_path) as found,
            pytest.raises(ConfigurationError, match=r"Spark counts the rows of visits otherwise than DuckDB.*=2 is in"),
        ):
            check("visits", dataclasses.replace(table, counts=found), suite, ["a"], {})
        with (
            pytest.raises(ExternalError, match="sees 7 rows of visits, and this machine 6"),
            counts.opened(on_spark(3), connection, collected(table, [longer]), tmp_path),
        ):
            raise AssertionError("it was opened")


def test_a_run_whose_validation_and_scores_are_sparks_has_the_findings_and_the_bits_of_this_machine(
    tmp_path: Path,
) -> None:
    own, theirs = Project(tmp_path / "own"), Project(tmp_path / "theirs")
    theirs.edit("params.yaml", ("data:\n", "data:\n  engine: spark\n  spark: {least_rows: 0}\n"))
    for project in (own, theirs):
        result = project.run()
        assert result.status == 0, result.err
    for same in ("fingerprint", "model_digest", "data", "metrics"):
        assert theirs.verdict[same] == own.verdict[same]
    (kept,), (other,) = own.records, theirs.records
    assert (kept.parent / "rows.npz").read_bytes() == (other.parent / "rows.npz").read_bytes()
