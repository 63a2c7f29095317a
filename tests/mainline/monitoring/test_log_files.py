"""Which files of a log are read: all whole ones, by few instances of DuckDB."""

from __future__ import annotations

from pathlib import Path

import duckdb

from mainline.monitoring import prediction_log
from tests.tables import parquet


def test_many_files_are_looked_at_by_one_instance_and_damaged_ones_are_named_and_skipped(tmp_path: Path) -> None:
    paths = [parquet(tmp_path / f"{number:02}.parquet", f"SELECT {number} AS _row") for number in range(12)]
    made = []

    def connect() -> duckdb.DuckDBPyConnection:
        made.append(duckdb.connect())
        return made[-1]

    problems: list[prediction_log.Problem] = []
    (files,) = prediction_log.readable(connect, paths, ["_row"], problems)
    assert (files.paths, problems) == (paths, [])
    assert len(made) == 2, "one for the columns of all files, and one for their pages"

    paths[4].write_bytes(paths[4].read_bytes()[:40])
    (files,) = prediction_log.readable(connect, paths, ["_row"], problems)
    assert files.paths == [*paths[:4], *paths[5:]]
    assert ["04.parquet cannot be read and was skipped" in problem.found for problem in problems] == [True]
