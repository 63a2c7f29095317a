"""The release: what main has merged is promoted, deployed and written down, or refused.

`promote` reads as its table of contents. The model comes from the trusted run, by fingerprint, and is
held against the champion that is in production now by the gates of the review.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mainline import baseline as base
from mainline import card, git, judgement, publish, registry, release
from mainline.atomic import write_text
from mainline.beside import Beside
from mainline.errors import ConfigurationError, MainlineError
from mainline.judgement import Judged
from mainline.params import Params
from mainline.progress import Progress
from mainline.record import Record
from mainline.registry import Registry, Version
from mainline.release import Desk
from mainline.results import Review
from mainline.workspace import Workspace
from pipelines import training

PRODUCTION = "production"


@dataclass(frozen=True)
class Steps:
    """What happens between the gate and the deployment, and what is known of the merge."""

    build: Callable[[Record, Version], str] | None = None  # answers with the image's digest
    stage: Callable[[str], None] | None = None  # raises Refused for an image that is not fit
    merge: dict[str, str] | None = None  # pull_request, approver


@dataclass(frozen=True)
class Outcome:
    """`version` is None where the gates refused the model."""

    review: Review
    version: Version | None


def promote(params: Params, workspace: Workspace, store: Path, desk: Desk, steps: Steps, progress: Progress) -> Outcome:
    """Bring this checkout's model to production, if it has earned it.

    `store` is the folder of the embedded MLflow store. What is done already is not done again.

    Raises
    ------
    MainlineError
        Where a step failed: production is as it was, or the next run puts it right.
    """
    committed(workspace)
    desk.book.entries()  # a log that was tampered with is found before anything moves
    release.settle(desk)
    job = training.begin(params, workspace, progress)
    trained, found, run_id = judged(job, store, desk.registry)
    if not found.review.passed:
        refuse(desk, found.review, trained)
        return Outcome(found.review, None)
    merge = steps.merge or {}
    version = desk.registry.register(run_id, registry.tags(found.review, trained, merge))
    with progress.stage("image") as detail:
        image = built_and_staged(desk, steps, trained, version)
        detail.text = image or "none"
    if not version.released:  # done again, it is the same release: its card is the one it had
        desk.registry.describe(
            version.number, card.render(params, found.review, trained, version, image, workspace.root)
        )
    details = {**release.digests(version), "version": version.number, **merge}
    with progress.stage("deploy") as detail:
        release.ship(desk, "promotion", version, image, {**details, **({"image_digest": image} if image else {})})
        detail.text = f"to {desk.target.name}" if desk.target else "the registry alone"
    version = desk.registry.at(version.number)
    written(workspace, version)
    return Outcome(found.review, version)


def committed(workspace: Workspace) -> None:
    """What is promoted must be found again: it is what a commit says."""
    if git.is_top(workspace.root) and not git.is_clean(workspace.root):
        raise ConfigurationError("the checkout has changes that are not committed: commit them, then promote")


def in_production(held: Registry, workspace: Workspace) -> tuple[Version | None, base.Baseline]:
    """The champion as the baseline that the candidate is compared with."""
    champion = held.champion()
    if champion is None:
        return None, base.Baseline(None, None, "no baseline: nothing is in production yet")
    commit = champion.tags.get("commit") or "none"
    try:
        return champion, base.Baseline(commit, held.record_of(champion, workspace.records))
    except MainlineError as error:
        return champion, base.Baseline(commit, None, f"the champion cannot be compared with: {error}")


def judged(job: training.Job, store: Path, held: Registry) -> tuple[Record, Judged, str]:
    """The model, held against the champion, and its run in MLflow: known by its fingerprint, or logged now."""
    params, workspace, progress = job.params, job.workspace, job.progress
    beside = Beside()
    try:
        tracker, trained, validation = training.train_validated(job, beside, store)
        tracker.log(publish.training(params, workspace.root, trained, job.frame))
        with progress.stage("champion") as detail:
            champion, baseline = in_production(held, workspace)
            detail.text = f"version {champion.number}" if champion else "none yet"
        with progress.stage("compare"):
            found = judgement.judge(params, workspace, job.tables, job.frame, trained, baseline, PRODUCTION, validation)
        with progress.stage("record"):
            reports = publish.reports(found, workspace, trained, progress)
            return trained, found, tracker.finish(publish.findings(found.review, reports))
    finally:
        beside.stop()


def refuse(desk: Desk, review: Review, trained: Record, reason: str | None = None) -> None:
    """A refusal is written down like a promotion; nothing else changes."""
    failed = reason or ", ".join(gate.name for gate in review.gates if not gate.passed)
    details: dict[str, Any] = {
        "model_digest": trained.digest,
        "fingerprint": trained.fingerprint,
        "commit": review.candidate.commit,
        "verdict": review.outcome.value,
        "reason": failed,
    }
    desk.book.write("refused", desk.who, details)
    desk.save()


def built_and_staged(desk: Desk, steps: Steps, trained: Record, version: Version) -> str | None:
    """The digest of the image, fit to be deployed; a failure is written down and raised."""
    if desk.target and not steps.build:
        raise ConfigurationError(f"{desk.target.name} deploys an image, and none was given: --image sha256:…")
    if not steps.build:
        return None
    try:
        image = steps.build(trained, version)
        if steps.stage:
            steps.stage(image)
    except MainlineError as error:
        details = {**release.digests(version), "version": version.number, "reason": str(error)[: release.LONGEST]}
        desk.book.write("refused", desk.who, details)
        desk.save()
        raise
    return image


def written(workspace: Workspace, version: Version) -> None:
    """For who publishes the release: the card, and what was released."""
    write_text(workspace.reports / "model-card.md", version.card)
    content = {"version": version.number, **version.tags}
    write_text(workspace.reports / "release.json", json.dumps(content, indent=2, sort_keys=True) + "\n")
