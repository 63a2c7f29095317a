"""The main job: validate the data, train, compare with main on the same rows, report, record.

`review` reads as its table of contents. Validation runs beside the training, in a second process;
nothing is recorded, compared or kept before it has passed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mainline.config.loader import Params
from mainline.data import prepare as frame
from mainline.data.collect import Collected, collect
from mainline.data.validation.gate import Gate
from mainline.data.validation.results import Validation
from mainline.errors import DataError, MainlineError
from mainline.evaluation import baseline as base
from mainline.evaluation import importance, results
from mainline.evaluation import review as judgement
from mainline.evaluation.results import Review
from mainline.registry import run_payload
from mainline.registry.runs import Tracker
from mainline.report import write
from mainline.runtime import git
from mainline.runtime.progress import Progress
from mainline.runtime.worker import Worker
from mainline.runtime.workspace import Workspace
from mainline.training import pipeline, record
from mainline.training import train as candidate
from mainline.training.fingerprint import Fingerprint, fingerprint
from mainline.training.record import Record

# From a record and the frame that it was trained on to the gates of its container.
Staging = Callable[[Record, Path], list[results.Gate]]


@dataclass(frozen=True)
class Job:
    """What every stage works on."""

    params: Params
    workspace: Workspace
    tables: Mapping[str, Collected]
    prints: Fingerprint
    progress: Progress

    @property
    def frame(self) -> Path:
        return self.workspace.frames / f"{self.prints.frame}.parquet"


def review(
    params: Params, workspace: Workspace, base_ref: str, progress: Progress, staging: Staging | None = None
) -> Review:
    """The whole job, from the sources to the reports; with `staging`, the model's container is judged as well."""
    worker = Worker()
    try:
        job = begin(params, workspace, progress)
        tracker, trained, validation = train_validated(job, worker)
        explained = importance.ask(worker, workspace, trained, job.frame)
        tracker.log(run_payload.training(job.params, workspace.root, trained, job.frame))
        with progress.stage("baseline") as detail:
            baseline = find_baseline(job, base_ref, trained)
            detail.text = baseline.note or f"{base_ref} at {(baseline.commit or '')[:10]}"
        with progress.stage("compare"):
            found = judgement.judge(params, workspace, job.tables, job.frame, trained, baseline, base_ref, validation)
        with progress.stage("explain"):
            found = found.with_importance(explained())
        if staging and found.review.passed:
            found = found.with_gates(staging(trained, job.frame))
        with progress.stage("report"):
            reports = write.reports(found, workspace, progress)
        with progress.stage("record"):
            tracker.finish(run_payload.findings(found.review, reports))
        against = [baseline.record.path] if baseline.record else []
        workspace.prune([trained.path, job.frame, *against])
    finally:
        worker.stop()
    return found.review


def train(params: Params, workspace: Workspace, progress: Progress) -> Record:
    """Validate and train, and nothing else: what a baseline is asked for.

    A record is only ever kept of data that passed the gate, so a known one is the answer.
    """
    job = begin(params, workspace, progress)
    known = record.find(workspace.records, job.prints.model)
    if known:
        return known
    worker = Worker()
    try:
        tracker, trained, _ = train_validated(job, worker)
        tracker.log(run_payload.training(params, workspace.root, trained, job.frame))
        tracker.finish()
    finally:
        worker.stop()
    return trained


def begin(params: Params, workspace: Workspace, progress: Progress) -> Job:
    with progress.stage("collect") as detail:
        tables = collect(params.settings.data, workspace.root, workspace.cache)
        digests = {name: table.digest for name, table in tables.items()}
        prints = fingerprint(workspace.root, params.settings, digests)
        detail.text = f"{sum(table.rows for table in tables.values()):,} rows in {len(tables)} tables"
    return Job(params, workspace, tables, prints, progress)


def train_validated(job: Job, worker: Worker, store: Path | None = None) -> tuple[Tracker, Record, Validation]:
    """The record of the job's fingerprint: found, or trained while the data are validated.

    `store` is the folder of MLflow's embedded store, where it is not the workspace's own.
    """
    gate = Gate(job.params.settings, worker, job.workspace, job.tables)
    try:
        prepare(job)
        gate.ask_of_frame(job.frame, job.prints.frame)
        tracker = Tracker(worker, store or job.workspace.state)
        worker.submit(importance.load_libraries)
        trained = record.find(job.workspace.records, job.prints.model) or train_anew(job)
    except MainlineError:
        # Invalid data explain most failures behind them: what the gate says comes first.
        refuse_invalid(gate.answer())
        raise
    with job.progress.stage("validate") as detail:
        validation = gate.answer()
        detail.text = f"{len(validation.expectations)} expectations, {len(validation.warnings)} warnings"
    refuse_invalid(validation)
    return tracker, (trained if isinstance(trained, Record) else trained.keep(job.workspace)), validation


def prepare(job: Job) -> None:
    if job.frame.exists():
        frame.check_kept(job.params.settings, job.frame)
        return
    with job.progress.stage("prepare"):
        # DuckDB computes without the interpreter: time to import what the fit needs.
        warming = threading.Thread(target=pipeline.load_libraries, daemon=True)
        warming.start()
        frame.build(job.params.settings, job.tables, job.frame)
        warming.join()


def train_anew(job: Job) -> candidate.Candidate:
    with job.progress.stage("train") as detail:
        made = candidate.train(job.params.settings, job.workspace.root, job.tables, job.prints, job.frame)
        detail.text = f"{made.facts['rows']['train']:,} rows, {made.facts['model']['seconds']:.1f} s of it the fit"
    return made


def refuse_invalid(validation: Validation) -> None:
    if validation.critical:
        from mainline.data.validation.run import explain

        raise DataError(explain(validation))


def find_baseline(job: Job, base_ref: str, trained: Record) -> base.Baseline:
    """Main's record: known, or computed by main's own code in a worktree."""
    root = job.workspace.root
    commit = git.tip(root, base_ref) if git.is_top(root) else None
    if commit is None:
        return base.Baseline(None, None, base.missing(job.workspace, base_ref))
    if not base.holds_model(job.workspace, commit):
        return base.Baseline(None, None, f"no baseline: {base_ref} has no params.yaml yet")
    if git.commit_of(root, "HEAD") == commit and git.is_clean(root):
        base.learn(job.workspace, commit, trained.fingerprint)
    note = None
    if git.commit_of(root, base_ref) not in (None, commit):
        note = f"{base_ref} here is behind origin/{base_ref}: compared with what is there ({commit[:10]})"
    known = base.known(job.workspace, commit)
    if known:
        return base.Baseline(commit, known, note)
    try:
        with git.worktree(root, commit, job.workspace.worktrees / commit) as tree:
            found = base.train(job.workspace, tree)
    except MainlineError as error:
        return base.Baseline(commit, None, f"main's own model could not be computed: {error}")
    base.learn(job.workspace, commit, found.fingerprint)
    return base.Baseline(commit, found, note)
