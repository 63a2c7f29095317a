"""The release: the model of main is promoted, deployed and recorded, or refused.

`promote` reads as its table of contents. The model comes from the trusted run, by fingerprint, and the
gates of the review compare it with the champion.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.config.loader import Params
from mainline.errors import ConfigurationError, ExternalError, MainlineError
from mainline.evaluation.comparison import Baseline
from mainline.evaluation.results import Review
from mainline.evaluation.review import ReviewedRows, review_candidate
from mainline.registry import audit_log, models, releases, run_payload
from mainline.registry.models import STAGED, Registry, Version
from mainline.release import promotion
from mainline.release.promotion import ReleaseSession
from mainline.report import model_card, write
from mainline.runtime import git
from mainline.runtime.atomic_files import write_text
from mainline.runtime.progress import Progress
from mainline.runtime.worker import Worker
from mainline.runtime.workspace import Workspace
from mainline.training.record import Record
from pipelines import training

if TYPE_CHECKING:
    from mainline.packaging.staged_image import Fit

PRODUCTION = "production"


@dataclass(frozen=True)
class Steps:
    """What happens between the gates and the deployment, and the facts about the merge.

    `store` is the folder of the embedded MLflow store; `image` raises Refused where the staging tests fail.
    """

    store: Path
    image: Callable[[Version, Record, Path], Fit] | None = None
    merge: dict[str, str] | None = None  # as `registry.MERGE` names it


@dataclass(frozen=True)
class Outcome:
    """`version` is None where the gates refused the model, `image` where none was asked for."""

    review: Review
    trained: Record
    version: Version | None
    image: str | None = None


def promote(params: Params, workspace: Workspace, session: ReleaseSession, steps: Steps, progress: Progress) -> Outcome:
    """Release this checkout's model if it passes the gates. Steps that are already done are skipped.

    Raises
    ------
    MainlineError
        Where a step failed: production is unchanged, or the next run completes or undoes the release.
    """
    session.log.entries()  # raises for a log that was tampered with, before anything changes
    promotion.end_interrupted_release(session)
    found = candidate(params, workspace, session, steps, progress)
    version, image = found.version, found.image
    if version is None:
        return found
    if not version.released:  # a repeated release keeps its card
        described = model_card.render(params, found.review, found.trained, version, image, workspace.root)
        session.registry.describe(version.number, described)
    with progress.stage("deploy") as detail:
        promotion.ship(
            session, "promotion", version, image, details(version, found.review, found.trained, image, steps)
        )
        detail.text = f"to {session.target.name}" if session.target else "the registry alone"
    version = session.registry.at(version.number)
    written(workspace, version)
    return Outcome(found.review, found.trained, version, image)


def candidate(
    params: Params, workspace: Workspace, session: ReleaseSession, steps: Steps, progress: Progress
) -> Outcome:
    """Prepare the release of this checkout's model, up to its deployment.

    The model is compared with the champion and registered; its image is built, pushed and staged.

    Raises
    ------
    MainlineError
        Where a step failed: production is unchanged.
    """
    committed(workspace)
    job = training.begin(params, workspace, progress)
    recall(job, session.registry)
    trained, found, run_id = judged(job, steps.store, session.registry)
    version = image = None
    if found.review.passed:
        version = session.registry.register(run_id, models.tags(found.review, trained, steps.merge or {}))
        with progress.stage("image") as detail:
            image = fit_image(session, steps, version, found.review, trained, job.frame)
            detail.text = image or "none"
        version = session.registry.at(version.number)
    else:
        refuse(session, found.review, trained)
    outcome = Outcome(found.review, trained, version, image)
    leave_candidate(workspace, outcome)
    return outcome


def recall(job: training.Job, held: Registry) -> None:
    """Fetch the record of a registered version with this fingerprint, so that it is not trained again."""
    for version in held.versions():
        if version.tags.get("fingerprint") == job.prints.model:
            with contextlib.suppress(ExternalError):  # without the record it is trained again, with the same result
                held.record_of(version, job.workspace.records)
            return


def committed(workspace: Workspace) -> None:
    """Refuse uncommitted changes: a release must be reproducible from its commit."""
    if git.is_top(workspace.root) and not git.is_clean(workspace.root):
        raise ConfigurationError("the checkout has changes that are not committed: commit them, then promote")


def in_production(held: Registry, workspace: Workspace) -> tuple[Version | None, Baseline]:
    """The champion as the baseline that the candidate is compared with."""
    champion = held.champion()
    if champion is None:
        return None, Baseline(note="no baseline: nothing is in production yet")
    commit = champion.tags.get("commit") or "none"
    try:
        return champion, Baseline(commit, held.record_of(champion, workspace.records))
    except MainlineError as error:
        return champion, Baseline(commit, None, f"cannot compare with the champion: {error}")


def judged(job: training.Job, store: Path, held: Registry) -> tuple[Record, ReviewedRows, str]:
    """The record, its comparison with the champion, and its run in MLflow: an existing one, or a new one."""
    params, workspace, progress = job.params, job.workspace, job.progress
    worker = Worker()
    try:
        tracker, trained, validation = training.train_validated(job, worker, store)
        tracker.log(run_payload.training(params, workspace.root, trained, job.frame))
        with progress.stage("champion") as detail:
            champion, baseline = in_production(held, workspace)
            detail.text = f"version {champion.number}" if champion else "none yet"
        with progress.stage("compare"):
            earlier = releases.recent(held, workspace.records, params.settings)
            found = review_candidate(params, job.compare(trained, baseline, PRODUCTION, earlier), validation)
        with progress.stage("record"):
            reports = write.reports(found, workspace, progress)
            return trained, found, tracker.finish(run_payload.findings(found.review, reports))
    finally:
        worker.stop()


def refuse(session: ReleaseSession, review: Review, trained: Record, reason: str | None = None) -> None:
    """Record a refusal in the audit log; nothing else changes."""
    failed = reason or ", ".join(gate.name for gate in review.gates if not gate.passed)
    details: dict[str, Any] = {
        "model_digest": trained.digest,
        "fingerprint": trained.fingerprint,
        "commit": review.candidate.commit,
        "verdict": review.outcome.value,
        "reason": failed,
    }
    session.log.write("refused", session.who, details)
    session.save()


def fit_image(
    session: ReleaseSession, steps: Steps, version: Version, review: Review, trained: Record, frame: Path
) -> str | None:
    """The digest of an image that passed its staging tests; the audit log records the result either way."""
    if not steps.image:
        return None
    try:
        found = steps.image(version, trained, frame)
    except MainlineError as error:
        reason = {"reason": audit_log.bounded(str(error))}
        session.log.write("refused", session.who, {**details(version, review, trained, None, steps), **reason})
        session.save()
        raise
    if found.note:
        session.log.write("staged", session.who, details(version, review, trained, found.image, steps))
        session.registry.tag(version.number, STAGED, found.note)
        session.save()
    return found.image


def details(version: Version, review: Review, trained: Record, image: str | None, steps: Steps) -> dict[str, Any]:
    """The details of a version for the audit log: of this comparison, as its tags keep those of the first one."""
    judged = {
        "commit": review.candidate.commit or version.tags.get("commit"),
        "fingerprint": trained.fingerprint,
        "data_digest": review.data_digest,
        "model_digest": trained.digest,
        "verdict": review.outcome.value,
    }
    built = {"image_digest": image} if image else {}
    return {**judged, **built, "version": version.number, **(steps.merge or {})}


def leave_candidate(workspace: Workspace, found: Outcome) -> None:
    """Write `candidate.json` for the later jobs: the version and image that may be deployed."""
    content = {
        "passed": found.version is not None,
        "version": found.version.number if found.version else None,
        "image_digest": found.image,
        "model_digest": found.trained.digest,
        "fingerprint": found.trained.fingerprint,
        "verdict": found.review.outcome.value,
        "staged": found.version.tags.get(STAGED) if found.version else None,
    }
    write_text(workspace.reports / "candidate.json", json.dumps(content, indent=2, sort_keys=True) + "\n")


def written(workspace: Workspace, version: Version) -> None:
    """Write the model card and `release.json`, for the page of the release."""
    write_text(workspace.reports / "model-card.md", version.card)
    content = {"version": version.number, **version.tags}
    write_text(workspace.reports / "release.json", json.dumps(content, indent=2, sort_keys=True) + "\n")
