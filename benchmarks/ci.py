"""From the event to the report's artifact: review.yml run by act, packages in uv's cache, the flights."""

from __future__ import annotations

import resource
import shutil
from pathlib import Path

from benchmarks.job import clone, command, commit, edit_number
from benchmarks.table import Row
from tests.workflows import events
from tests.workflows.act import Ran, Rehearsal


def measure(folder: Path) -> list[Row]:
    """Only parameters changed; a change that cannot change the model; nothing cached."""
    checkout = folder / "checkout"
    folder.mkdir(parents=True)
    clone(checkout)
    command(checkout, ["git", "checkout", "--quiet", "-B", "main"])
    stage = Rehearsal(folder, checkout)
    events.git(stage.origin.path, "symbolic-ref", "HEAD", "refs/heads/main")
    stage.origin.default = "main"
    stage.origin.receive(checkout, "HEAD", "refs/heads/main")
    ran(stage, events.push(stage.origin, "main", "0" * 40))

    command(checkout, ["git", "checkout", "--quiet", "-B", "change"])
    edit_number(checkout, "l2_regularization: ", 11)
    commit(checkout, "A parameter")
    parameter = pull(stage, checkout)
    rows = [row("only parameters changed", 45, ran(stage, parameter))]
    shutil.rmtree(folder / "cache")
    rows.append(row("nothing cached but packages", 90, ran(stage, parameter)))

    command(checkout, ["git", "checkout", "--quiet", "-B", "change", "main"])
    page = checkout / "README.md"
    page.write_text(page.read_text(encoding="utf-8") + "\nA line.\n", encoding="utf-8")
    commit(checkout, "A line")
    rows.append(row("nothing that can change the model", 20, ran(stage, pull(stage, checkout))))
    return rows


def pull(stage: Rehearsal, checkout: Path) -> events.Event:
    head = events.git(checkout, "rev-parse", "HEAD")
    stage.origin.receive(checkout, head, "refs/heads/change")
    return events.pull_request(stage.origin, head)


def ran(stage: Rehearsal, event: events.Event) -> tuple[Ran, float]:
    """The run, and the processor seconds that it took: on a busy machine they say more than its wall clock."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = stage.run(event, job="review")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if "report.zip" not in found.names:
        raise RuntimeError(f"the review left no report:\n{found.log}")
    return found, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def row(what: str, goal: int, measured: tuple[Ran, float]) -> Row:
    found, processor = measured
    said = f"{found.seconds:.1f} s, {processor:.1f} s of processor"
    return Row(f"event to report, {what}", f"≤ {goal} s", said, found.seconds <= goal)
