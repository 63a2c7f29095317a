"""All queries of Parquet files share one instance of DuckDB, and see nothing of each other in it."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest

from mainline.data.sources.duckdb_scan import SHARED, parquet_file, reading
from mainline.errors import DataError
from tests.projects import TOP


def written(path: Path, value: int) -> Path:
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT {value} AS value FROM range(3000)) TO '{path}' (FORMAT parquet)")
    return path


def values(path: Path) -> list[int]:
    with reading() as connection:
        return [value for (value,) in connection.execute(f"SELECT DISTINCT value FROM {parquet_file(path)}").fetchall()]


def test_what_one_makes_or_sets_is_not_there_for_another() -> None:
    with reading() as one, reading() as other:
        one.execute("SET TimeZone = 'America/New_York'; CREATE TEMP VIEW labelled AS SELECT 1 AS y")
        for connection in (other, one.cursor()):
            assert connection.execute("SELECT current_setting('TimeZone')").fetchone() != ("America/New_York",)
            with pytest.raises(duckdb.CatalogException):
                connection.execute("FROM labelled")


def test_times_are_utc_wherever_the_machine_is() -> None:
    program = """
from mainline.data.sources.duckdb_scan import reading
for place in range(2):
    with reading() as connection:
        print(connection.execute("SELECT '2013-01-01 12:00+02'::TIMESTAMPTZ::VARCHAR").fetchone()[0])
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "TZ": "America/New_York", "PYTHONPATH": str(TOP / "src")},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "2013-01-01 10:00:00+00\n" * 2


def test_many_read_at_once_and_after_one_that_failed(tmp_path: Path) -> None:
    paths = [written(tmp_path / f"{number}.parquet", number) for number in range(4)]
    whole = paths[0].read_bytes()
    damaged = tmp_path / "damaged.parquet"
    damaged.write_bytes(whole[: len(whole) // 2] + bytes(4) + whole[len(whole) // 2 + 4 :])
    with ThreadPoolExecutor(4) as threads:
        assert [*threads.map(values, paths * 5)] == [[0], [1], [2], [3]] * 5
    with pytest.raises(duckdb.Error):
        values(tmp_path / "nowhere.parquet")
    with pytest.raises(duckdb.Error):
        values(damaged)
    assert values(paths[2]) == [2]
    shared = SHARED[os.getpid()]
    with pytest.raises(DataError), reading():
        raise DataError("made of an error of DuckDB")
    assert values(paths[3]) == [3]
    assert SHARED[os.getpid()] is not shared, "what may be unusable is left to nobody"
