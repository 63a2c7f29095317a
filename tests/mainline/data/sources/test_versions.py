"""Delta and Iceberg tables, and files that DVC tracks: which version is read, and what may go wrong with it."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mainline.config import loader
from mainline.data.sources.dvc_push import push
from mainline.errors import ConfigurationError, DataError, ExternalError
from tests.projects import Project
from tests.tables import collected, hourly, rows

pytestmark = pytest.mark.slow

TRAIN = """
import json, os
from pathlib import Path
from mainline.config import loader
from mainline.data import collect, prepare
from mainline.training import pipeline
text, digests = Path("params.yaml").read_text(), []
for number, source in enumerate(json.loads(os.environ["SOURCES"])):
    settings = loader.parse(text.replace("path: data/visits.parquet", source)).settings
    tables = collect.collect(settings.data, Path.cwd(), Path.cwd() / ".mainline" / "cache")
    frame = Path(f"frame-{number}.parquet")
    prepare.build(settings, tables, frame)
    digests.append(pipeline.fit(settings, frame).digest)
print(json.dumps(digests))
"""

TODAY = f"{dt.date.today() + dt.timedelta(days=2)}"


def table(start: int, count: int = 10) -> pa.Table:
    first = dt.datetime(2013, 1, 1, tzinfo=dt.UTC)
    times = pa.array([first + dt.timedelta(hours=i) for i in range(start, start + count)], pa.timestamp("us", "UTC"))
    return pa.table(
        {"at": times, "n": range(start, start + count), "s": [f"x{i}" for i in range(start, start + count)]}
    )


@pytest.fixture
def delta(tmp_path: Path) -> Callable[..., None]:
    deltalake = pytest.importorskip("deltalake")

    def write(rows: pa.Table, **options: Any) -> None:
        deltalake.write_deltalake(tmp_path / "lake", rows, mode="append", **options)

    write(table(0))
    write(table(10))
    return write


@pytest.fixture
def iceberg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An Iceberg table of two snapshots, in a catalog that the environment names."""
    catalogs = pytest.importorskip("pyiceberg.catalog")
    monkeypatch.setenv("PYICEBERG_CATALOG__DEFAULT__URI", f"sqlite:///{tmp_path}/catalog.db")
    monkeypatch.setenv("PYICEBERG_CATALOG__DEFAULT__WAREHOUSE", f"file://{tmp_path}/warehouse")
    monkeypatch.setattr(catalogs, "_ENV_CONFIG", catalogs.Config())  # PyIceberg reads them when it is imported
    catalog = catalogs.load_catalog("default")
    catalog.create_namespace("sales")
    made = catalog.create_table("sales.orders", schema=table(0).schema)
    made.append(table(0))
    made.append(table(10))
    return made


def numbers(root: Path, **source: Any) -> list[int]:
    return [n for (n,) in rows(collected(root, time="at", **source), "n")]


def test_a_delta_table_is_read_at_its_version(delta: Any, tmp_path: Path) -> None:
    assert numbers(tmp_path, delta="lake", version=0) == list(range(10))
    assert numbers(tmp_path, delta="lake", version="latest") == list(range(20))
    found = collected(tmp_path, delta="lake", version=0, time="at")
    assert found.columns == {"at": "TIMESTAMP WITH TIME ZONE", "n": "BIGINT", "s": "VARCHAR"}
    delta(table(20))
    assert collected(tmp_path, delta="lake", version=0, time="at") == found


def test_by_default_a_table_is_read_as_of_the_data_cutoff(delta: Any, iceberg: Any, tmp_path: Path) -> None:
    for source in ({"delta": "lake"}, {"iceberg": "sales.orders"}):
        assert numbers(tmp_path, until=TODAY, **source) == list(range(20))
        with pytest.raises(DataError, match=r"no version of before the data cutoff \(2013-02-01 .* its first, \d+,"):
            numbers(tmp_path, **source)


def test_only_versions_before_the_cutoff_count(delta: Any, iceberg: Any, tmp_path: Path) -> None:
    """The second version is moved into the future, as its log says it."""
    log = tmp_path / "lake" / "_delta_log" / f"{1:020d}.json"
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    for line in lines:
        if "commitInfo" in line:
            line["commitInfo"]["timestamp"] += 40 * 86_400_000
    log.write_text("\n".join(map(json.dumps, lines)) + "\n")
    assert numbers(tmp_path, until=TODAY, delta="lake") == list(range(10))


def test_an_iceberg_table_is_read_at_its_snapshot_or_tag(iceberg: Any, tmp_path: Path) -> None:
    first, second = (each.snapshot_id for each in iceberg.snapshots())
    iceberg.manage_snapshots().create_tag(first, "spring").commit()
    for wanted, expected in ((first, 10), (second, 20), ("spring", 10), ("latest", 20)):
        assert numbers(tmp_path, iceberg="sales.orders", snapshot=wanted) == list(range(expected))


def test_a_snapshot_that_was_expired_is_named_with_those_that_are_there(iceberg: Any, tmp_path: Path) -> None:
    first, second = (each.snapshot_id for each in iceberg.snapshots())
    iceberg.maintenance.expire_snapshots().by_id(first).commit()
    with pytest.raises(DataError, match=rf"sales\.orders has no snapshot {first}: it was expired; there are {second}"):
        numbers(tmp_path, iceberg="sales.orders", snapshot=first)
    with pytest.raises(DataError, match=r"has no tag or branch summer; there are main"):
        numbers(tmp_path, iceberg="sales.orders", snapshot="summer")
    with pytest.raises(DataError, match=r"the catalog default has no table sales\.gone"):
        numbers(tmp_path, iceberg="sales.gone", snapshot="latest")
    with pytest.raises(ConfigurationError, match="the catalog other is not configured"):
        numbers(tmp_path, iceberg="sales.orders", catalog="other")


def test_a_version_whose_files_are_gone_is_named(delta: Any, tmp_path: Path) -> None:
    for file in (tmp_path / "lake").glob("*.parquet"):
        file.unlink()
    with pytest.raises(DataError, match="files of version 0 of lake are gone: it was expired or vacuumed"):
        numbers(tmp_path, delta="lake", version=0)
    assert not list((tmp_path / ".cache").rglob("*.parquet"))
    with pytest.raises(DataError, match="lake has no version 7, its last is 1"):
        numbers(tmp_path, delta="lake", version=7)
    with pytest.raises(DataError, match="nowhere is no Delta table"):
        numbers(tmp_path, delta="nowhere", version=0)


def test_a_table_that_was_rewritten_under_the_same_version_is_refused(delta: Any, tmp_path: Path) -> None:
    assert numbers(tmp_path, delta="lake", version=1) == list(range(20))
    shutil.rmtree(tmp_path / "lake")
    delta(table(50))
    delta(table(60))
    with pytest.raises(DataError, match=r"version 1 of lake is not what it was on \d{4}-\d\d-\d\d: the table was rewr"):
        numbers(tmp_path, delta="lake", version=1)
    (note,) = (tmp_path / ".cache" / "versions").rglob("*.json")
    note.unlink()
    assert numbers(tmp_path, delta="lake", version=1) == list(range(50, 70))


def test_a_delta_table_in_a_bucket_is_read(s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deltalake = pytest.importorskip("deltalake")
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    deltalake.write_deltalake(f"{s3}/lake", table(0), storage_options={"conditional_put": "etag"})
    assert numbers(tmp_path, delta=f"{s3}/lake", version=0) == list(range(10))


@pytest.mark.parametrize(("kind", "library"), [("delta", "deltalake"), ("iceberg", "pyiceberg.catalog")])
def test_a_library_that_is_missing_is_named_with_its_command(
    kind: str, library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)  # as where it is not installed
    with pytest.raises(ConfigurationError, match=f"run `make install GROUPS={kind}`"):
        numbers(tmp_path, **{kind: "lake"})


def test_text_settings_of_a_typed_table_are_refused() -> None:
    text = "task: binary\ndata:\n  until: 2013-01-01\n  sources:\n    a: {delta: lake, types: {a: VARCHAR}}\n"
    with pytest.raises(ConfigurationError, match="types is a setting of text files: the columns of `delta` have types"):
        loader.parse(text)


@pytest.fixture
def dvc(tmp_path: Path) -> Path:
    """A checkout whose `data/days` DVC tracks: the files themselves are in the remote only."""
    for day in ("01", "02"):
        hourly(tmp_path / "data" / f"year={2000 + int(day)}" / f"2013-01-{day}.parquet", f"2013-01-{day}")
    (tmp_path / "data" / "notes.txt").write_text("not a table\n")
    push(tmp_path / "data", str(tmp_path / "remote"), tmp_path)
    shutil.rmtree(tmp_path / "data")
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc" / "config").write_text("[core]\n    remote = store\n['remote \"store\"']\n    url = ../remote\n")
    return tmp_path


SOURCE = {"dvc": "data.dvc", "files": "*.parquet", "time": "at"}


def test_files_that_dvc_tracks_are_fetched_once(dvc: Path) -> None:
    found = collected(dvc, **SOURCE)
    assert (found.rows, found.columns["year"]) == (48, "BIGINT")
    shutil.rmtree(dvc / "remote")
    assert collected(dvc, **SOURCE) == found, "the remote is not asked again"


def test_a_remote_that_lacks_an_object_is_named_with_the_file(dvc: Path) -> None:
    day = max((path for path in (dvc / "remote").rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    kept = day.read_bytes()
    day.unlink()
    with pytest.raises(DataError, match=r"the remote store \(.*remote\) lacks files/md5/\w\w/\w+, which is data/y"):
        collected(dvc, **SOURCE)
    assert not [path for path in (dvc / ".cache").rglob("*") if "unfinished" in path.name]
    day.write_bytes(kept[:-1] + b"x")
    with pytest.raises(DataError, match=r"must have the MD5 \w+, the remote store .* the remote is damaged"):
        collected(dvc, **SOURCE)
    day.write_bytes(kept)
    assert collected(dvc, **SOURCE).rows == 48


def test_a_file_in_the_checkout_is_used_where_it_is_what_the_note_says(dvc: Path) -> None:
    first = collected(dvc, **SOURCE)
    shutil.rmtree(dvc / ".cache")
    edited = hourly(dvc / "data" / "year=2001" / "2013-01-01.parquet", "2013-01-05")
    assert collected(dvc, **SOURCE).digest == first.digest, "an edited file is not what the commit tracks"
    assert edited.exists()


def test_a_remote_that_is_wrong_is_named(dvc: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"\.dvc/config has no remote other; there are store"):
        collected(dvc, **SOURCE, remote="other")
    config = dvc / ".dvc" / "config"
    config.write_text(config.read_text().replace("../remote", "ssh://host/store"))
    with pytest.raises(ConfigurationError, match=r"ssh:// cannot be read here: run `dvc pull` first"):
        collected(dvc, **SOURCE)
    config.write_text(config.read_text().replace("ssh://host/store", "../gone"))
    with pytest.raises(ExternalError, match=r"the remote store \(.*gone\) does not exist here"):
        collected(dvc, **SOURCE)
    config.write_text(config.read_text().replace("../gone", "../remote"))
    with pytest.raises(DataError, match=r"no \.dvc file matches data; did you mean data\.dvc\?"):
        collected(dvc, dvc="data")
    with pytest.raises(DataError, match=r"no tracked file matches \*\.csv; there are notes\.txt"):
        collected(dvc, dvc="data.dvc", files="*.csv")
    (dvc / "data.dvc").write_text("outs: nothing\n")
    with pytest.raises(ConfigurationError, match=r"data\.dvc is no \.dvc file with `outs`"):
        collected(dvc, dvc="data.dvc")


def test_a_remote_in_a_bucket_is_read_with_the_options_of_its_configuration(
    s3: str, dvc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in ("01", "02"):
        hourly(dvc / "data" / f"2013-01-{day}.parquet", f"2013-01-{day}")
    push(dvc / "data", f"{s3}/store", dvc)
    shutil.rmtree(dvc / "data")
    endpoint = os.environ["AWS_ENDPOINT_URL"]
    for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    (dvc / ".dvc" / "config").write_text(
        f"[core]\nremote = store\n['remote \"store\"']\nurl = {s3}/store\nendpointurl = {endpoint}\n"
    )
    secret = "['remote \"store\"']\naccess_key_id = tester\nsecret_access_key = secret\n"  # pragma: allowlist secret
    (dvc / ".dvc" / "config.local").write_text(secret)
    assert collected(dvc, dvc="data.dvc", time="at").rows == 48


def test_the_same_rows_are_the_same_model_wherever_they_come_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deltalake, catalogs = pytest.importorskip("deltalake"), pytest.importorskip("pyiceberg.catalog")
    shop = Project(tmp_path / "shop", with_git=False)
    visits = pq.read_table(shop.path("data/visits.parquet"))
    variables = {
        "PYICEBERG_CATALOG__DEFAULT__URI": f"sqlite:///{tmp_path}/catalog.db",
        "PYICEBERG_CATALOG__DEFAULT__WAREHOUSE": f"file://{tmp_path}/warehouse",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    visits = visits.set_column(1, "at", visits["at"].cast(pa.timestamp("us", "UTC")))
    deltalake.write_deltalake(tmp_path / "lake", visits)
    monkeypatch.setattr(catalogs, "_ENV_CONFIG", catalogs.Config())  # PyIceberg reads them when it is imported
    catalog = catalogs.load_catalog("default")
    catalog.create_namespace("shop")
    catalog.create_table("shop.visits", schema=visits.schema).append(visits)
    (tmp_path / "raw").mkdir()
    shutil.copy(shop.path("data/visits.parquet"), tmp_path / "raw")
    push(tmp_path / "raw", str(tmp_path / "remote"), shop.root)
    shop.write(".dvc/config", f"[core]\nremote = store\n['remote \"store\"']\nurl = {tmp_path}/remote\n")
    before = "path: data/visits.parquet"
    lakes = (f"delta: {tmp_path}/lake, version: 0", "iceberg: shop.visits, snapshot: latest")
    done = shop.python(TRAIN, SOURCES=json.dumps([before, "dvc: raw.dvc", *lakes]), **variables)
    assert done.status == 0, done.err
    digests = json.loads(done.out)
    assert len(digests) == 4 and len(set(digests)) == 1, digests
