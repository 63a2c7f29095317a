"""Search for better parameters on inner folds, and ask the holdout once, about the winner.

`search` reads as the table of contents. The trials are measured on the training rows alone; the winner gets the usual
review in a worktree, and becomes a branch. The checkout does not change.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import math
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mainline.config.loader import Params
from mainline.config.schema import Settings
from mainline.data.prepare import check_kept
from mainline.data.validation.gate import Gate
from mainline.errors import ConfigurationError, DataError, ExternalError, MainlineError, Refused
from mainline.evaluation import formatting, metrics
from mainline.evaluation.results import Interval
from mainline.packaging.export import column_kinds
from mainline.retraining import branch_review, branches
from mainline.runtime import git
from mainline.runtime.atomic_files import replacing, write_text
from mainline.runtime.progress import Progress
from mainline.runtime.worker import Worker
from mainline.runtime.workspace import Workspace
from mainline.search import (
    check,
    difference,
    folds,
    holdout,
    identity,
    loop,
    page,
    proposal,
    record,
    results,
    rewrite,
    space,
    study,
    turns,
)
from mainline.search.folds import Folds
from mainline.search.loop import Task
from mainline.search.proposal import Outcome, Proposal
from mainline.search.results import Found
from mainline.search.study import Study, Trial
from mainline.training.fingerprint import digest
from pipelines import training
from pipelines.training import Job

FOLDER = "search"  # of its reports, below those of the model


@dataclass(frozen=True)
class Asked:
    """How long to search, in seconds, and how many trials at the same time (None: what the cores allow)."""

    seconds: float
    now: dt.datetime


@dataclass(frozen=True)
class Explored:
    """A study after its trials, with what they were measured on."""

    study: Study
    task: Task
    name: str
    folds: Folds


@dataclass(frozen=True)
class Done:
    """What was found, the proposal for the next job, and the exit status of the command."""

    found: Found
    proposal: Proposal
    status: int


def search(params: Params, workspace: Workspace, asked: Asked, progress: Progress, tell: Callable[[str], None]) -> Done:
    """The whole job: from the sources to a branch with its review in `reports/search`."""
    check.check(params)
    commit = starting_point(workspace)
    shutil.rmtree(workspace.reports / FOLDER, ignore_errors=True)
    with turns.alone(workspace.state / FOLDER):
        worker = Worker()
        try:
            with workspace.locked():
                job = validated(params, workspace, progress, worker)
                recorder = record.Recorder(worker, workspace.state)
                recorder.open()
            explored = explore(params, job, asked, recorder, tell)
            found = judged(params, job, explored)
            write_page(workspace, found)  # it stays where the winner cannot be written or reviewed
            done = propose(params, job, explored, found, commit, asked.now)
            write_page(workspace, done.found)
            recorder.finish(done.found, [workspace.reports / proposal.PAGE])
        finally:
            worker.stop()
    return done


def starting_point(workspace: Workspace) -> str | None:
    """The commit that the branch of a winner starts from; None outside a git checkout.

    Raises
    ------
    ConfigurationError
        Where the checkout is not that commit: what is searched would not be what the branch changes.
    """
    root = workspace.root
    commit = git.commit_of(root, "HEAD") if git.is_top(root) else None
    changed = git.changed_files(root, commit) if commit else []
    tracked = set((git.git(root, "ls-files", "-z", "--others", "--exclude-standard") or "").split("\0"))
    ours = ("src/", "data/", "models/", "params.yaml")  # a new file elsewhere, such as notes, changes no model
    open_changes = [name for name in changed if name not in tracked or name.startswith(ours)]
    if open_changes:
        shown = ", ".join(open_changes[:5]) + (", …" if len(open_changes) > 5 else "")
        raise ConfigurationError(
            f"there are uncommitted changes ({shown}): the branch of a search starts from a commit, so commit or stash "
            "them first"
        )
    return commit


def validated(params: Params, workspace: Workspace, progress: Progress, worker: Worker) -> Job:
    """The prepared frame of valid data; invalid data stop the search as they stop a run."""
    job = training.begin(params, workspace, progress)
    gate = Gate(job.params.settings, worker, workspace, job.tables, job.watch)
    try:
        training.prepare(job)
        gate.ask_of_frame(job.frame, job.prints.frame)
        check_kept(job.params.settings, job.frame)
    except MainlineError:
        job.unmoved()
        training.refuse_invalid(gate.answer())
        raise
    with progress.stage("validate") as detail:
        validation = gate.answer()
        detail.text = f"{len(validation.expectations)} expectations, {len(validation.warnings)} warnings"
    job.unmoved()
    training.refuse_invalid(validation)
    check.check_features(params, list(column_kinds(job.frame)))
    return job


def explore(params: Params, job: Job, asked: Asked, recorder: record.Recorder, tell: Callable[[str], None]) -> Explored:
    """Open the study, and compute trials until the time is over."""
    settings, home = of_search(params.settings, job.params.settings), job.workspace.state / FOLDER
    assert settings.search
    parts = identity.parts(params.settings, job.prints)
    name, changed = identity.name(parts), identity.changed(home, parts)
    dimensions = space.dimensions(settings)
    greater = metrics.greater_is_better(settings.compare.metric)
    opened = study.opened(home / name, name, dimensions, greater, space.today(settings, dimensions))
    identity.remember(home, parts)
    identity.prune(home, name)
    tell(begins(opened.trials(), changed, name))
    frame = home / name / "frame.parquet"
    if not frame.exists():  # other runs in this checkout may remove theirs
        with replacing(frame) as part:
            shutil.copyfile(job.frame, part)
    task = Task(settings, job.workspace.params, frame, home / name / "scores")
    made = folds.folds(settings, frame, settings.search.folds)
    number = settings.search.processes or max(1, (os.cpu_count() or 1) // settings.train.threads)
    recorder.begin(name, settings, job.prints.parts, opened.trials())

    def told(trial: Trial) -> None:
        recorder.trial(trial, dimensions)
        best = opened.best()
        if best and best.number == trial.number:
            tell(turns.line(trial, dimensions, settings))

    with job.progress.stage("search") as detail:
        running = loop.Loop(opened, task, number, asked.seconds, told)
        running.run()
        detail.text = f"{len(opened.trials()):,} trials, {turns.processes(number)}"
        detail.text += ", every combination was tried" if running.exhausted else ""
    enough(opened, running, asked, settings)
    return Explored(opened, task, name, made)


def of_search(written: Settings, resolved: Settings) -> Settings:
    """The settings of the trials: of the features that may be left out, only those that the file lists by name."""
    assert written.search
    left_out = space.optional_features(written.prepare.features, written.search)
    return resolved.model_copy(update={"search": written.search.model_copy(update={"without": left_out})})


def begins(trials: Sequence[Trial], changed: Sequence[str], name: str) -> str:
    if trials:
        return f"study {name[:8]} goes on, with {len(trials):,} trials"
    if not changed:
        return f"study {name[:8]} begins"
    what = " and ".join(part for part in (", ".join(changed[:-1]), changed[-1]) if part)
    verb = "has" if len(changed) == 1 and changed[0] != "settings" and changed[0] != "data" else "have"
    return f"study {name[:8]} begins: the {what} {verb} changed since the last search, so its trials do not count"


def enough(opened: Study, running: loop.Loop, asked: Asked, settings: Settings) -> None:
    """Raises ConfigurationError where there is nothing to compare: too little time, or every trial failed."""
    assert settings.search
    minutes, trials = asked.seconds / 60, [trial for trial in opened.trials() if not trial.today]
    if opened.today() is None:
        each = running.seconds_of_a_fold()
        least = math.ceil(each * settings.search.folds / 6) / 10 + 0.1 if each else 0  # a trial, in minutes
        needed = f": a fold takes {each:.1f} s, so give at least MINUTES={least:.1f}" if each else ""
        raise ConfigurationError(
            f"MINUTES={minutes:g} is too short: today's settings were not measured on all {settings.search.folds} "
            f"inner folds{needed}. The next call goes on with this study"
        )
    if not trials:
        today = opened.today()
        assert today
        raise ConfigurationError(
            f"MINUTES={minutes:g} is too short: no trial ended but that of today's settings, which took "
            f"{today.seconds:.1f} s. The next call goes on with this study"
        )
    if all(trial.state == "failed" for trial in trials):
        raise ConfigurationError(loop.all_failed(trials))


def judged(params: Params, job: Job, explored: Explored) -> Found:
    """The best trial, and its difference to today's settings on the inner folds."""
    opened, settings = explored.study, explored.task.settings
    best, today = opened.best(), opened.today()
    assert today
    between = None
    if best and not best.today:
        between = difference.difference(settings, explored.folds, explored.task.folder, best.number, today.number)
    with job.progress.stage("judge"):
        return results.of_study(opened, explored.name, settings, explored.folds.words, between, None)


def propose(params: Params, job: Job, explored: Explored, found: Found, commit: str | None, now: dt.datetime) -> Done:
    """The winner's branch with its review; none where chance alone explains its lead."""
    workspace, home = job.workspace, job.workspace.state / FOLDER
    made = Proposal(
        Outcome.nothing,
        "",
        study=explored.name,
        base=commit,
        changes=[str(one) for one in found.changes],
        inner=results.inner(found),
        trials=len(found.trials),
        questions=holdout.count(home, holdout.holdout_of(job.prints)),
    )
    winner = found.best
    if winner is None or found.difference is None or not difference.is_better(found.difference):
        why = f"{results.headline(found)}. No branch was made, and the holdout was not asked"
        return finished(workspace, found, dataclasses.replace(made, message=why), 0)
    text = rewrite.rewritten(workspace.params.read_text(encoding="utf-8"), params, found.space, winner.values)
    write_text(workspace.reports / FOLDER / proposal.PARAMS, text)
    if commit is None:
        where = f"{workspace.of.reports}/{FOLDER}/{proposal.PARAMS}"
        why = f"{results.headline(found)}. This is no git checkout, so no branch was made: {where} has the winner"
        return finished(workspace, found, dataclasses.replace(made, outcome=Outcome.unchanged, message=why), 0)
    values = digest(made.changes)
    known = holdout.same(home, explored.name, values)
    if known:
        why = (
            f"the winner is the one that the holdout was asked about on {known.asked[:10]} "
            f"({known.verdict.replace('_', ' ')}; {known.branch}): it is not asked again"
        )
        answered = dataclasses.replace(
            made, outcome=Outcome.known, message=why, verdict=known.verdict, passed=known.passed, branch=known.branch
        )
        return finished(workspace, found, answered, 0)
    branch = proposal.branch_of(explored.name)
    branches.check_free(workspace.root, commit, branch)
    question = holdout.Question(
        now.isoformat(timespec="seconds"), holdout.holdout_of(job.prints), explored.name, values, branch
    )
    holdout.remember(home, question)  # before the answer: one that was stopped may have been seen
    verdict = reviewed(workspace, text, commit, branch, message_of(made, workspace), now)
    passed = bool(verdict["passed"])
    holdout.remember(home, dataclasses.replace(question, verdict=verdict["verdict"], passed=passed))
    asked = dataclasses.replace(
        made,
        outcome=Outcome.ready,
        message=f"{branch} was created: {', '.join(made.changes)}",
        branch=branch,
        verdict=verdict["verdict"],
        passed=passed,
        questions=holdout.count(home, question.holdout),
        holdout=on_holdout(verdict["metrics"].get(found.settings.compare.metric)),
    )
    return finished(workspace, found, asked, 0 if passed else Refused.status)


def reviewed(
    workspace: Workspace, text: str, commit: str, branch: str, message: str, now: dt.datetime
) -> dict[str, Any]:
    """The usual review of the winner against the commit that was searched; the branch exists once it has ended."""
    with git.worktree(workspace.root, commit, workspace.state / FOLDER / "tree") as tree:
        (tree / workspace.of.params).write_text(text, encoding="utf-8")
        made = branches.commit(tree, message, now, proposal.NAME)
        base = git.git(workspace.root, "rev-parse", "--abbrev-ref", "HEAD")
        named = base if base and base != "HEAD" else commit
        status, last_words = branch_review.reviewed(tree, workspace, named, FOLDER)
        if status not in (0, Refused.status):
            kinds = {kind.status: kind for kind in (ConfigurationError, DataError, ExternalError)}
            raise kinds.get(status, ExternalError)(f"the winner could not be reviewed: {last_words}")
        branch_review.keep(tree, workspace, FOLDER, proposal.REPORTS)
    branches.point(workspace.root, branch, made)
    verdict: dict[str, Any] = json.loads((workspace.reports / FOLDER / "verdict.json").read_text(encoding="utf-8"))
    return verdict


def on_holdout(metric: dict[str, float | None] | None) -> str:
    """The winner's difference to today's settings on the holdout; empty where it could not be measured."""
    if not metric or metric["delta"] is None:
        return ""
    return formatting.difference(Interval(metric["delta"], metric["low"], metric["high"]))


def message_of(made: Proposal, workspace: Workspace) -> str:
    """The commit's message: what changes, and what the inner folds say of it."""
    name = f" of {workspace.of.name}" if workspace.of.name else ""
    listed = "\n".join(f"- {change}" for change in made.changes)
    return f"Take the parameters{name} that a search found\n\n{listed}\n\nStudy {made.study[:8]}: {made.inner}."


def write_page(workspace: Workspace, found: Found) -> None:
    for folder in (workspace.reports, workspace.reports / FOLDER):  # for people, and for the next job
        write_text(folder / proposal.PAGE, page.render(found))


def finished(workspace: Workspace, found: Found, made: Proposal, status: int) -> Done:
    write_text(workspace.reports / FOLDER / proposal.FILE, made.text())
    return Done(dataclasses.replace(found, proposal=made), made, status)
