"""Text files as other programs write them: dates, decimals, missing values, encodings; and files that are none."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from mainline.data.collect import from_json, to_json
from mainline.errors import ConfigurationError, DataError
from tests.tables import collected, rows


def table(folder: Path, *contents: str | bytes, ending: str = "csv", **source: Any) -> Any:
    for number, content in enumerate(contents, 1):
        path = folder / f"{number}.{ending}"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = collected(folder, path=f"*.{ending}", **source)
    return from_json(to_json({"t": found}))["t"]


@pytest.mark.parametrize("written", ["1/31/2026", "31/1/2026", "31.01.2026", "2026/01/31", "2026-01-31"])
def test_a_date_of_which_day_and_month_are_certain_is_read_as_one(tmp_path: Path, written: str) -> None:
    assert rows(table(tmp_path, f"a,b\n{written},1\n")) == [(dt.date(2026, 1, 31), 1)]


@pytest.mark.parametrize("written", ["1/2/2026", "01.02.2026", "31-12-26"])
def test_a_date_with_two_readings_stays_text_until_its_format_is_set(tmp_path: Path, written: str) -> None:
    assert rows(table(tmp_path, f"a,b\n{written},1\n")) == [(written, 1)]
    with pytest.raises(DataError, match=r"column a is VARCHAR, not a time.*set data.sources.events.date_format"):
        table(tmp_path, time="a", until="2027-01-01")
    read = table(tmp_path, time="a", until="2027-01-01", date_format=_format(written))
    assert [day.year for day, _ in rows(read)] == [2026]


@pytest.mark.parametrize("written", ["01/02/24 10:15", "24-01-02 10:15:00", "1-2-24 10:15"])
def test_a_time_whose_year_has_two_digits_is_no_time_of_the_first_century(tmp_path: Path, written: str) -> None:
    assert rows(table(tmp_path, f"a,b\n{written},1\n")) == [(written, 1)]


def _format(written: str) -> str:
    return {"/": "%m/%d/%Y", ".": "%d.%m.%Y", "-": "%d-%m-%y"}[next(c for c in written if not c.isdigit())]


def test_one_file_can_be_certain_for_all_and_two_must_agree(tmp_path: Path) -> None:
    found = table(tmp_path, "a\n1/2/2026\n", "a\n31/1/2026\n")
    assert rows(found) == [(dt.date(2026, 1, 31),), (dt.date(2026, 2, 1),)]
    with pytest.raises(DataError, match=r"3\.csv writes dates as %m/%d/%Y, 2\.csv as %d/%m/%Y"):
        table(tmp_path, "a\n1/2/2026\n", "a\n31/1/2026\n", "a\n1/31/2026\n")


def test_decimal_commas_and_words_for_missing_values_are_settings(tmp_path: Path) -> None:
    content = "a;b\n1,5;NA\n2,25;3\n"
    plain = table(tmp_path, content)
    assert rows(plain) == [("1,5", "NA"), ("2,25", "3")]
    read = table(tmp_path, decimal=",", null_values=["NA"])
    assert rows(read) == [(1.5, None), (2.25, 3)]
    assert read.digest != plain.digest, "the model sees another table"


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "utf-16"])
def test_a_file_in_another_encoding_is_read_once_it_is_named(tmp_path: Path, encoding: str) -> None:
    content = "a,b\nMüller,1\n".encode(encoding)
    with pytest.raises(DataError, match=r"1\.csv.*(not UTF-8.*set data.sources.events.encoding|cannot be read)"):
        table(tmp_path, content)
    assert rows(table(tmp_path, encoding=encoding)) == [("Müller", 1)]


def test_a_byte_that_the_encoding_does_not_have_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"1\.csv, line 3: not cp1252"):
        table(tmp_path, b"a\nx\n\x81\n", encoding="cp1252")
    with pytest.raises(ConfigurationError, match="encoding: there is no klingon"):
        table(tmp_path, encoding="klingon")


def test_lines_that_end_with_a_return_alone_are_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"1\.csv: its lines end with a return \(.r\) alone"):
        table(tmp_path, b"a,b\r1,2\r3,4\r")


def test_types_are_set_by_column(tmp_path: Path) -> None:
    found = table(tmp_path, "zip,flag\n1000,yes\n2000,no\n", types={"zip": "VARCHAR", "flag": "BOOLEAN"})
    assert rows(found) == [("1000", True), ("2000", False)]
    with pytest.raises(ConfigurationError, match=r"types: there is no column zp: did you mean zip\?"):
        table(tmp_path, types={"zp": "VARCHAR"})
    with pytest.raises(ConfigurationError, match=r"types.zip: DuckDB has no type STRINGG"):
        table(tmp_path, types={"zip": "STRINGG"})


def test_words_for_true_and_false_stay_words(tmp_path: Path) -> None:
    assert table(tmp_path, "a,b,c\nyes,T,True\nno,F,false\n").columns == {
        "a": "VARCHAR", "b": "VARCHAR", "c": "BOOLEAN",
    }  # fmt: skip


def test_a_setting_of_text_files_is_refused_for_others(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"data.sources.events.decimal: the files are JSON Lines"):
        table(tmp_path, '{"a": 1}\n', ending="jsonl", decimal=",")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "Git LFS pointer.*git lfs pull"),
        (b"a,b\r\n1,2\n3,4\r\n5,6\n", "mixed line ends"),
        (b"a,b\n", "the table is empty"),
        (b'a,b\n"x,1\ny,2\n', r"quote|Value with unterminated"),
    ],
)
def test_a_file_that_is_no_table_is_called_what_it_is(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(DataError, match=said):
        table(tmp_path, content)


def test_a_pointer_in_the_place_of_a_parquet_file_is_called_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"1\.parquet is a Git LFS pointer"):
        table(tmp_path, b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 9\n", ending="parquet")
