from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mainline.data.collect import Collected
from mainline.data.sources.remote import redacted
from mainline.errors import ConfigurationError, DataError, ExternalError
from tests.bounds import HANG
from tests.servers import Site, forget_connections, free_port, put
from tests.tables import collected, hourly, parquet, rows


@pytest.fixture(autouse=True)
def fresh_connections() -> Iterator[None]:
    yield
    forget_connections()


def fetched(root: Path) -> list[Path]:
    return sorted(path for path in (root / ".cache" / "remote").rglob("*") if path.is_file())


@pytest.mark.slow
def test_a_file_on_the_web_is_fetched_once(site: Site, tmp_path: Path) -> None:
    hourly(site.folder / "a.parquet", "2013-01-01")
    first = collected(tmp_path, path=f"{site.url}/a.parquet", time="at")
    assert (first.rows, len(rows(first, "n"))) == (24, 24)
    assert "GET /a.parquet" in site.requests
    site.requests.clear()
    assert collected(tmp_path, path=f"{site.url}/a.parquet", time="at") == first
    assert site.requests == ["HEAD /a.parquet"]


def test_a_file_that_changed_on_the_web_is_fetched_again(site: Site, tmp_path: Path) -> None:
    hourly(site.folder / "a.parquet", "2013-01-01")
    first = collected(tmp_path, path=f"{site.url}/a.parquet")
    hourly(site.folder / "a.parquet", "2013-01-02", rows=30)
    second = collected(tmp_path, path=f"{site.url}/a.parquet")
    assert (first.rows, second.rows) == (24, 30)
    assert first.digest != second.digest
    assert len(rows(first, "n")) == 24  # a run that still reads the first version is not disturbed


def test_a_file_of_which_the_server_says_nothing_is_fetched_every_time(site: Site, tmp_path: Path) -> None:
    site.etags = False
    (site.folder / "a.csv").write_text("a\n1\n")
    assert rows(collected(tmp_path, path=f"{site.url}/a.csv")) == [(1,)]
    (site.folder / "a.csv").write_text("a\n2\n")
    assert rows(collected(tmp_path, path=f"{site.url}/a.csv")) == [(2,)]


def test_a_star_in_a_url_is_every_file_that_the_page_links(site: Site, tmp_path: Path) -> None:
    for month in ("02", "01"):
        hourly(site.folder / "raw" / f"2013-{month}.parquet", f"2013-{month}-01")
    (site.folder / "raw" / "README.txt").write_text("")
    table = collected(tmp_path, until="2013-03-01", path=f"{site.url}/raw/*.parquet", time="at")
    assert [path.name.partition("-")[2] for path in table.paths] == ["2013-01.parquet", "2013-02.parquet"]


def test_the_same_content_has_the_same_digest_wherever_it_lies(site: Site, tmp_path: Path) -> None:
    hourly(site.folder / "a.parquet", "2013-01-01")
    remote = collected(tmp_path, path=f"{site.url}/a.parquet")
    assert remote.digest == collected(tmp_path, path="site/a.parquet").digest


def test_a_file_that_is_not_on_the_web_is_a_matter_of_the_data(site: Site, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"events\.path: there is no http://127\.0\.0\.1:\d+/gone\.csv"):
        collected(tmp_path, path=f"{site.url}/gone.csv")
    with pytest.raises(DataError, match=r"no file matches http://\S*/\*\.csv"):
        collected(tmp_path, path=f"{site.url}/*.csv")


def test_a_server_that_cannot_be_reached_is_a_matter_of_the_outside(tmp_path: Path) -> None:
    with pytest.raises(ExternalError, match=r"http://127\.0\.0\.1:\d+/a\.csv cannot be fetched: Cannot connect"):
        collected(tmp_path, path=f"http://127.0.0.1:{free_port()}/a.csv")


@pytest.mark.parametrize("status", [403, 500, 503])
def test_a_server_that_refuses_is_a_matter_of_the_outside(site: Site, tmp_path: Path, status: int) -> None:
    site.status = status
    with pytest.raises(ExternalError, match=rf"http://127\.0\.0\.1:\d+/a\.csv cannot be fetched: .*{status}"):
        collected(tmp_path, path=f"{site.url}/a.csv")


def test_a_broken_file_is_named_by_its_url(site: Site, tmp_path: Path) -> None:
    (site.folder / "a.csv").write_text("a,b\n1\n")
    with pytest.raises(DataError, match=r"events: http://127\.0\.0\.1:\d+/a\.csv, line 2: Expected"):
        collected(tmp_path, path=f"{site.url}/a.csv")


def test_a_url_s_secrets_are_not_shown(tmp_path: Path) -> None:
    url = f"http://user:hidden@127.0.0.1:{free_port()}/a.csv?signature=hidden&x=hidden"  # pragma: allowlist secret
    with pytest.raises(ExternalError) as caught:
        collected(tmp_path, path=url)
    assert "hidden" not in str(caught.value)
    assert redacted("s3://bucket/a.csv") == "s3://bucket/a.csv"


def test_an_unknown_scheme_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"gopher:// is not supported: use a local path or one of http, https"):
        collected(tmp_path, path="gopher://example.org/a.csv")


@pytest.mark.slow
def test_a_full_disk_leaves_no_part_of_what_was_fetched(site: Site, tmp_path: Path) -> None:
    (site.folder / "a.csv").write_text("a\n" + "1\n" * 100_000)
    program = """
import resource, signal, sys
from pathlib import Path
from mainline.errors import MainlineError
from tests.tables import collected
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    collected(Path(sys.argv[1]), path=sys.argv[2])
except MainlineError as error:
    print(error)
    sys.exit(error.status)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path), f"{site.url}/a.csv"],
        cwd=Path(__file__).parents[4], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == ExternalError.status, done.stderr
    assert "File too large" in done.stdout
    assert fetched(tmp_path) == []


@pytest.mark.slow
def test_two_runs_at_once_share_a_cache(site: Site, tmp_path: Path) -> None:
    (site.folder / "a.csv").write_text("a\n" + "1\n" * 100_000)
    program = """
import sys
from pathlib import Path
from tests.tables import collected
sys.stdin.readline()
print(collected(Path(sys.argv[1]), path=sys.argv[2]))
"""
    command = [sys.executable, "-c", program, str(tmp_path), f"{site.url}/a.csv"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    runs = [subprocess.Popen(command, cwd=Path(__file__).parents[4], **pipes) for _ in range(2)]
    for run in runs:
        run.stdin.write("\n")
        run.stdin.flush()
    first, second = (run.communicate(timeout=HANG)[0] for run in runs)
    assert first == second
    assert "rows=100000" in first
    assert len(fetched(tmp_path)) == 1


def test_versions_that_no_run_has_used_for_a_week_are_removed(site: Site, tmp_path: Path) -> None:
    (site.folder / "a.csv").write_text("a\n1\n")
    (old,) = collected(tmp_path, path=f"{site.url}/a.csv").paths
    os.utime(old, (0, 0))
    (site.folder / "a.csv").write_text("a\n2\n")
    (new,) = collected(tmp_path, path=f"{site.url}/a.csv").paths
    assert fetched(tmp_path) == [new]


@pytest.mark.slow
@pytest.mark.parametrize("store", ["s3", "gcs", "abfs"])
def test_a_store_s_objects_are_fetched_once_and_again_when_they_change(
    store: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    bucket = request.getfixturevalue(store)
    for month in ("01", "02"):
        put(f"{bucket}/raw/2013-{month}.parquet", hourly(tmp_path / "a.parquet", f"2013-{month}-01").read_bytes())
    source = {"path": f"{bucket}/raw/*.parquet", "time": "at"}
    first = collected(tmp_path, until="2013-03-01", **source)
    assert (first.rows, len(rows(first, "n"))) == (48, 48)

    before = fetched(tmp_path)
    times = [path.stat().st_mtime_ns for path in before]
    assert collected(tmp_path, until="2013-03-01", **source) == first
    assert [path.stat().st_mtime_ns for path in before] == times

    put(f"{bucket}/raw/2013-02.parquet", hourly(tmp_path / "a.parquet", "2013-02-01", rows=30).read_bytes())
    assert collected(tmp_path, until="2013-03-01", **source).rows == 54
    assert len(fetched(tmp_path)) == 3


@pytest.mark.slow
def test_folders_of_a_store_are_columns_as_they_are_on_a_disk(s3: str, tmp_path: Path) -> None:
    for year, month, n in ((2025, "12", 1), (2026, "01", 2)):
        name = f"year={year}/month={month}/part.parquet"
        here = parquet(tmp_path / "rides" / name, f"SELECT {n} AS n")
        put(f"{s3}/team=north/rides/{name}", here.read_bytes())
    far = collected(tmp_path, path=f"{s3}/team=north/rides/**/*.parquet")
    assert far.columns == {"n": "INTEGER", "year": "BIGINT", "month": "VARCHAR"}, "what the URL itself names is fixed"
    assert rows(far, "n, year, month") == [(1, 2025, "12"), (2, 2026, "01")]
    assert far.digest == collected(tmp_path, path="rides/**/*.parquet").digest
    assert collected(tmp_path, path=f"{s3}/team=north/rides/**/*.parquet") == far, "nothing is fetched again"
    one = collected(tmp_path, path=f"{s3}/team=north/rides/year=2025/month=12/part.parquet")
    assert one.columns == {"n": "INTEGER"}


@pytest.mark.slow
def test_an_address_as_lakefs_has_it_pins_the_commit_that_it_names_and_a_branch_that_moved_is_another_digest(
    s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On an S3 server, whose first folders stand in for lakeFS' branches and commits: it has no PyPI package."""
    pytest.importorskip("s3fs", reason="s3fs is not installed: make install GROUPS=cloud")
    # lakeFS has a name, not a number, and no bucket's name before it.
    port = os.environ["AWS_ENDPOINT_URL"].rpartition(":")[2]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://localhost:{port}")
    january = hourly(tmp_path / "january.parquet", "2013-01-01").read_bytes()
    for place in ("main", "7ac3f1c0"):
        put(f"{s3}/{place}/orders/01.parquet", january)

    def read(place: str) -> Collected:
        return collected(tmp_path, path=f"{s3}/{place}/orders/*.parquet", time="at")

    pinned, branch = read("7ac3f1c0"), read("main")
    assert (pinned.digest, pinned.rows) == (branch.digest, 24), "of the same content, whatever names it"
    more = hourly(tmp_path / "more.parquet", "2013-01-02").read_bytes()
    for place in ("main", "e83b12d9"):  # a commit to the branch
        put(f"{s3}/{place}/orders/02.parquet", more)
    put(f"{s3}/e83b12d9/orders/01.parquet", january)
    moved = read("main")
    assert (moved.rows, moved.digest) == (48, read("e83b12d9").digest)
    assert moved.digest != branch.digest
    assert read("7ac3f1c0") == pinned


@pytest.mark.slow
@pytest.mark.parametrize("store", ["s3", "gcs", "abfs"])
def test_an_object_that_is_not_there_is_a_matter_of_the_data(
    store: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    bucket = request.getfixturevalue(store)
    with pytest.raises(DataError, match=rf"there is no {bucket}/gone\.csv"):
        collected(tmp_path, path=f"{bucket}/gone.csv")


@pytest.mark.slow
def test_a_bucket_that_cannot_be_reached_is_a_matter_of_the_outside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "tester")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(ExternalError, match=r"s3://bucket/a\.csv cannot be fetched"):
        collected(tmp_path, path="s3://bucket/a.csv")


@pytest.mark.parametrize(
    ("url", "library"), [("s3://b/a.csv", "s3fs"), ("gs://b/a.csv", "gcsfs"), ("abfs://c/a.csv", "adlfs")]
)
def test_a_store_whose_library_is_missing_names_the_command(
    url: str, library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registered = importlib.import_module("fsspec.registry")._registry
    monkeypatch.delitem(registered, url.partition(":")[0], raising=False)
    monkeypatch.setitem(sys.modules, library, None)  # as where it is not installed
    with pytest.raises(ConfigurationError, match=r"needs a library.*; run `make install GROUPS=cloud`"):
        collected(tmp_path, path=url)
