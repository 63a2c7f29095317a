"""A checkout's state: one run at a time, swept of what was begun, bounded."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mainline.runtime import workspace as module
from mainline.runtime.atomic_files import UNFINISHED
from mainline.runtime.workspace import Workspace
from tests.bounds import HANG


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.at(tmp_path)


def aged(path: Path, seconds: int) -> Path:
    """A file last used so long ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")
    os.utime(path, (1_000_000_000 - seconds, 1_000_000_000 - seconds))
    return path


def test_what_was_begun_and_not_finished_is_swept_and_nothing_else(workspace: Workspace) -> None:
    begun = [
        workspace.state / f"{UNFINISHED}1",
        workspace.records / f"{UNFINISHED}2" / "model.pkl",
        workspace.cache / "database" / "visits" / f"{UNFINISHED}3.parquet",
        workspace.checks / "visits-a" / f"{UNFINISHED}4.json",
        workspace.reports / "data" / f"{UNFINISHED}5.html",
        workspace.worktrees / "a" / "params.yaml",
    ]
    whole = [
        workspace.records / "a" / "model.pkl",
        workspace.cache / "database" / "visits" / "a.parquet",
        workspace.reports / "report.md",
        workspace.state / "mlflow.db",
        workspace.state / "artifacts" / "model.pkl",
    ]
    for path in (*begun, *whole):
        aged(path, 0)
    with workspace.locked():
        assert [path for path in begun if path.exists()] == []
        assert [path for path in whole if not path.exists()] == []
    assert not (workspace.records / f"{UNFINISHED}2").exists()
    assert not (workspace.worktrees / "a").exists()


def test_the_lock_names_who_holds_it_and_is_free_afterwards(workspace: Workspace) -> None:
    with workspace.locked():
        assert (workspace.state / "lock").read_text() == str(os.getpid())
        with open(workspace.state / "lock") as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with open(workspace.state / "lock") as other:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_process_that_is_killed_leaves_no_lock(workspace: Workspace) -> None:
    program = (
        "import os, pathlib, sys\nfrom mainline.runtime.workspace import Workspace\n"
        "with Workspace.at(pathlib.Path(sys.argv[1])).locked():\n    os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(workspace.root)], check=False, timeout=HANG)
    assert done.returncode == -9
    with workspace.locked():
        assert (workspace.state / "lock").read_text() == str(os.getpid())


def test_of_the_records_the_last_used_are_kept_and_always_this_runs_and_its_bases(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RECORDS", 3)
    for age in range(6):
        aged(workspace.records / f"used-{age}-ago" / "record.json", age)
        os.utime(workspace.records / f"used-{age}-ago", (1_000_000_000 - age, 1_000_000_000 - age))
    workspace.prune([workspace.records / "used-5-ago", workspace.records / "used-4-ago"])
    assert sorted(path.name for path in workspace.records.iterdir()) == ["used-0-ago", "used-4-ago", "used-5-ago"]
    # What was used is now the newest: the next run's pruning takes the other one.
    monkeypatch.setattr(module, "RECORDS", 2)
    workspace.prune([])
    assert sorted(path.name for path in workspace.records.iterdir()) == ["used-4-ago", "used-5-ago"]


def test_what_is_in_use_stays_whatever_the_bound(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RECORDS", 1)
    used = [aged(workspace.records / name / "record.json", 0).parent for name in "abc"]
    workspace.prune(used)
    assert sorted(workspace.records.iterdir()) == used


def test_frames_and_checks_are_bounded_too_and_mlflows_history_is_not_touched(workspace: Workspace) -> None:
    for number in range(module.CHECKS + 3):
        aged(workspace.checks / f"time-{number}.json", number)
        aged(workspace.frames / f"{number}.parquet", number)
        aged(workspace.state / "artifacts" / str(number), number)
    workspace.prune([])
    assert len(list(workspace.checks.iterdir())) == module.CHECKS
    assert sorted(path.name for path in workspace.frames.iterdir()) == [f"{n}.parquet" for n in range(module.FRAMES)]
    assert len(list((workspace.state / "artifacts").iterdir())) == module.CHECKS + 3


def test_pruning_a_state_that_holds_nothing_does_nothing(workspace: Workspace) -> None:
    workspace.prune([])
    assert not workspace.state.exists()
