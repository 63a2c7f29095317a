"""The retraining's pull request: the commit is made by GitHub's API, the pull request opened or updated.

Nothing of a checkout is pushed: the commit is main's own settings of the model with another date, and that date is all
that is taken from the job that ran the model's code, besides the values of its report. `gh` and `cml pr` would need
git's credentials in a checkout, and cannot be checked against a description of the API.
"""

from __future__ import annotations

import base64
import datetime as dt
from dataclasses import dataclass
from typing import Any

from mainline.errors import ConfigurationError
from mainline.github.client import GitHub, GitHubError
from mainline.github.comment.markers import AUTHOR
from mainline.github.retraining import history
from mainline.github.retraining.text import pull_request_text, title
from mainline.report.report_json import Report
from mainline.retraining import data_until
from mainline.retraining.proposal import Proposal
from mainline.retraining.rules import EMAIL, NAME, Attempt, newest
from mainline.runtime import models

Values = dict[str, Any]
NOT_PERMITTED = "not permitted to create or approve pull requests"
EXISTS = ("reference already exists", "already exists for")


class Skipped(Exception):
    """There is nothing to open, and nothing is wrong."""


class Forbidden(Exception):
    """The repository's settings do not let this token open a pull request; both branches exist."""

    def __init__(self, message: str, branch: str, default: str) -> None:
        super().__init__(message)
        self.branch, self.default = branch, default


@dataclass(frozen=True)
class Opened:
    """`waits`: its checks start when someone approves them, because a workflow's own token opened it."""

    number: int
    url: str
    updated: bool
    waits: bool


def open_or_update(client: GitHub, proposal: Proposal, report: Report, run_url: str, now: dt.datetime) -> Opened:
    """Open the pull request of a proposal that is ready, or update the one that is open.

    Raises
    ------
    Skipped
        Where main has these data already, or someone else has committed to the branch.
    Forbidden
        Where the settings do not allow the pull request; its branch exists by then.
    """
    assert proposal.until
    default = str(client.get("")["default_branch"])
    tip = str(client.get(f"git/ref/heads/{default}")["object"]["sha"])
    text = base64.b64decode(client.get(f"contents/{models.selected().params}", ref=tip)["content"])
    if data_until.shown(text) >= proposal.until:
        raise Skipped(f"main has data until {data_until.shown(text)} already")
    standing = newest([one for one in history.attempts(client, default, tip) if one.state == "open"])
    if standing and standing.edited:
        raise Skipped(f"{standing.called} has commits by someone else and is left as it is")
    branch = standing.branch if standing else proposal.branch
    if branch is None:
        raise ConfigurationError("the retraining names no branch for its pull request")
    opened = standing.opened if standing else now
    commit = committed(client, tip, data_until.moved(text, proposal.until), title(proposal), opened)
    move_branch(client, branch, commit, tip)
    body = pull_request_text(proposal, tip, report, run_url)
    pull = created_or_updated(client, standing, title(proposal), body, branch, default)
    waits = (pull["user"] or {}).get("login") == AUTHOR  # another App's pull request starts its checks by itself
    return Opened(int(pull["number"]), pull["html_url"], standing is not None, waits)


def committed(client: GitHub, tip: str, text: bytes, message: str, when: dt.datetime, name: str = NAME) -> str:
    """A commit on top of `tip` in which the file has this text and nothing else differs; no branch leads to it yet."""
    entry = {"path": str(models.selected().params), "mode": "100644", "type": "blob", "content": text.decode()}
    below = client.get(f"git/commits/{tip}")["tree"]["sha"]
    tree = client.post("git/trees", {"base_tree": below, "tree": [entry]}, repeatable=True)["sha"]
    who = {"name": name, "email": EMAIL, "date": when.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
    content = {"message": message, "tree": tree, "parents": [tip], "author": who, "committer": who}
    return str(client.post("git/commits", content, repeatable=True)["sha"])


def move_branch(client: GitHub, branch: str, commit: str, tip: str) -> None:
    """Set the branch to the commit, in one step; a branch with commits by someone else stays as it is."""
    for _ in range(2):
        there = [one for one in client.get(f"git/matching-refs/heads/{branch}") if one["ref"] == f"refs/heads/{branch}"]
        if there:
            if not history.is_ours(client, tip, there[0]["object"]["sha"]):
                raise Skipped(f"the branch {branch} has commits by someone else and is left as it is")
            client.patch(f"git/refs/heads/{branch}", {"sha": commit, "force": True})
            return
        try:
            client.post("git/refs", {"ref": f"refs/heads/{branch}", "sha": commit}, repeatable=True)
            return
        except GitHubError as error:
            # Repeated after a lost answer, or created by someone else meanwhile.
            if error.code != 422 or EXISTS[0] not in str(error).lower():
                raise
    raise Skipped(f"the branch {branch} was created and deleted meanwhile: someone else is working on it")


def created_or_updated(
    client: GitHub, standing: Attempt | None, title: str, body: str, branch: str, default: str
) -> Values:
    content = {"title": title, "body": body}
    found: Values
    try:
        if standing:
            found = client.patch(f"pulls/{standing.called.removeprefix('#')}", content)
        else:
            found = client.post("pulls", {**content, "head": branch, "base": default}, repeatable=True)
    except GitHubError as error:
        if NOT_PERMITTED in str(error):
            raise Forbidden(str(error), branch, default) from error
        if error.code == 422 and EXISTS[1] in str(error).lower():
            # The first answer was lost, and the pull request had been opened.
            for pull in client.pages("pulls", state="open", base=default):
                if pull["head"]["ref"] == branch and history.is_retraining(client, pull):
                    return pull
        raise
    return found
