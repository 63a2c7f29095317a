"""What a run sees, and when the last answer is given again."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mainline.runtime import last_run
from mainline.runtime.workspace import Workspace
from tests.projects import Project


@pytest.fixture
def shop(tmp_path: Path) -> Project:
    project = Project(tmp_path)
    for name in last_run.LEFT:
        project.write(f"reports/{name}", "{}")
    project.write("elsewhere/visits.csv", "visit\n1\n")
    project.commit("A table elsewhere")
    remember(project)
    return project


def remember(shop: Project, base: str = "main", local: bool = True, status: int = 1) -> None:
    workspace = Workspace.at(shop.root)
    sources = ["elsewhere/*.csv"]
    last_run.remember(workspace, last_run.look(workspace, base, sources), sources, "Refused.", status, local)


def answer(shop: Project, base: str = "main") -> dict[str, object] | None:
    return last_run.answer(Workspace.at(shop.root), base)


def test_an_unchanged_checkout_is_answered_with_the_last_summary_and_status(shop: Project) -> None:
    found = answer(shop)
    assert found
    assert (found["summary"], found["status"]) == ("Refused.", 1)


CHANGES: dict[str, Callable[[Project], object]] = {
    "a key of params.yaml": lambda shop: shop.edit("params.yaml", ("max_iter: 30", "max_iter: 31")),
    "the same length and the same time": lambda shop: replace_keeping_time(shop.path("params.yaml")),
    "a suite": lambda shop: shop.edit("data/expectations/visits.yaml", ("max_value: 240", "max_value: 230")),
    "a new table": lambda shop: shop.write("data/more.csv", "a\n"),
    "a table that is gone": lambda shop: shop.path("data/purchases.csv").unlink(),
    "a table outside of data": lambda shop: shop.write("elsewhere/visits.csv", "visit\n2\n3\n"),
    "a file beside it": lambda shop: shop.write("elsewhere/later.csv", "visit\n2\n"),
    "the project's code": lambda shop: shop.write("src/shop/frame.py", "# another\n"),
    "the lock": lambda shop: shop.write("uv.lock", "version = 1\n"),
    "a commit": lambda shop: shop.git("commit", "--quiet", "--allow-empty", "--message", "Next"),
    "a report that was edited": lambda shop: shop.write("reports/report.md", "mine"),
    "a report that is gone": lambda shop: shop.path("reports/verdict.json").unlink(),
    "a file that makes the tree dirty": lambda shop: shop.write("NOTES.md", "more\n"),
    "git itself": lambda shop: shop.path(".git").rename(shop.root / "not-git"),
}


def replace_keeping_time(path: Path) -> None:
    """As an editor does that writes a new file and gives it the old one's time."""
    before = path.stat()
    beside = path.with_name("beside")
    beside.write_text(path.read_text().replace("max_iter: 30", "max_iter: 31"))
    os.utime(beside, ns=(before.st_atime_ns, before.st_mtime_ns))
    beside.rename(path)


@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGES)
def test_whatever_a_run_reads_is_seen_to_change(shop: Project, change: str) -> None:
    CHANGES[change](shop)
    assert answer(shop) is None


@pytest.mark.parametrize("name", [".mainline/frames/a.parquet", "src/shop/__pycache__/frame.cpython-311.pyc"])
def test_what_is_made_by_a_run_is_no_change(shop: Project, name: str) -> None:
    shop.write(name, "")
    assert answer(shop)


def test_another_base_or_another_store_is_another_question(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    assert answer(shop, "release") is None
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    assert answer(shop) is None


def test_a_base_that_moved_is_seen(shop: Project) -> None:
    shop.git("switch", "--quiet", "--create", "work")
    remember(shop)
    assert answer(shop)
    shop.git("branch", "--quiet", "--force", "main", shop.git("commit-tree", "HEAD^{tree}", "-m", "Moved"))
    assert answer(shop) is None


def test_a_remote_main_that_moved_ahead_is_seen(shop: Project) -> None:
    newer = shop.git("commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "Pushed by somebody else")
    shop.git("update-ref", "refs/remotes/origin/main", newer)
    assert answer(shop) is None


def test_sources_that_change_without_a_file_are_asked_again(shop: Project) -> None:
    remember(shop, local=False)
    assert answer(shop) is None


@pytest.mark.parametrize("text", ["", "{", "null", "[]", '"last"', "{}"])
def test_a_damaged_last_answer_is_none(shop: Project, text: str) -> None:
    shop.write(".mainline/last.json", text)
    assert answer(shop) is None
