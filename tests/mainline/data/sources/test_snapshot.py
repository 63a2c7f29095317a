"""A fork's pull request gets no secret: it is judged on the rows of main's run, or says in one line why not."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from mainline.data.collect import Collected
from mainline.data.sources import snapshot
from mainline.errors import ExternalError, MissingVariable
from tests.mainline.data.sources.api_server import TOKEN, Api, serving
from tests.servers import forget_connections, free_port, put
from tests.tables import collected, parquet, rows

pytestmark = pytest.mark.slow


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    monkeypatch.setenv("RATES_TOKEN", TOKEN)
    with serving(Api()) as server:
        yield server


def test_a_fork_is_judged_on_the_rows_of_main_s_run(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = {"api": f"{api.url}/whole", "auth": "$RATES_TOKEN", "time": "at"}
    monkeypatch.setenv("MAINLINE_SNAPSHOT", "true")
    first = collected(tmp_path, **source)
    assert (first.rows, first.snapshot) == (35, None)

    monkeypatch.delenv("RATES_TOKEN")
    with pytest.raises(MissingVariable):
        collected(tmp_path, **source)
    monkeypatch.setenv("MAINLINE_FORK", "1")
    borrowed = collected(tmp_path, **source)
    assert (borrowed.digest, rows(borrowed)) == (first.digest, rows(first))
    assert str(borrowed.snapshot).startswith("events: the source cannot be reached from a fork; these are the rows of")

    for said, changes in (
        (
            r"and main's snapshot ends at 2013-02-01T00:00:00\+00:00, before data\.until: not judged$",
            {"until": "2013-03-01"},
        ),
        ("and its settings are not those of main's snapshot: not judged$", {"records": "$.items"}),
    ):
        with pytest.raises(ExternalError, match=said) as caught:
            collected(tmp_path, **{**source, **changes})
        assert "\n" not in str(caught.value)
    (kept,) = (tmp_path / ".cache" / "snapshots" / "events").rglob("*.jsonl")
    kept.write_text(kept.read_text().replace("35", "36").replace("é1", "é2"))
    with pytest.raises(ExternalError, match="is not what its digest says: not judged"):
        collected(tmp_path, **source)


def test_rows_are_not_kept_for_forks_unless_the_team_says_so(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = {"api": f"{api.url}/whole", "auth": "$RATES_TOKEN", "time": "at"}
    collected(tmp_path, **source)
    assert not (tmp_path / ".cache" / "snapshots").exists()
    monkeypatch.setenv("MAINLINE_FORK", "1")
    monkeypatch.delenv("RATES_TOKEN")
    with pytest.raises(ExternalError, match=r"RATES_TOKEN is not set\), and main's run left no snapshot in the cache"):
        collected(tmp_path, **source)


def test_a_model_is_compared_with_the_rows_that_it_had_also_where_only_the_snapshot_has_them(
    s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("s3fs", reason="s3fs is not installed: make install GROUPS=cloud")
    source = {"path": f"{s3}/rides/**/*.parquet"}
    monkeypatch.setenv("MAINLINE_SNAPSHOT", "true")

    def run(n: int) -> Collected:
        file = parquet(tmp_path / "ride.parquet", f"SELECT {n} AS n")
        put(f"{s3}/rides/year={2024 + n}/part.parquet", file.read_bytes())
        return collected(tmp_path, **source)

    def standing(table: Collected) -> list[Path]:
        return snapshot.standing(tmp_path / ".cache", "events", table.digest, table.paths)

    first, second = run(1), run(2)
    assert standing(second) == second.paths, "what is here is taken as it is"
    shutil.rmtree(tmp_path / ".cache" / "remote")  # as on another machine
    there = dataclasses.replace(second, paths=standing(second))
    assert there.paths != second.paths
    assert rows(there, "n, year") == [(1, 2025), (2, 2026)], "folders that are columns too"
    assert standing(first) == first.paths, "the last one is kept"

    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("MAINLINE_FORK", "1")
    forget_connections()
    borrowed = collected(tmp_path, **source)
    assert (borrowed.digest, rows(borrowed, "n, year")) == (second.digest, rows(there, "n, year"))
    kept = there.paths[0]
    kept.write_bytes(kept.read_bytes() + b" ")
    assert standing(second) == second.paths, "a file that is not what its digest says is none"
