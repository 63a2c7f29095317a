"""Spark's rows against DuckDB's: any difference is refused with its first row."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import duckdb
import pytest

from mainline.config import loader
from mainline.config.schema import Settings
from mainline.data.collect import collect, cut_of
from mainline.data.spark import compare, frame, tables
from mainline.errors import ConfigurationError
from tests.projects import Project

OURS = "SELECT visit, visit::UBIGINT AS row_id, (visit / 10)::FLOAT AS minutes FROM range(10) t(visit)"


@pytest.fixture
def settings(shop: Project) -> Settings:
    return loader.load().settings


@pytest.mark.parametrize(
    ("theirs", "words"),
    [
        (f"SELECT * REPLACE (CASE WHEN visit = 7 THEN 0.75 ELSE minutes END::FLOAT AS minutes) FROM ({OURS})",
         "in 1 of 10 rows, so it was not kept: minutes is 0.75 on Spark and 0.69.* on DuckDB in the row visit=7"),
        (f"SELECT * REPLACE (NULL::FLOAT AS minutes) FROM ({OURS})", "in 10 of 10 rows.* minutes is None on Spark"),
        (f"SELECT * FROM ({OURS}) WHERE visit <> 3", "the row visit=3 is in the result of DuckDB alone"),
        (f"{OURS} UNION ALL SELECT 11, 11, 0", "the row visit=11 is in the result of Spark alone"),
    ],
)  # fmt: skip
def test_a_difference_is_refused_with_the_first_row(settings: Settings, theirs: str, words: str) -> None:
    with duckdb.connect() as connection:
        with pytest.raises(ConfigurationError, match=words):
            compare.compare(settings, connection, OURS, theirs)
        compare.compare(settings, connection, OURS, f"SELECT * FROM ({OURS}) ORDER BY minutes DESC")


def test_of_large_tables_the_first_part_in_time_is_compared(settings: Settings, shop: Project) -> None:
    collected = collect(settings.data, shop.root, shop.root / "cache")
    assert frame.is_compared(settings, collected)
    assert compare.early(collected, 9600) == collected
    early = compare.early(collected, 960)  # of 9,600 rows
    for name, table in early.items():
        cut, whole = cut_of(table), cut_of(collected[name])
        assert cut is not None
        assert whole is not None
        assert cut.before - dt.datetime(2026, 1, 1, tzinfo=dt.UTC) < dt.timedelta(days=8) < whole.before - cut.before


def test_a_condition_of_the_cutoff_is_the_same_in_both_engines(settings: Settings, shop: Project) -> None:
    visits = cut_of(collect(settings.data, shop.root, shop.root / "cache")["visits"])
    assert visits is not None
    assert visits.sql == "\"at\" < TIMESTAMPTZ '2026-03-02 00:00:00.000000+00'"
    assert tables.condition(visits) == "`at` < TIMESTAMP_LTZ '2026-03-02 00:00:00.000000+00:00'"


def test_a_name_that_spark_would_skip_or_read_as_a_pattern_is_hidden_from_it(tmp_path: Path) -> None:
    inside, outside, folder = tmp_path / "shared", tmp_path / "elsewhere", tmp_path / "shared" / "run"
    folder.mkdir(parents=True)
    outside.mkdir()
    for path in (inside / "a.parquet", inside / "_b.parquet", inside / "c[1].parquet", outside / "d.parquet"):
        path.write_text(path.name)
        shown = tables.visible(path, inside, folder)
        assert shown.read_text() == path.name
        assert (shown == path) == (path.name == "a.parquet")
        assert tables.address(shown) == f"file://{shown}"
    assert tables.visible(outside / "d.parquet", None, folder) == outside / "d.parquet"
    with pytest.raises(ConfigurationError, match=r"Spark reads '\*' in the name of a folder as a pattern"):
        tables.address(tmp_path / "all*" / "part.parquet")


def test_files_that_spark_reads_otherwise_are_written_again(settings: Settings, shop: Project, tmp_path: Path) -> None:
    collected = collect(settings.data, shop.root, shop.root / "cache")
    assert {name: tables.is_same(table) for name, table in collected.items()} == {"visits": True, "purchases": False}
    with duckdb.connect() as connection:
        path = tables.written(connection, collected["purchases"], None, {"visit", "bought"}, tmp_path)
        kinds = connection.execute(f"DESCRIBE FROM read_parquet('{path}')").fetchall()
        assert [(name, kind) for name, kind, *_ in kinds][:2] == [("visit", "BIGINT"), ("bought", "BOOLEAN")]
