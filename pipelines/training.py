"""The main job: validate the data, train, compare with the baseline on the same rows, report, record.

`review` reads as its table of contents. Validation runs in a second process while the model is trained;
nothing is recorded, compared or kept before it has passed.
"""

from __future__ import annotations

import dataclasses
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mainline.config.loader import Params
from mainline.config.replaced_project import begins_anew
from mainline.data.collect import INDEX, Collected, collect
from mainline.data.feature_patterns import resolved
from mainline.data.prepare import build, check_kept
from mainline.data.validation import gate as data_gate
from mainline.data.validation.gate import Gate
from mainline.data.validation.results import Validation
from mainline.errors import DataError, ExternalError, MainlineError
from mainline.evaluation import importance, results
from mainline.evaluation.baseline import (
    another_task,
    holds_model,
    record_of_commit,
    settings_at,
    store_fingerprint,
    train_in_worktree,
    why_missing,
)
from mainline.evaluation.comparison import Baseline, Comparison, Release
from mainline.evaluation.results import Review
from mainline.evaluation.review import review_candidate
from mainline.registry import releases, run_payload
from mainline.registry.runs import Tracker
from mainline.report import write
from mainline.runtime import git
from mainline.runtime.file_digests import Watch, seen
from mainline.runtime.file_digests import digests as content_digests
from mainline.runtime.progress import Progress
from mainline.runtime.worker import Worker
from mainline.runtime.workspace import Workspace
from mainline.training import pipeline, record
from mainline.training.fingerprint import Fingerprint, code_digests, fingerprint
from mainline.training.frame_cache import FrameCache
from mainline.training.record import Record
from mainline.training.train import TrainedModel, train_model, with_blocks

LARGE = 1_000_000  # bytes of a frame: some 50,000 rows

# From a record and the frame that it was trained on to the gates of its container.
Staging = Callable[[Record, Path], list[results.Gate]]


@dataclass(frozen=True)
class Job:
    """The input of every stage."""

    params: Params
    workspace: Workspace
    tables: Mapping[str, Collected]
    prints: Fingerprint
    progress: Progress
    watch: Watch = field(default_factory=Watch)

    @property
    def frame(self) -> Path:
        return self.workspace.frames / f"{self.prints.frame}.parquet"

    def unmoved(self) -> None:
        """Raise where a source, a suite, the settings or the code is not what the fingerprint was computed from."""
        self.watch.check()
        now = code_digests(self.workspace.root)
        changed = sorted(dict(now.items() ^ self.prints.parts.code.items()))
        if changed:
            raise ExternalError(f"{changed[0]} was edited during the run, so nothing was kept: run again")

    def compare(
        self, candidate: Record, baseline: Baseline, base_ref: str, earlier: Sequence[Release] = ()
    ) -> Comparison:
        settings = self.params.settings
        return Comparison(settings, self.workspace, self.tables, self.frame, candidate, baseline, base_ref, earlier)


def review(
    params: Params, workspace: Workspace, base_ref: str, progress: Progress, staging: Staging | None = None
) -> Review:
    """The whole job, from the sources to the reports; with `staging`, the model's container is tested as well."""
    worker = Worker()
    try:
        if not workspace.checks.exists():  # nothing is validated yet
            worker.submit(data_gate.load_libraries)
        job = begin(params, workspace, progress)
        params = job.params
        early = importance.Early(params.settings, workspace, job.frame)
        loads = (write.load_libraries,)
        tracker, trained, validation = train_validated(job, worker, meanwhile=(early.measure, *loads), loads=loads)
        early.store(trained)
        earlier = releases.ask(worker, workspace.state, workspace.records, params.settings)
        explained = importance.ask(worker, workspace, trained, job.frame)
        tracker.log(run_payload.training(params, workspace.root, trained, job.frame))
        with progress.stage("baseline") as detail:
            baseline = find_baseline(job, base_ref, trained)
            detail.text = baseline.note or f"{base_ref} at {(baseline.commit or '')[:10]}"
        with progress.stage("compare"):
            known = releases.answered(earlier)
            found = review_candidate(params, job.compare(trained, baseline, base_ref, known), validation)
            job.watch.check()  # both models were asked about these files
        with progress.stage("explain"):
            # Else this process draws, while the worker measures.
            plots = None if worker_draws(job.frame) else write.plots_of_scores(found)
            before = importance.kept(params.settings, workspace, baseline.record)
            found = found.with_importance(explained(), before or features_alone(baseline))
        if staging and found.review.passed:
            found = found.with_gates(staging(trained, job.frame))
        with progress.stage("report"):
            reports = write.reports(found, workspace, progress, plots, worker if worker_draws(job.frame) else None)
        with progress.stage("record"):
            tracker.finish(run_payload.findings(found.review, reports))
        against = [record.path for record in (baseline.record, *(each.record for each in known)) if record]
        workspace.prune([trained.path, job.frame, *against])
    finally:
        worker.stop()
    return found.review


def train(params: Params, workspace: Workspace, progress: Progress) -> Record:
    """Validate and train, and nothing else: what the code of a baseline is asked to do.

    A record is only kept for data that passed the gate, so a known record needs no validation.
    """
    job = begin(params, workspace, progress)
    known = known_record(job)
    if known:
        return known
    worker = Worker()
    try:
        tracker, trained, _ = train_validated(job, worker)
        tracker.log(run_payload.training(job.params, workspace.root, trained, job.frame))
        tracker.finish()
    finally:
        worker.stop()
    return trained


def begin(params: Params, workspace: Workspace, progress: Progress) -> Job:
    with progress.stage("collect") as detail:
        watch = Watch()
        decided_by = rule_files(params, workspace)
        stamps = seen(decided_by)
        tables = collect(params.settings.data, workspace.root, workspace.cache, watch)
        digests = {name: table.digest for name, table in tables.items()}
        params = dataclasses.replace(params, settings=resolved(params.settings, tables))
        prints = fingerprint(workspace.root, params.settings, digests)
        watch.add(stamps, content_digests(decided_by, workspace.cache / INDEX), lambda path: path.name)
        detail.text = f"{sum(table.rows for table in tables.values()):,} rows in {len(tables)} tables"
        if params.settings.prepare.by_content:
            detail.text += ", keys made from the rows' content"
    return Job(params, workspace, tables, prints, progress, watch)


def rule_files(params: Params, workspace: Workspace) -> list[Path]:
    """`params.yaml` and the suites: the worker process reads them again."""
    suites = sorted((workspace.root / params.settings.data.expectations).glob("*.yaml"))
    return [path for path in (workspace.params, *suites) if path.is_file()]


def train_validated(
    job: Job,
    worker: Worker,
    store: Path | None = None,
    meanwhile: Sequence[Callable[[TrainedModel], object]] = (),
    loads: Sequence[Callable[[], object]] = (),
) -> tuple[Tracker, Record, Validation]:
    """The record of the job's fingerprint: a known one, or one trained while the data are validated.

    `store` is the folder of MLflow's embedded store where it is not the workspace's own. `meanwhile` is what can be
    done with a new model that waits for the validation; nothing of it may be kept before that has passed. `loads` are
    imports for the worker to do during a long fit.
    """
    gate = Gate(job.params.settings, worker, job.workspace, job.tables, job.watch)
    try:
        prepare(job)
        gate.ask_of_frame(job.frame, job.prints.frame)
        tracker = Tracker(worker, store or job.workspace.state)
        worker.submit(importance.load_libraries, estimator=job.params.settings.train.estimator)
        if loads and worker_draws(job.frame):
            place = {"root": str(job.workspace.root), "state": str(job.workspace.home), "frame": str(job.frame)}
            worker.submit(importance.load_rows, **place)
            for load in loads:
                worker.submit(load)
        trained = known_record(job) or train_new(job)
        for measure in meanwhile:
            if not isinstance(trained, Record) and not gate.has_answered:
                measure(trained)
    except Exception as error:
        job.unmoved()  # a file that moves may look broken, or raise anything
        # Invalid data cause most failures of the later steps: the result of the data gate comes first.
        if isinstance(error, MainlineError):
            refuse_invalid(gate.answer())
        raise
    with job.progress.stage("validate") as detail:
        validation = gate.answer()
        detail.text = f"{len(validation.expectations)} expectations, {len(validation.warnings)} warnings"
    job.unmoved()
    refuse_invalid(validation)
    return tracker, (trained if isinstance(trained, Record) else trained.keep(job.workspace)), validation


def known_record(job: Job) -> Record | None:
    """The record of the job's fingerprint. One from uncommitted changes is this commit's as soon as it is clean."""
    found, root = record.find(job.workspace.records, job.prints.model), job.workspace.root
    if found and not found.facts.clean and git.is_top(root) and git.is_clean(root):
        commit = git.commit_of(root, "HEAD")
        found = record.made_by(found, commit) if commit else found
    if found and job.frame.exists():
        return with_blocks(job.params.settings, job.workspace, found, job.frame)
    return found


def prepare(job: Job) -> None:
    if job.frame.exists():
        check_kept(job.params.settings, job.frame)
        return
    with job.progress.stage("prepare"):
        # DuckDB releases the interpreter lock: what the fit needs is imported in the meantime.
        warming = threading.Thread(target=pipeline.load_libraries, daemon=True)
        warming.start()
        build(job.params.settings, job.tables, job.frame, job.unmoved)
        warming.join()


def train_new(job: Job) -> TrainedModel:
    settings, chosen = job.params.settings, None
    if settings.export.optimise:
        from mainline.packaging import optimise

        with job.progress.stage("optimise") as detail:
            chosen = optimise.choose(settings, job.frame)
            settings, detail.text = chosen.settings, chosen.said
    with job.progress.stage("train") as detail:
        sizes, smaller = (chosen.trials, chosen.smaller) if chosen else ([], None)
        cache = FrameCache(job.workspace.checks, job.prints.frame, settings)
        root = job.workspace.root
        made = train_model(settings, root, job.tables, job.prints, job.frame, sizes, smaller, cache)
        detail.text = f"{len(made.arrays['train']):,} rows, {made.facts.model.seconds:.1f} s of it the fit"
    return made


def features_alone(baseline: Baseline) -> dict[str, float] | None:
    """Where the importance of the baseline's features is not known, only features that are new can have risen."""
    return dict.fromkeys(baseline.record.features, math.inf) if baseline.record else None


def worker_draws(frame: Path) -> bool:
    """Whether the fit is long enough for the worker to import what draws the report, and so the worker draws it."""
    return frame.stat().st_size > LARGE


def refuse_invalid(validation: Validation) -> None:
    if validation.critical:
        from mainline.data.validation.run import explain

        raise DataError(explain(validation))


def find_baseline(job: Job, base_ref: str, trained: Record) -> Baseline:
    """The baseline's record: known, or trained by its own code in a worktree."""
    root = job.workspace.root
    commit = git.tip(root, base_ref) if git.is_top(root) else None
    if commit is None:
        return Baseline(note=why_missing(job.workspace, base_ref))
    if not holds_model(job.workspace, commit):
        return Baseline(note=f"no baseline: {base_ref} has no {job.workspace.of.params} yet")
    if git.commit_of(root, "HEAD") == commit and git.is_clean(root):
        store_fingerprint(job.workspace, commit, trained.fingerprint)
    note = None
    if git.commit_of(root, base_ref) not in (None, commit):
        note = f"the local {base_ref} is behind origin/{base_ref}: compared with origin/{base_ref} ({commit[:10]})"
    known = record_of_commit(job.workspace, commit)
    if known:
        return Baseline(commit, known, note)
    other = begins_anew(root, job.params.settings, settings_at(job.workspace, commit))
    if other:
        return Baseline(note=other)
    incomparable = another_task(job.workspace, commit, job.params.settings.task)
    if incomparable:
        return Baseline(commit, None, incomparable)
    try:
        with git.worktree(root, commit, job.workspace.worktrees / commit) as tree:
            found = train_in_worktree(job.workspace, tree)
    except MainlineError as error:
        return Baseline(commit, None, f"the baseline could not be trained: {error}")
    store_fingerprint(job.workspace, commit, found.fingerprint)
    return Baseline(commit, found, note)
