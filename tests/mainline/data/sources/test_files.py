from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from mainline.errors import ConfigurationError, DataError
from tests.tables import collected, hourly, parquet, rows


def test_a_glob_s_files_come_in_the_order_of_their_names(tmp_path: Path) -> None:
    for month in ("02", "01", "03"):
        hourly(tmp_path / f"2013-{month}.parquet", f"2013-{month}-01")
    table = collected(tmp_path, path="2013-*.parquet")
    assert [path.name for path in table.paths] == ["2013-01.parquet", "2013-02.parquet", "2013-03.parquet"]
    assert table.rows == 72


def test_two_stars_cross_folders(tmp_path: Path) -> None:
    hourly(tmp_path / "raw" / "2013" / "01.parquet", "2013-01-01")
    hourly(tmp_path / "raw" / "00.parquet", "2013-01-02")
    assert collected(tmp_path, path="raw/**/*.parquet").rows == 48


def test_an_absolute_path_is_read_from_where_it_is(tmp_path: Path) -> None:
    path = hourly(tmp_path / "elsewhere" / "a.parquet", "2013-01-01")
    assert collected(tmp_path / "root", path=str(path)).paths == [path]


@pytest.mark.parametrize("name", ["it's.parquet", "[1]*?.parquet", "month=01/a.parquet", "ü and space.parquet"])
def test_a_file_s_name_is_only_a_name(tmp_path: Path, name: str) -> None:
    root = tmp_path / "odd [folder]'s"
    hourly(root / name, "2013-01-01", rows=3)
    hourly(root / "1zz.parquet", "2013-01-01", rows=5)  # what [1]*? would match
    table = collected(root, path=name.replace("[1]*?", "[[]1*[?]"))
    assert list(table.columns) == ["at", "n", "s"]
    assert rows(table, "n, s") == [(0, "x0"), (1, "x1"), (2, "x2")]


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.tsv", "a.jsonl", "a.ndjson", "a.jsonl.gz"])
def test_text_is_read_with_its_types(tmp_path: Path, name: str) -> None:
    if ".csv" in name:
        content = 'at,n,s\n2013-01-01T00:00:00Z,1.5,"a ""quoted"", word"\n2013-01-01T01:00:00Z,,\n'
    elif ".tsv" in name:
        content = 'at\tn\ts\n2013-01-01T00:00:00Z\t1.5\t"a ""quoted"", word"\n2013-01-01T01:00:00Z\t\t\n'
    else:
        content = (
            '{"at": "2013-01-01T00:00:00Z", "n": 1.5, "s": "a \\"quoted\\", word"}\n{"at": "2013-01-01T01:00:00Z"}\n'
        )
    (tmp_path / name).write_bytes(gzip.compress(content.encode()) if name.endswith(".gz") else content.encode())
    table = collected(tmp_path, path=name, time="at")
    assert table.columns == {"at": "TIMESTAMP WITH TIME ZONE", "n": "DOUBLE", "s": "VARCHAR"}
    assert rows(table, 'epoch("at"), n, s') == [(1356998400.0, 1.5, 'a "quoted", word'), (1357002000.0, None, None)]
    assert (table.start, table.end) == ("2013-01-01T00:00:00+00:00", "2013-01-01T01:00:00+00:00")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_csv_file_s_delimiter_is_the_header_s(tmp_path: Path, delimiter: str) -> None:
    (tmp_path / "a.csv").write_text(delimiter.join(["a", "b"]) + "\n" + delimiter.join(["1", "2"]) + "\n")
    assert rows(collected(tmp_path, path="a.csv")) == [(1, 2)]


def test_lines_may_end_as_on_windows_and_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbfa,b\r\n1,x\r\n2,y\r\n")
    assert rows(collected(tmp_path, path="a.csv")) == [(1, "x"), (2, "y")]


def test_a_format_that_the_name_does_not_tell_can_be_said(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a\n1\n")
    with pytest.raises(ConfigurationError, match=r"the format of \S*a\.txt is not clear from its name.*`format:`"):
        collected(tmp_path, path="a.txt")
    assert rows(collected(tmp_path, path="a.txt", format="csv")) == [(1,)]


def test_a_glob_over_two_formats_is_refused(tmp_path: Path) -> None:
    hourly(tmp_path / "a.parquet", "2013-01-01")
    (tmp_path / "a.csv").write_text("at,n,s\n")
    with pytest.raises(ConfigurationError, match="several formats \\(csv and parquet"):
        collected(tmp_path, path="a.*")


def test_a_missing_file_is_answered_with_the_nearest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hourly(tmp_path / "data" / "schedule.parquet", "2013-01-01")
    expected = r"data\.sources\.events\.path: no file matches data/shedule\.parquet; did you mean data/schedule\.p"
    monkeypatch.chdir("/")  # names are told from the root, not from where the process stands
    with pytest.raises(DataError, match=expected):
        collected(tmp_path, path="data/shedule.parquet")


def test_a_glob_without_a_match_is_answered_with_the_nearest(tmp_path: Path) -> None:
    hourly(tmp_path / "raw" / "schedule" / "2013-01.parquet", "2013-01-01")
    with pytest.raises(DataError, match=r"no file matches raw/scedule/\*\.parquet; did you mean raw/schedule/2013-01"):
        collected(tmp_path, path="raw/scedule/*.parquet")


def test_a_folder_is_no_source(tmp_path: Path) -> None:
    hourly(tmp_path / "raw" / "a.parquet", "2013-01-01")
    with pytest.raises(ConfigurationError, match=r"raw is a folder: name its files, such as raw/\*\.parquet"):
        collected(tmp_path, path="raw")


@pytest.mark.parametrize("left", [0, 3, 100, -1])
def test_a_truncated_parquet_file_is_named(tmp_path: Path, left: int) -> None:
    hourly(tmp_path / "1.parquet", "2013-01-01")
    path = hourly(tmp_path / "2.parquet", "2013-01-02")
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(DataError, match=r"data\.sources\.events: 2\.parquet cannot be read: "):
        collected(tmp_path, path="*.parquet", time="at")


def test_a_truncated_archive_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"a,b\n" + os.urandom(5000).hex().encode() + b",2\n")[:-3000])
    with pytest.raises(DataError, match=r"a\.csv\.gz"):
        collected(tmp_path, path="a.csv.gz")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("5", "Expected Number of Columns: 2 Found: 1 in: 5"),
        ("5,6,7", "Expected Number of Columns: 2 Found: 3 in: 5,6,7"),
        ('5,"6', "Value with unterminated quote found"),
        ("5,\udcff", "the text is not UTF-8"),
    ],
)
def test_a_broken_csv_line_is_named_with_its_file(tmp_path: Path, line: str, why: str) -> None:
    lines = ["a,b", *["1,x"] * 3000, line, *["2,y"] * 3000]
    (tmp_path / "1.csv").write_text("a,b\n1,x\n")
    (tmp_path / "2.csv").write_text("\n".join(lines) + "\n", errors="surrogateescape")
    with pytest.raises(DataError, match=rf"data\.sources\.events: 2\.csv, line 3002: .*{why}"):
        collected(tmp_path, path="*.csv")


def test_a_broken_json_line_is_named_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "1.jsonl").write_text('{"a": 1}\n')
    (tmp_path / "2.jsonl").write_text('{"a": 1}\n{"a": 2\n{"a": 3}\n')
    with pytest.raises(DataError, match=r"data\.sources\.events: 2\.jsonl, line [23]: not JSON"):
        collected(tmp_path, path="*.jsonl")


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_a_file_of_no_bytes_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(DataError, match=rf"{name} is empty"):
        collected(tmp_path, path=name)


def test_an_empty_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n")
    with pytest.raises(DataError, match=r"a\.csv: the table is empty"):
        collected(tmp_path, path="a.csv")
    hourly(tmp_path / "a.parquet", "2013-01-01", rows=0)
    hourly(tmp_path / "b.parquet", "2013-01-01", rows=0)
    with pytest.raises(DataError, match="2 files: the table is empty"):
        collected(tmp_path, path="*.parquet", time="at")


def test_a_file_that_is_not_parquet_at_all_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    with pytest.raises(DataError, match=r"a\.parquet is a Git LFS pointer"):
        collected(tmp_path, path="a.parquet")


def test_a_nested_column_is_carried(tmp_path: Path) -> None:
    parquet(tmp_path / "a.parquet", "SELECT {'x': 1, 'y': [1, 2]} AS s, MAP {'k': 1} AS m, 5 AS n")
    table = collected(tmp_path, path="a.parquet")
    assert table.columns == {"s": "STRUCT(x INTEGER, y INTEGER[])", "m": "MAP(VARCHAR, INTEGER)", "n": "INTEGER"}
