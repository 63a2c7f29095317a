from __future__ import annotations

from pathlib import Path

import pytest

from mainline.errors import DataError
from tests.tables import collected, parquet, rows


@pytest.mark.parametrize(
    ("second", "said"),
    [
        ("SELECT 1 AS a", r"2\.parquet has no column b than"),
        ("SELECT 1 AS a, 'x' AS b, 2 AS c", r"2\.parquet has a column c"),
        ("SELECT 1 AS a, 'x' AS bb", r"2\.parquet .*b.*renamed from b\?"),
        (
            "SELECT 1.5::DOUBLE AS a, 'x' AS b",
            r"2\.parquet: column a is DOUBLE, in 1\.parquet it is INTEGER: write it as DOUBLE",
        ),
        ("SELECT {'x': 1} AS a, 'x' AS b", r"column a is STRUCT\(x INTEGER\), in 1\.parquet it is INTEGER"),
    ],
)
def test_the_first_parquet_file_that_differs_is_named_with_the_column(tmp_path: Path, second: str, said: str) -> None:
    parquet(tmp_path / "1.parquet", "SELECT 1 AS a, 'x' AS b")
    parquet(tmp_path / "2.parquet", second)
    parquet(tmp_path / "3.parquet", "SELECT 1 AS z")
    with pytest.raises(DataError, match=said):
        collected(tmp_path, path="*.parquet")


def test_parquet_columns_may_stand_in_another_order(tmp_path: Path) -> None:
    parquet(tmp_path / "1.parquet", "SELECT 1 AS a, 'x' AS b")
    parquet(tmp_path / "2.parquet", "SELECT 'y' AS b, 2 AS a")
    assert rows(collected(tmp_path, path="*.parquet")) == [(1, "x"), (2, "y")]


def write(folder: Path, ending: str, *contents: str) -> None:
    for number, content in enumerate(contents, 1):
        (folder / f"{number}.{ending}").write_text(content)


@pytest.mark.parametrize(
    ("second", "said"),
    [
        ("a\n1\n", r"2\.csv has no column b"),
        ("a,b,c\n1,x,2\n", r"2\.csv has a column c"),
        ("b,a\nx,1\n", r"2\.csv has its columns in another order than 1\.csv, from a on"),
        ("a,b\nmany,x\n", r"2\.csv: column a is VARCHAR, in 1\.csv it is BIGINT"),
        ("a,b\n2013-01-01,x\n", r"2\.csv: column a is DATE, in 1\.csv it is BIGINT"),
        ("a;b\n1;x\n", r"2\.csv has no column a"),
    ],
)
def test_the_first_csv_file_that_differs_is_named_with_the_column(tmp_path: Path, second: str, said: str) -> None:
    write(tmp_path, "csv", "a,b\n1,x\n", second)
    with pytest.raises(DataError, match=said):
        collected(tmp_path, path="*.csv")


def test_whole_numbers_in_one_file_and_decimals_in_another_are_one_column(tmp_path: Path) -> None:
    write(tmp_path, "csv", "a\n1\n", "a\n1.5\n", "a\n2\n")
    assert rows(collected(tmp_path, path="*.csv")) == [(1.0,), (1.5,), (2.0,)]


@pytest.mark.parametrize("order", [("a,b\n1,\n", "a,b\n2,5\n"), ("a,b\n2,5\n", "a,b\n1,\n")])
def test_a_column_without_a_value_in_one_file_agrees_with_any_type(tmp_path: Path, order: tuple[str, str]) -> None:
    write(tmp_path, "csv", *order)
    table = collected(tmp_path, path="*.csv")
    assert table.columns == {"a": "BIGINT", "b": "BIGINT"}
    assert rows(table) == [(1, None), (2, 5)]


def test_a_file_that_is_only_a_header_says_nothing_of_the_types(tmp_path: Path) -> None:
    write(tmp_path, "csv", "a,b\n", "a,b\n1,2\n", "a,b\n")
    table = collected(tmp_path, path="*.csv")
    assert rows(table) == [(1, 2)]
    assert [path.name for path in table.paths] == ["2.csv"]


def test_a_late_value_widens_a_csv_column(tmp_path: Path) -> None:
    write(tmp_path, "csv", "a\n" + "1\n" * 50_000 + "1.5\n")
    assert collected(tmp_path, path="1.csv").columns == {"a": "DOUBLE"}


@pytest.mark.parametrize(
    ("second", "said"),
    [
        ('{"a": 1}\n', r"2\.jsonl has no column b"),
        ('{"a": "many", "b": "x"}\n', r"2\.jsonl: column a is VARCHAR, in 1\.jsonl it is BIGINT"),
    ],
)
def test_the_first_json_file_that_differs_is_named_with_the_column(tmp_path: Path, second: str, said: str) -> None:
    write(tmp_path, "jsonl", '{"a": 1, "b": "x"}\n', second)
    with pytest.raises(DataError, match=said):
        collected(tmp_path, path="*.jsonl")


def test_a_json_column_that_is_null_in_one_file_agrees_with_any_type(tmp_path: Path) -> None:
    write(tmp_path, "jsonl", '{"a": null, "b": "x"}\n', '{"a": 2, "b": "y"}\n')
    assert rows(collected(tmp_path, path="*.jsonl")) == [(2, "y"), (None, "x")]
