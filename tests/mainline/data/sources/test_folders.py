"""Partitioned folders, and links among a table's files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mainline.errors import ConfigurationError, DataError
from tests.tables import collected, parquet, rows


@pytest.fixture
def rides(tmp_path: Path) -> Path:
    for year, month, n in ((2025, "12", 1), (2026, "01", 2)):
        parquet(tmp_path / f"rides/year={year}/month={month}/part.parquet", f"SELECT {n} AS n")
    return tmp_path


def test_columns_in_the_names_of_folders_are_columns_of_the_table(rides: Path) -> None:
    table = collected(rides, path="rides/**/*.parquet")
    assert table.columns == {"n": "INTEGER", "year": "BIGINT", "month": "VARCHAR"}
    assert rows(table, "n, year, month") == [(1, 2025, "12"), (2, 2026, "01")]
    (rides / "rides/year=2026/month=01").rename(rides / "rides/year=2026/month=02")
    assert collected(rides, path="rides/**/*.parquet").digest != table.digest


def test_a_day_in_the_names_of_folders_can_be_the_time_of_the_cutoff(tmp_path: Path) -> None:
    for day in ("2026-01-31", "2026-02-01"):
        (tmp_path / f"t/day={day}").mkdir(parents=True)
        (tmp_path / f"t/day={day}/part.csv").write_text(f"n,s\n1,{day}\n")
    table = collected(tmp_path, path="t/**/*.csv", time="day", until="2026-02-01")
    assert rows(table, "n, day::VARCHAR") == [(1, "2026-01-31")]


def test_a_file_in_another_encoding_keeps_the_columns_of_its_folders(tmp_path: Path) -> None:
    for city in ("Köln", "Ulm"):
        (tmp_path / f"t/year=2025/city={city}").mkdir(parents=True)
        (tmp_path / f"t/year=2025/city={city}/part.csv").write_text("n,s\n1,grün\n", encoding="cp1252")
    table = collected(tmp_path, path="t/**/*.csv", encoding="cp1252")
    assert rows(table, "n, s, year, city") == [(1, "grün", 2025, "Köln"), (1, "grün", 2025, "Ulm")]


def test_a_column_that_stands_in_the_file_as_well_is_that_of_the_file(tmp_path: Path) -> None:
    parquet(tmp_path / "t/year=2025/part.parquet", "SELECT 1 AS n, '2025' AS year")
    assert rows(collected(tmp_path, path="t/**/*.parquet")) == [(1, "2025")]


def test_a_folder_is_answered_with_the_glob_that_finds_its_files(rides: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"rides is a folder: name its files, such as rides/\*\*/\*\.parquet"):
        collected(rides, path="rides")


def test_a_link_whose_target_is_not_there_is_named(tmp_path: Path) -> None:
    parquet(tmp_path / "t/1.parquet", "SELECT 1 AS n")
    (tmp_path / "t/2.parquet").symlink_to("../store/2.parquet")
    with pytest.raises(DataError, match=r"t/2.parquet is a link to ../store/2.parquet, which does not exist: fetch it"):
        collected(tmp_path, path="t/*.parquet")
    with pytest.raises(DataError, match=r"t/2.parquet is a link to"):
        collected(tmp_path, path="t/2.parquet")


def test_a_link_that_leads_in_a_circle_is_named(tmp_path: Path) -> None:
    parquet(tmp_path / "t/1.parquet", "SELECT 1 AS n")
    (tmp_path / "t/self.parquet").symlink_to("self.parquet")
    with pytest.raises(DataError, match=r"t/self.parquet is a link that leads in a circle"):
        collected(tmp_path, path="t/*.parquet")
    os.unlink(tmp_path / "t/self.parquet")
    (tmp_path / "t/again").symlink_to("..", target_is_directory=True)
    with pytest.raises(DataError, match=r"are one file, found twice by a link"):
        collected(tmp_path, path="t/**/*.parquet")


@pytest.mark.parametrize("path", ["t/**/*.parquet", "t/*/*.parquet", "t/year=*/*.parquet"])
def test_a_link_to_a_folder_of_files_that_is_not_there_is_named_too(tmp_path: Path, path: str) -> None:
    parquet(tmp_path / "t/year=2025/1.parquet", "SELECT 1 AS n")
    (tmp_path / "t/notes.txt").symlink_to("nowhere")  # no folder of files
    assert collected(tmp_path, path=path).rows == 1
    (tmp_path / "t/year=2026").symlink_to("../store/2026")
    with pytest.raises(DataError, match=r"t/year=2026 is a link to ../store/2026, which does not exist: fetch it"):
        collected(tmp_path, path=path)
