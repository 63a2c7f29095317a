"""Automatic retraining: find new data, move the data cutoff on a branch, and run the usual review.

Everything happens in a worktree of main; the checkout does not change.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mainline.config import extensions, loader
from mainline.errors import ConfigurationError, DataError, MainlineError, Refused
from mainline.retraining import branch_review, branches, data_until, new_data
from mainline.retraining.proposal import FILE, REPORTS, Outcome, Proposal
from mainline.retraining.rules import Attempt, Decision, decide
from mainline.runtime import git
from mainline.runtime.atomic_files import write_text
from mainline.runtime.models import Model
from mainline.runtime.progress import Progress
from mainline.runtime.workspace import Workspace

FOLDER = "retraining"  # of its reports, below those of the model

# The earlier retrainings, compared with a commit of main: pull requests, or locally branches.
History = Callable[[str], list[Attempt]]


@dataclass(frozen=True)
class Asked:
    """`now` is the current time; data count until its day in `data.timezone`."""

    base: str
    now: dt.datetime
    history: History


@dataclass(frozen=True)
class Done:
    """The proposal for the next job, and the exit status of the command."""

    proposal: Proposal
    status: int


def retrain(workspace: Workspace, asked: Asked, progress: Progress) -> Done:
    """The whole job: from the sources to a branch with its report in `reports/retraining`."""
    into = workspace.reports / FOLDER
    shutil.rmtree(into, ignore_errors=True)
    tip = git.tip(workspace.root, asked.base) if git.is_top(workspace.root) else None
    if tip is None:
        raise ConfigurationError(
            f"{asked.base} is not a commit of this repository; a retraining starts from main: set BASE=…"
        )
    draft = Proposal(Outcome.failed, "", base=tip)
    try:
        with git.worktree(workspace.root, tip, workspace.state / "retraining") as tree:
            done = at(tree, workspace, asked, draft, progress)
    except MainlineError as error:
        outcome = Outcome.invalid if isinstance(error, DataError) else Outcome.failed
        done = Done(dataclasses.replace(draft, outcome=outcome, message=str(error)), error.status)
    write_text(into / FILE, done.proposal.text())
    return done


def at(tree: Path, workspace: Workspace, asked: Asked, draft: Proposal, progress: Progress) -> Done:
    """The job in a worktree of main."""
    params = loader.load(tree / workspace.of.params)
    extensions.load(params)  # new data may come from a source of the project's own
    settings = params.settings
    before = settings.data.until
    with progress.stage("collect") as detail:
        today = asked.now.astimezone(settings.data.cutoff.tzinfo).date()
        found = new_data.newest(settings, tree, workspace.cache, today)
        detail.text = found.why
    draft = dataclasses.replace(draft, until=found.until, before=before)
    if found.until is None:
        return Done(dataclasses.replace(draft, outcome=Outcome.nothing, message=f"No new data: {found.why}"), 0)
    assert draft.base
    decision = decide(settings.retrain, asked.history(draft.base), found.until, draft.base, asked.now)
    if decision.branch is None:
        return Done(dataclasses.replace(draft, outcome=Outcome.waiting, message=decision.why), 0)
    branches.check_free(workspace.root, draft.base, decision.branch)
    draft = dataclasses.replace(draft, branch=decision.branch)
    move(tree / workspace.of.params, found.until)
    commit = branches.commit(tree, retraining_of(workspace.of, found.until), opened(decision, asked.now))
    print(f"\n{decision.branch}: data.until moves from {before} to {found.until}\n", file=sys.stderr)
    status, last_words = branch_review.reviewed(tree, workspace, name_of(workspace.root, asked.base), FOLDER)
    if status not in (0, Refused.status):
        outcome = Outcome.invalid if status == DataError.status else Outcome.failed
        return Done(dataclasses.replace(draft, outcome=outcome, message=last_words), status)
    branch_review.keep(tree, workspace, FOLDER, REPORTS)
    branches.point(workspace.root, decision.branch, commit)
    verdict = json.loads((tree / workspace.of.reports / "verdict.json").read_text(encoding="utf-8"))
    return Done(
        dataclasses.replace(
            draft,
            outcome=Outcome.ready,
            message=f"{decision.branch} was created: {decision.why}",
            verdict=verdict["verdict"],
            passed=verdict["passed"],
        ),
        status,
    )


def retraining_of(model: Model, until: dt.date) -> str:
    return f"Retrain {model.name} on data until {until}" if model.name else f"Retrain on data until {until}"


def move(file: Path, until: dt.date) -> None:
    """Move the data cutoff, and check that nothing else has changed."""
    before = loader.load(file).settings
    file.write_bytes(data_until.moved(file.read_bytes(), until))
    wanted = before.model_copy(update={"data": before.data.model_copy(update={"until": until})})
    if loader.load(file).settings != wanted:
        raise ConfigurationError(f"{file.name}: `until: {before.data.until}` is not the value of data.until")


def opened(decision: Decision, now: dt.datetime) -> dt.datetime:
    return decision.refreshes.opened if decision.refreshes else now


def name_of(root: Path, base: str) -> str:
    """The name of the base in a report; for a checkout's HEAD, its branch."""
    branch = git.git(root, "rev-parse", "--abbrev-ref", base)
    return branch if branch and branch != "HEAD" else git.commit_of(root, base) or base
