"""Who approved a merge into the default branch, and who approved a deployment, as GitHub's API has it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from mainline.github.client import GitHub

LOGIN = re.compile(r"[\w.-]{1,100}(\[bot\])?")
ENVIRONMENT = "production"
DECIDES = ("APPROVED", "CHANGES_REQUESTED", "DISMISSED")  # a comment takes no approval back


@dataclass(frozen=True)
class Merge:
    """Both empty for a commit that was pushed without a pull request."""

    pull_request: str = ""
    approver: str = ""


def of_commit(github: GitHub, commit: str) -> Merge:
    """The pull request that brought the commit, and who approved it; where nobody did, who merged it."""
    pulls = [pull for pull in github.pages(f"commits/{commit}/pulls") if pull["merged_at"]]
    brought = [pull for pull in pulls if pull.get("merge_commit_sha") == commit]
    # Of a rebase the last commit is the pull request's own; several could have brought it only by chance.
    found = brought or (pulls if len(pulls) == 1 else [])
    if not found:
        return Merge()
    number = int(found[0]["number"])
    approved = reviewers_who_approved(github, number)
    if approved:
        return Merge(str(number), ", ".join(approved))
    merger = login(github.get(f"pulls/{number}").get("merged_by"))
    return Merge(str(number), f"nobody, merged by {merger}" if merger else "nobody")


def reviewers_who_approved(github: GitHub, number: int) -> list[str]:
    """Those whose last word was an approval."""
    said: dict[str, str] = {}
    for review in github.pages(f"pulls/{number}/reviews"):
        who = login(review["user"])
        if who and review["state"] in DECIDES:
            said[who] = review["state"]
    return sorted(who for who, state in said.items() if state == "APPROVED")


def login(user: dict[str, Any] | None) -> str | None:
    """A name that can stand in one line of a log; None for a deleted account."""
    name = (user or {}).get("login") or ""
    return name if LOGIN.fullmatch(name) else None


def deployment_approvers(github: GitHub, run: int) -> str:
    """Those who approved the deployment of this run; `nobody` where the environment asks nobody.

    Raises
    ------
    GitHubError
        Where the token may not read runs (`actions: read`), or GitHub does not answer.
    """
    found = set()
    for each in github.get(f"actions/runs/{run}/approvals"):
        to = {environment.get("name") for environment in each["environments"]}
        if each["state"] == "approved" and ENVIRONMENT in to:
            found.add(login(each["user"]) or "a deleted account")
    return ", ".join(sorted(found)) or "nobody"
