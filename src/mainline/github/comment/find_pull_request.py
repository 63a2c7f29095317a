"""Which pull request a run belongs to: by its commit on GitHub; the run's claim only chooses between several."""

from __future__ import annotations

from typing import Any

from mainline.errors import Refused
from mainline.github.client import GitHub
from mainline.github.comment.artifact import Claim
from mainline.github.comment.workflow_run import Run, Skipped

Pull = dict[str, Any]


def open_pulls(client: GitHub, run: Run) -> list[Pull]:
    """Open pull requests whose head is the run's commit now.

    Raises
    ------
    Skipped
        Where there is none: closed, updated to a newer commit, or it never existed.
    """
    known = _with_head(client, run)
    found = [pull for pull in known if pull["state"] == "open" and pull["head"]["sha"] == run.head_sha]
    if found:
        return found
    for pull in known:
        if pull["state"] == "open":
            moved = f"#{pull['number']} has moved on from {run.head_sha[:12]} to {pull['head']['sha'][:12]}"
            raise Skipped(f"{moved}: the newer commit gets its own report")
    for pull in known:
        if pull["head"]["sha"] == run.head_sha:
            raise Skipped(f"#{pull['number']} is closed: it needs no report")
    raise Skipped(f"no open pull request has {run.head_sha[:12]} as its head")


def choose(found: list[Pull], claim: Claim | None, run: Run) -> Pull:
    """The pull request of the report; raises Refused where the artifact's claim contradicts GitHub."""
    numbers = [pull["number"] for pull in found]
    claimed = claim.pull_request if claim else None
    if claim:
        _agrees("the run", claim.run_id, run.id)
        _agrees("the commit", claim.head_sha, run.head_sha)
        if claim.run_attempt is not None and not 1 <= claim.run_attempt <= run.attempt:
            raise Refused(f"the artifact says attempt {claim.run_attempt} of the run, this is attempt {run.attempt}")
    if claimed is not None and claimed not in numbers:
        ours = " and ".join(f"#{number}" for number in numbers)
        raise Refused(f"the artifact says that it is for #{claimed}; commit {run.head_sha[:12]} is the head of {ours}")
    if claimed is None and len(found) > 1:
        ours = " and ".join(f"#{number}" for number in numbers)
        raise Skipped(f"{ours} have the same head, and the run left no claim that chooses between them")
    return next(pull for pull in found if claimed in (None, pull["number"]))


def still_open(client: GitHub, pull: Pull, run: Run) -> Pull:
    """The pull request as it is now; raises Skipped where it was closed or updated meanwhile."""
    now: Pull = client.get(f"pulls/{pull['number']}")
    if now["state"] != "open":
        raise Skipped(f"#{pull['number']} has been closed")
    if now["head"]["sha"] != run.head_sha:
        raise Skipped(
            f"#{pull['number']} has moved on to {now['head']['sha'][:12]}: the newer commit gets its own report"
        )
    return now


def _with_head(client: GitHub, run: Run) -> list[Pull]:
    """In any state; among all open ones where the fork was deleted."""
    found = []
    if run.head_owner:
        found = list(client.pages("pulls", state="all", head=f"{run.head_owner}:{run.head_branch}"))
    return [pull for pull in found or client.pages("pulls", state="open") if _is_from(client, run, pull)]


def _is_from(client: GitHub, run: Run, pull: Pull) -> bool:
    source, home = pull["head"].get("repo"), str(pull["base"]["repo"]["full_name"])
    if source and run.head_repository and source["full_name"] != run.head_repository:
        return False
    return home.lower() == client.repository.lower() and bool(pull["head"]["ref"] == run.head_branch)


def _agrees(what: str, claimed: object, known: object) -> None:
    if claimed is not None and claimed != known:
        raise Refused(f"the artifact says that {what} is {str(claimed)[:60]!r}, it is {known}")
