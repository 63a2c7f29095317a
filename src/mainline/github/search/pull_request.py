"""The pull request of a search's winner: one commit on main, made by GitHub's API, that changes `params.yaml`.

Of the file that the search left, only lines of the estimator's parameters, encodings and features may differ from
main's own.
"""

from __future__ import annotations

import base64
import datetime as dt
from typing import Any

from mainline.github.client import GitHub, GitHubError
from mainline.github.comment.markers import AUTHOR
from mainline.github.retraining.pull_request import (
    EXISTS,
    NOT_PERMITTED,
    Forbidden,
    Opened,
    Skipped,
    committed,
    move_branch,
)
from mainline.github.search.text import pull_request_text, title
from mainline.report.report_json import Report
from mainline.runtime import models
from mainline.search import changed_lines
from mainline.search.proposal import NAME, Proposal

Values = dict[str, Any]


def open_or_update(
    client: GitHub, proposal: Proposal, text: str, report: Report, run_url: str, now: dt.datetime
) -> Opened:
    """Open the pull request of a winner that passed its review, or update the one that is open.

    Raises
    ------
    DataError
        Where the text changes what a search has no business with.
    Skipped
        Where main has moved on, or someone else has committed to the branch.
    Forbidden
        Where the settings do not allow the pull request; its branch exists by then.
    """
    assert proposal.branch
    default = str(client.get("")["default_branch"])
    tip = str(client.get(f"git/ref/heads/{default}")["object"]["sha"])
    before = base64.b64decode(client.get(f"contents/{models.selected().params}", ref=tip)["content"]).decode()
    if before == text:
        raise Skipped("main has these settings already")
    if proposal.base != tip:
        raise Skipped(f"{default} has moved on from {(proposal.base or '?')[:10]}, which was searched: search again")
    changed_lines.check(before, text)
    commit = committed(client, tip, text.encode(), message(proposal), now, NAME)
    move_branch(client, proposal.branch, commit, tip)
    body = pull_request_text(proposal, tip, report, run_url)
    pull, updated = created_or_updated(client, proposal.branch, default, body)
    waits = (pull["user"] or {}).get("login") == AUTHOR
    return Opened(int(pull["number"]), pull["html_url"], updated, waits)


def message(proposal: Proposal) -> str:
    listed = "\n".join(f"- {change}" for change in proposal.changes)
    return f"{title()}\n\n{listed}\n\nStudy {proposal.study[:8]}: {proposal.inner}."


def standing(client: GitHub, branch: str, default: str) -> Values | None:
    """The open pull request from this branch of this repository."""
    for pull in client.pages("pulls", state="open", base=default):
        home = (pull["head"].get("repo") or {}).get("full_name", "")
        if pull["head"]["ref"] == branch and home.lower() == client.repository.lower():
            return dict(pull)
    return None


def created_or_updated(client: GitHub, branch: str, default: str, body: str) -> tuple[Values, bool]:
    content = {"title": title(), "body": body}
    there = standing(client, branch, default)
    if there:
        return client.patch(f"pulls/{there['number']}", content), True
    try:
        return client.post("pulls", {**content, "head": branch, "base": default}, repeatable=True), False
    except GitHubError as error:
        if NOT_PERMITTED in str(error):
            raise Forbidden(str(error), branch, default) from error
        # The first answer was lost, and the pull request had been opened.
        there = standing(client, branch, default) if EXISTS[1] in str(error).lower() else None
        if error.code != 422 or there is None:
            raise
        return there, False
