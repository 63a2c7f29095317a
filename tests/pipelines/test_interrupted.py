"""Killed, stopped, without space, or two at once: the next run succeeds, and no process is left."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.bounds import HANG
from tests.pipelines.shops import copy, lean
from tests.pipelines.traces import processes, recorded, unfinished
from tests.platforms import linux
from tests.projects import Project

pytestmark = [pytest.mark.slow, linux]  # what a run leaves is looked up in /proc

# With validation: the second process has work of its own when the first is killed.
SUITE = """\
expectations:
  - type: expect_column_values_to_not_be_null
    kwargs: {column: minutes}
    severity: critical
"""


@pytest.fixture(scope="module")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A shop in which nothing has run: main's better model, and a worse one beside it."""
    project = lean(tmp_path_factory.mktemp("shop"))
    project.write("data/expectations/visits.yaml", SUITE)
    project.commit("A suite")
    project.edit("params.yaml", ("max_iter: 30", "max_iter: 31"))
    return project


@pytest.fixture(scope="module")
def digest(committed: Project, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of the model that an undisturbed run makes."""
    project = copy(committed, tmp_path_factory.mktemp("undisturbed"))
    found = project.run()
    assert found.status == 0, found.err
    return str(project.verdict["model_digest"])


def until(said: str, process: subprocess.Popen[str]) -> str:
    """Wait for a line of the run's progress; a run that ends without it fails the test."""
    assert process.stderr
    for line in process.stderr:
        if said in line:
            return line
    raise AssertionError(f"the run ended without saying {said!r}")


def gone(project: Project) -> list[int]:
    """What is left of a run's processes once the system has had time to end them."""
    end = time.monotonic() + HANG
    while (left := processes(project)) and time.monotonic() < end:
        time.sleep(0.05)
    return left


# After `baseline` main's model has been computed by a process of its own, in a work tree of its own.
STAGES = ["collect", "prepare", "train", "validate", "baseline", "compare", "report"]


def test_a_kill_after_any_stage_costs_nothing_but_that_run(committed: Project, digest: str, tmp_path: Path) -> None:
    """Each run goes on from what the killed ones before it have left, and is killed a stage later."""
    shop = copy(committed, tmp_path)
    for stage in STAGES:
        process = shop.start("run")
        until(f"✓ {stage} ", process)
        process.kill()
        process.communicate()
        assert gone(shop) == [], stage
    again = shop.run()
    assert again.status == 0, again.err
    assert shop.verdict["model_digest"] == digest
    assert unfinished(shop) == []
    assert len(shop.git("worktree", "list").splitlines()) == 1
    assert not list((shop.root / ".mainline").glob("worktrees/*"))


def test_a_kill_while_main_is_trained_leaves_no_process_and_no_work_tree(
    committed: Project, digest: str, tmp_path: Path
) -> None:
    shop = copy(committed, tmp_path)
    process = shop.start("run")
    until("✓ validate ", process)
    trees = shop.root / ".mainline" / "worktrees"
    while not any(place_of(pid).is_relative_to(trees) for pid in processes(shop)):
        assert process.poll() is None, "the run has ended before main was trained"
        time.sleep(0.01)
    process.kill()
    process.communicate()
    assert gone(shop) == []
    again = shop.run()
    assert again.status == 0, again.err
    assert shop.verdict["model_digest"] == digest
    assert len(shop.git("worktree", "list").splitlines()) == 1
    assert not list(trees.glob("*"))


def place_of(pid: int) -> Path:
    try:
        return Path(os.readlink(f"/proc/{pid}/cwd"))
    except OSError:
        return Path("/")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_leaves_no_process(committed: Project, tmp_path: Path, number: signal.Signals) -> None:
    shop = copy(committed, tmp_path)
    process = shop.start("run")
    until("✓ prepare ", process)
    process.send_signal(number)
    _, err = process.communicate(timeout=HANG)
    assert process.returncode in (130, -number)
    assert "Traceback" not in err
    assert gone(shop) == []


def test_a_full_disk_is_said_wherever_the_space_ends_and_the_next_run_succeeds(
    committed: Project, digest: str, tmp_path: Path
) -> None:
    """Each run begins with what those before it have left."""
    shop = copy(committed, tmp_path)
    for size in (0, 3_000, 40_000):  # bytes that fit the small files, the frame, the store
        before = recorded(shop)
        process = shop.start(str(size), "run", module="tests.pipelines.full_disk")
        out, err = process.communicate(timeout=HANG)
        assert process.returncode == 4, out + err
        assert "Traceback" not in err
        assert "mainline: " in err
        assert {**before, **recorded(shop)} == recorded(shop), "something that was recorded before is gone"
        assert unfinished(shop) == []
        assert gone(shop) == []
    again = shop.run()
    assert again.status == 0, again.err
    assert shop.verdict["model_digest"] == digest


def test_a_second_run_in_the_same_checkout_waits_and_says_so(committed: Project, digest: str, tmp_path: Path) -> None:
    shop = copy(committed, tmp_path)
    first = shop.start("run")
    until("✓ collect ", first)
    second = shop.start("run")
    line = until("is using this checkout: waiting", second)
    number = re.search(r"another run \(process (\d+)\)", line)
    assert number
    assert int(number[1]) in processes(shop)
    _, err = first.communicate(timeout=HANG)
    out, said = second.communicate(timeout=HANG)
    assert (first.returncode, second.returncode) == (0, 0), err + said
    assert "no worse than main" in out
    assert " train " not in said, "the second answers from the first one's record"
    assert shop.verdict["model_digest"] == digest
