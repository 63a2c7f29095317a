"""From a finished run to its comment: find the pull request, check the report, post it."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mainline.errors import Refused
from mainline.github.client import GitHub, GitHubError
from mainline.github.comment import changed_gates, find_pull_request
from mainline.github.comment.artifact import LARGEST_ARCHIVE, Artifact, Claim, unpack
from mainline.github.comment.cml import Cml
from mainline.github.comment.markers import Marker, title
from mainline.github.comment.post import NotAllowed, Posted, post
from mainline.github.comment.several import Part
from mainline.github.comment.text import Findings, comment
from mainline.github.comment.workflow_run import Run, Skipped, finished_run
from mainline.runtime import models

REPORT = "report"  # the artifact with report.json and review.json
PAGE = "report.html"
OF_MODEL = re.compile(rf"{REPORT}-[a-z0-9-]+")  # of one of several models
MOST_REPORTS = 256
WITHOUT_JOBS = ("skipped", "action_required", "neutral", "stale")
MOST_FILES = 3_000  # that GitHub lists for a pull request


@dataclass(frozen=True)
class Delivery:
    """`posted`, or `not_posted` with the reason: then the text goes into the job's summary."""

    number: int
    text: str
    posted: Posted | None = None
    not_posted: str = ""
    refused: str = ""


def deliver(environment: Mapping[str, str], wait: Callable[[float], None] = time.sleep) -> Delivery:
    """Find, check and post the report of the finished run; `wait` is called with seconds before GitHub is asked again.

    Raises
    ------
    Skipped
        Where there is nothing to post, with the reason.
    Refused
        Where the artifact claims to be another run's, commit's or pull request's.
    """
    run = finished_run(environment)
    if run.event != "pull_request":
        raise Skipped(f"the run was for a {run.event}: its report is in its own summary")
    if run.conclusion in WITHOUT_JOBS:
        raise Skipped(f"the run ended as {run.conclusion}: no job ran")
    client = replace(GitHub.from_environment(environment), wait=wait)
    found = find_pull_request.open_pulls(client, run)

    artifacts = list(client.pages(f"actions/runs/{run.id}/artifacts", key="artifacts"))
    names = reports_among(artifacts)
    artifact: Artifact | None = None
    parts: tuple[Part, ...] = ()
    if names == [REPORT]:
        artifact, refused = opened(client, artifacts, REPORT)
        left = [artifact] if artifact else []
    else:
        left, parts = of_models(client, run, artifacts, names)
        refused = "; ".join(f"{part.model}: {part.why}" for part in parts if part.why) or None
    # Each of the artifacts is held against the run: any job could have left any of them.
    claims: list[Claim | None] = [one.claim for one in left]
    pull, *others = [find_pull_request.choose(found, claim, run) for claim in claims or [None]]
    if any(other["number"] != pull["number"] for other in others):
        raise Refused("the run's artifacts say that they are for different pull requests")
    number = int(pull["number"])
    text = comment(
        Findings(
            run,
            files_with_gates(client, pull),
            artifact.report if artifact else None,
            address_of(PAGE, run, artifacts),
            address_of(REPORT, run, artifacts),
            None if parts else refused,
            artifact is not None and artifact.report is None,
            notes(left, run),
            parts,
        )
    )
    find_pull_request.still_open(client, pull, run)
    cml, why = Cml.found(client.api, client.repository, client.token, environment)
    marker = Marker(run.id, run.attempt, run.head_sha)
    try:
        with tempfile.TemporaryDirectory() as scratch:
            posted = post(client, number, text, title(run.workflow), marker, cml, Path(scratch))
    except NotAllowed as error:
        locked = "its conversation is locked" if pull.get("locked") else "this token may not comment"
        return Delivery(number, text, not_posted=f"{locked} ({error})", refused=refused or "")
    return Delivery(number, text, replace(posted, why_not_cml=posted.why_not_cml or why), refused=refused or "")


def reports_among(artifacts: list[dict[str, Any]]) -> list[str]:
    """The names of the reports that a run left, of the model at the top first.

    Raises
    ------
    Refused
        Where there are more than a run has jobs.
    """
    named = {str(one["name"]) for one in artifacts if OF_MODEL.fullmatch(str(one["name"]))}
    fit = sorted(name for name in named if models.unfit(name.removeprefix(f"{REPORT}-")) is None)
    if len(fit) > MOST_REPORTS:
        raise Refused(f"the run left {len(fit)} reports, a matrix has at most {MOST_REPORTS} jobs")
    return [*([REPORT] if not fit or newest(artifacts, REPORT) else []), *fit]


def of_models(
    client: GitHub, run: Run, artifacts: list[dict[str, Any]], names: list[str]
) -> tuple[list[Artifact], tuple[Part, ...]]:
    """What the jobs of several models left: what could be opened, and a part of the comment for each."""
    left, parts = [], []
    for name in names:
        artifact, refused = opened(client, artifacts, name)
        why = f"The report is not shown: {refused}" if refused else ""
        if artifact is None or artifact.report is None:
            why = why or "The job left no report that can be read"
        model = name.removeprefix(REPORT).removeprefix("-") or models.TOP
        page = address_of(f"{name}.html", run, artifacts)
        parts.append(Part(model, artifact.report if artifact else None, page, address_of(name, run, artifacts), why))
        left += [artifact] if artifact else []
    return left, tuple(parts)


def opened(client: GitHub, artifacts: list[dict[str, Any]], name: str = REPORT) -> tuple[Artifact | None, str | None]:
    """The report, or why it is refused; neither where the run left none."""
    artifact = newest(artifacts, name)
    if artifact is None:
        return None, None
    try:
        if int(artifact["size_in_bytes"]) > LARGEST_ARCHIVE:
            raise Refused(f"the artifact has {int(artifact['size_in_bytes']) >> 20} MB, a report less than one")
        return unpack(client.download(f"actions/artifacts/{artifact['id']}/zip", LARGEST_ARCHIVE)), None
    except Refused as error:
        return None, str(error)
    except GitHubError as error:
        if error.code == 410:  # deleted since it was listed
            return None, None
        raise


def newest(artifacts: list[dict[str, Any]], name: str) -> dict[str, Any] | None:
    """Each attempt of a run leaves an artifact of its own."""
    found = [one for one in artifacts if one["name"] == name and not one.get("expired")]
    return max(found, key=lambda one: int(one["id"]), default=None)


def address_of(name: str, run: Run, artifacts: list[dict[str, Any]]) -> str | None:
    """The address of an artifact, built from numbers: no text of the run is in it."""
    artifact = newest(artifacts, name)
    return f"{run.url}/artifacts/{int(artifact['id'])}" if artifact else None


def files_with_gates(client: GitHub, pull: find_pull_request.Pull) -> list[str] | None:
    """The changed files that judge the pull request; None where GitHub does not list all changed files."""
    try:
        files = list(client.pages(f"pulls/{pull['number']}/files"))
    except GitHubError:
        return None
    found = changed_gates.changed(files)
    return found if found or len(files) < MOST_FILES else None


def notes(left: list[Artifact], run: Run) -> tuple[str, ...]:
    attempt = min((one.claim.run_attempt for one in left if one.claim.run_attempt is not None), default=None)
    if attempt is None or attempt >= run.attempt:
        return ()
    if left[1:]:
        return (f"Some of the reports are from attempt {attempt}: attempt {run.attempt} has not run their jobs again.",)
    return (f"The report is from attempt {attempt}; attempt {run.attempt} left none.",)
