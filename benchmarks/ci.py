"""From the event to the posted comment: review.yml and comment.yml run by act, packages in uv's cache, the flights."""

from __future__ import annotations

import resource
import shutil
import time
from pathlib import Path

from benchmarks.job import clone, command, edit_number
from benchmarks.table import Row
from tests.github.double import running
from tests.workflows import events
from tests.workflows.act import Rehearsal
from tests.workflows.conversation import Conversation


def measure(folder: Path) -> list[Row]:
    """Only parameters changed; a change that cannot change the model; nothing cached."""
    checkout = folder / "checkout"
    folder.mkdir(parents=True)
    clone(checkout)
    command(checkout, ["git", "checkout", "--quiet", "-B", "main"])
    rehearsal = Rehearsal(folder, checkout)
    events.git(rehearsal.origin.path, "symbolic-ref", "HEAD", "refs/heads/main")
    rehearsal.origin.default = "main"
    rehearsal.origin.receive(checkout, "HEAD", "refs/heads/main")
    ran = rehearsal.run(events.push(rehearsal.origin, "main", "0" * 40), job="review")
    if not list((folder / "cache").glob("*/*/*.tar")):
        raise RuntimeError(f"main's run left no record for pull requests:\n{ran.log}")

    with running() as github:
        command(checkout, ["git", "checkout", "--quiet", "-B", "parameters"])
        edit_number(checkout, "l2_regularization: ", 11)
        rows = [commented("only parameters changed", 45, Conversation(github, rehearsal, checkout))]
        shutil.rmtree(folder / "cache")
        edit_number(checkout, "l2_regularization: ", 12)
        rows.append(commented("nothing cached but packages", 90, Conversation(github, rehearsal, checkout)))

        command(checkout, ["git", "checkout", "--quiet", "-B", "words", "main"])
        page = checkout / "README.md"
        page.write_text(page.read_text(encoding="utf-8") + "\nA line.\n", encoding="utf-8")
        rows.append(commented("nothing that can change the model", 20, Conversation(github, rehearsal, checkout)))
    return rows


def commented(what: str, goal: int, conversation: Conversation) -> Row:
    """Open a pull request of what lies in the checkout; the watch stops when its comment is there.

    The processor's seconds stand beside: on a busy machine they say more than the wall clock.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    run, reviewed = conversation.reviewed(title=what)
    posted = conversation.woken(run)
    seconds = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if len(conversation.comments) != 1:
        raise RuntimeError(f"no comment was posted:\n{reviewed.log}\n{posted.log}")
    processor = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    said = f"{seconds:.1f} s, {processor:.1f} s of processor"
    return Row(f"event to comment, {what}", f"≤ {goal} s", said, seconds <= goal)
