from __future__ import annotations

import dataclasses
import datetime as dt
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mainline.data.collect import as_of, collect, from_json, naming_damage, to_json
from mainline.errors import ConfigurationError, DataError, ExternalError
from tests.tables import collected, data, hourly, rows


@pytest.fixture
def months(tmp_path: Path) -> Path:
    hourly(tmp_path / "2013-01.parquet", "2013-01-01")
    hourly(tmp_path / "2013-02.parquet", "2013-02-01")
    hourly(tmp_path / "2013-03.parquet", "2013-03-01")
    return tmp_path


def digest(root: Path, until: str = "2013-03-01") -> str:
    return collected(root, until=until, path="*.parquet", time="at").digest


def add_a_month_after_the_clock(root: Path) -> None:
    hourly(root / "2013-04.parquet", "2013-04-01")


def rename_the_files(root: Path) -> None:
    for path in root.glob("*.parquet"):
        path.rename(path.with_name(f"renamed-{path.name}"))


def swap_the_files(root: Path) -> None:
    (root / "2013-01.parquet").rename(root / "z.parquet")


def touch(root: Path) -> None:
    os.utime(root / "2013-01.parquet", (0, 0))


def lose_the_cache(root: Path) -> None:
    for path in (root / ".cache").iterdir():
        path.unlink()


def change_a_row(root: Path) -> None:
    hourly(root / "2013-01.parquet", "2013-01-01", rows=23)


def add_an_early_file(root: Path) -> None:
    hourly(root / "2012-12.parquet", "2012-12-01")


def add_a_month_twice(root: Path) -> None:
    (root / "again.parquet").write_bytes((root / "2013-01.parquet").read_bytes())


def drop_a_month(root: Path) -> None:
    (root / "2013-02.parquet").unlink()


SAME = [add_a_month_after_the_clock, rename_the_files, swap_the_files, touch, lose_the_cache]


@pytest.mark.parametrize("change", SAME, ids=lambda change: change.__name__)
def test_what_the_model_cannot_see_leaves_the_digest(months: Path, change: Callable[[Path], None]) -> None:
    before = digest(months)
    change(months)
    assert digest(months) == before


@pytest.mark.parametrize(
    "change", [change_a_row, add_an_early_file, add_a_month_twice, drop_a_month], ids=lambda change: change.__name__
)
def test_what_the_model_sees_changes_the_digest(months: Path, change: Callable[[Path], None]) -> None:
    before = digest(months)
    change(months)
    assert digest(months) != before


@pytest.mark.slow
def test_the_clock_counts_only_where_it_cuts_a_file(months: Path) -> None:
    assert digest(months, "2013-02-10") == digest(months, "2013-02-20")
    assert digest(months, "2013-02-10") != digest(months, "2013-03-10")
    hourly(months / "2013-02.parquet", "2013-02-01", rows=24 * 28)
    assert digest(months, "2013-02-10") != digest(months, "2013-02-20")
    assert digest(months, "2013-02-10") == digest(months, "2013-02-10")


def test_files_after_the_clock_are_not_handed_on(months: Path) -> None:
    table = collected(months, until="2013-03-01", path="*.parquet", time="at")
    assert [path.name for path in table.paths] == ["2013-01.parquet", "2013-02.parquet"]
    assert (table.rows, table.start, table.end) == (48, "2013-01-01T00:00:00+00:00", "2013-02-01T23:00:00+00:00")


def test_a_table_without_a_time_is_not_cut(months: Path) -> None:
    table = collected(months, until="2013-02-01", path="*.parquet")
    assert (table.rows, table.start, table.end, table.before) == (72, None, None, None)
    assert len(rows(table, "n")) == 72


@pytest.mark.slow
def test_a_timetable_is_cut_at_the_clock_but_not_earlier(months: Path) -> None:
    source = {"path": "*.parquet", "time": "at"}
    earlier = dt.datetime(2013, 2, 1, tzinfo=dt.UTC)
    ahead = collected(months, until="2013-03-01", known_ahead=True, **source)
    assert (len(rows(ahead, "n")), len(rows(as_of(ahead, earlier), "n"))) == (48, 48)
    after = collected(months, until="2013-03-01", **source)
    assert (len(rows(after, "n")), len(rows(as_of(after, earlier), "n"))) == (48, 24)


def test_a_table_as_of_an_earlier_moment_waits_as_long_for_its_rows(months: Path) -> None:
    table = collected(months, until="2013-03-01", path="*.parquet", time="at", known_after="2 hours")
    moment = dt.datetime(2013, 1, 1, 12, tzinfo=dt.UTC)
    assert max(n for (n,) in rows(as_of(table, moment), "n")) == 9
    assert as_of(table, dt.datetime(2014, 1, 1, tzinfo=dt.UTC)) == table


def test_tables_travel_as_json(months: Path) -> None:
    (months / "a.csv").write_text("a;b\n1;x\n")
    sources = {
        "events": {"path": "*.parquet", "time": "at", "known_after": "1 hour"},
        "names": {"path": "a.csv"},
    }
    tables = collect(data("2013-03-01", "America/New_York", **sources), months, months / ".cache")
    assert list(tables) == ["events", "names"]
    assert from_json(to_json(tables)) == tables
    assert rows(from_json(to_json(tables))["names"]) == [(1, "x")]


def test_tables_of_a_later_commit_can_be_read_as_far_as_they_are_known(months: Path) -> None:
    tables = {"events": collected(months, path="*.parquet")}
    content = json.loads(to_json(tables))
    content["tables"]["events"]["something new"] = 1
    assert from_json(json.dumps(content)) == tables
    with pytest.raises(ConfigurationError, match="have version 99, this code reads version 1"):
        from_json(json.dumps({**content, "version": 99}))


def test_paths_do_not_depend_on_where_the_next_process_stands(months: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(months)
    table = collect(data(events={"path": "*.parquet"}), Path(), Path(".cache"))["events"]
    monkeypatch.chdir("/")
    assert len(rows(table, "n")) == 72


def test_times_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="exclude each other"):
        data(events={"path": "a.csv", "time": "at", "known_after": "1 day", "known_ahead": True})
    with pytest.raises(ValueError, match="need `time`"):
        data(events={"path": "a.csv", "known_ahead": True})


@pytest.mark.slow
def test_a_full_disk_leaves_nothing_half_written(months: Path) -> None:
    # A limit on the size of files, which this process must not set for itself, is the same error to who writes.
    program = """
import resource, signal, sys
from pathlib import Path
from mainline.data.collect import collect
from mainline.errors import MainlineError
from tests.tables import data
root = Path(sys.argv[1])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
settings = data("2013-03-01", events={"path": "*.parquet", "time": "at"})
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    collect(settings, root, root / ".cache")
except MainlineError as error:
    print(error)
    sys.exit(error.status)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(months)],
        cwd=Path(__file__).parents[3], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == ExternalError.status, done.stderr
    assert f"cannot write to {months / '.cache'}: File too large" in done.stdout
    assert list((months / ".cache").iterdir()) == []
    assert digest(months) == digest(months)


@pytest.mark.slow
@pytest.mark.skipif(not Path("data/raw/weather.parquet").exists(), reason="the example's data is not here")
def test_the_example_s_tables_are_what_its_data_card_says(tmp_path: Path) -> None:
    sources = {
        "schedule": {"path": "data/raw/schedule/*.parquet", "time": "time_hour", "known_ahead": True},
        "outcomes": {"path": "data/raw/outcomes/*.parquet", "time": "known_at"},
        "weather": {"path": "data/raw/weather.parquet", "time": "time_hour", "known_after": "51 minutes"},
        "airlines": {"path": "data/raw/airlines.parquet"},
    }
    tables = collect(data("2013-10-01", "America/New_York", **sources), Path(), tmp_path)
    assert {name: table.rows for name, table in tables.items()} == {
        "schedule": 252_484, "outcomes": 252_395, "weather": 19_618, "airlines": 16,
    }  # fmt: skip
    for table in tables.values():
        assert len(rows(table, "1")) == table.rows
    whole = collect(data("2014-01-01", "America/New_York", **sources), Path(), tmp_path)
    assert whole["schedule"].rows == 336_776
    assert dataclasses.replace(whole["airlines"], before=None) == tables["airlines"]


def spoiled(page: bytes) -> bytes:
    middle = len(page) // 2
    return page[: middle - 200] + bytes(400) + page[middle + 200 :]


def test_damage_that_only_a_query_of_all_values_finds_is_named(tmp_path: Path) -> None:
    """The footer of a Parquet file says how many rows there are; a key that stands twice is no damage to who counts."""
    import duckdb

    numbers = "SELECT i AS id, 'a' || i AS x FROM range(9000) AS numbers(i)"  # compressed, so damage does not decode
    duckdb.sql(f"COPY ({numbers}) TO '{tmp_path / 'page.parquet'}' (FORMAT parquet)")
    whole = tmp_path / "page.parquet"
    whole.write_bytes(spoiled(whole.read_bytes()))
    (tmp_path / "twice.jsonl").write_text('{"id": 1, "x": 2}\n{"id": 2, "x": 3, "x": 4}\n')
    found = {name: collected(tmp_path, path=name) for name in ("page.parquet", "twice.jsonl")}
    said = {}
    for name, table in found.items():
        with pytest.raises(DataError) as refused, naming_damage([table]):
            rows(table)
        said[name] = str(refused.value)
    assert "page.parquet cannot be read: Failed to read file" in said["page.parquet"]
    assert said["twice.jsonl"].endswith('twice.jsonl, line 2: the key "x" stands twice in one object')


def test_an_error_that_is_of_no_file_stays_as_it_is(tmp_path: Path) -> None:
    import duckdb

    hourly(tmp_path / "2013-01.parquet", "2013-01-01")
    with pytest.raises(duckdb.CatalogException), naming_damage([collected(tmp_path, path="*.parquet")]):
        duckdb.sql("FROM nowhere")
