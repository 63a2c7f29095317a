"""The story: a run has ended, and its report goes to the pull request that it belongs to."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mainline.errors import Refused
from mainline.github.client import GitHub, GitHubError
from mainline.github.comment import changed_gates, find_pull_request
from mainline.github.comment.artifact import LARGEST_ARCHIVE, Bundle, unpack
from mainline.github.comment.cml import Cml
from mainline.github.comment.markers import Marker, title
from mainline.github.comment.post import NotAllowed, Posted, post
from mainline.github.comment.text import Findings, body
from mainline.github.comment.workflow_run import Run, Skipped, finished_run

REPORT = "report"  # the artifact with report.md and review.json
PAGE = "report.html"
NOTHING_RAN = ("skipped", "action_required", "neutral", "stale")
MOST_FILES = 3_000  # that GitHub lists of a pull request


@dataclass(frozen=True)
class Delivery:
    """What became of it: `posted`, or the body for the job's summary and `kept`, why it stays there."""

    number: int
    body: str
    posted: Posted | None = None
    kept: str = ""
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
    if run.conclusion in NOTHING_RAN:
        raise Skipped(f"the run ended as {run.conclusion}: nothing has run")
    client = replace(GitHub.from_environment(environment), wait=wait)
    found = find_pull_request.open_pulls(client, run)

    artifacts = list(client.pages(f"actions/runs/{run.id}/artifacts", key="artifacts"))
    bundle, refused = opened(client, artifacts)
    pull = find_pull_request.choose(found, bundle.claim if bundle else None, run)
    number = int(pull["number"])
    text = body(
        Findings(
            run,
            changed_judges(client, pull),
            bundle.report if bundle else None,
            page(run, artifacts),
            refused,
            notes(bundle, run),
        )
    )
    find_pull_request.still_open(client, pull, run)
    cml, why = Cml.installed(client.api, client.repository, client.token, environment)
    marker = Marker(run.id, run.attempt, run.head_sha)
    try:
        with tempfile.TemporaryDirectory() as scratch:
            posted = post(client, number, text, title(run.workflow), marker, cml, Path(scratch))
    except NotAllowed as error:
        locked = "its conversation is locked" if pull.get("locked") else "this token may not comment"
        return Delivery(number, text, kept=f"{locked} ({error})", refused=refused or "")
    return Delivery(number, text, replace(posted, why_not_cml=posted.why_not_cml or why), refused=refused or "")


def opened(client: GitHub, artifacts: list[dict[str, Any]]) -> tuple[Bundle | None, str | None]:
    """The report, or why the one that is there is not shown; neither where the run left none."""
    artifact = newest(artifacts, REPORT)
    if artifact is None:
        return None, None
    try:
        if int(artifact["size_in_bytes"]) > LARGEST_ARCHIVE:
            raise Refused(f"the artifact has {int(artifact['size_in_bytes']) >> 20} MB, a report has not one")
        return unpack(client.download(f"actions/artifacts/{artifact['id']}/zip", LARGEST_ARCHIVE)), None
    except Refused as error:
        return None, str(error)
    except GitHubError as error:
        if error.code == 410:  # deleted since it was listed
            return None, None
        raise


def newest(artifacts: list[dict[str, Any]], name: str) -> dict[str, Any] | None:
    """Runs that were started again leave an artifact an attempt."""
    found = [one for one in artifacts if one["name"] == name and not one.get("expired")]
    return max(found, key=lambda one: int(one["id"]), default=None)


def page(run: Run, artifacts: list[dict[str, Any]]) -> str | None:
    """The address of the HTML report, put together from numbers: no text of the run is in it."""
    artifact = newest(artifacts, PAGE)
    return f"{run.url}/artifacts/{int(artifact['id'])}" if artifact else None


def changed_judges(client: GitHub, pull: find_pull_request.Pull) -> list[str] | None:
    """None where GitHub does not say, or not of all files: then nobody may be told that nothing changed."""
    try:
        files = list(client.pages(f"pulls/{pull['number']}/files"))
    except GitHubError:
        return None
    found = changed_gates.changed(files)
    return found if found or len(files) < MOST_FILES else None


def notes(bundle: Bundle | None, run: Run) -> tuple[str, ...]:
    if bundle is None:
        return ()
    attempt = bundle.claim.run_attempt
    earlier = attempt is not None and attempt < run.attempt
    said = (f"The report was left by attempt {attempt}; attempt {run.attempt} left none.",) if earlier else ()
    return (*said, *bundle.notes)
