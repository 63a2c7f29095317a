"""Who approved a merge into the default branch, and who approved a deployment, by GitHub's API."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from mainline.github.client import GitHub

LOGIN = re.compile(r"[\w.-]{1,100}(\[bot\])?")
ENVIRONMENT = "production"
NOBODY = "nobody"
DECIDES = ("APPROVED", "CHANGES_REQUESTED", "DISMISSED")  # a comment does not withdraw an approval


@dataclass(frozen=True)
class Merge:
    """Both are empty for a commit that was pushed without a pull request."""

    pull_request: str = ""
    approver: str = ""


def of_commit(github: GitHub, commit: str) -> Merge:
    """The pull request of a commit, and who approved it; where nobody did, who merged it."""
    pulls = [pull for pull in github.pages(f"commits/{commit}/pulls") if pull["merged_at"]]
    merged = [pull for pull in pulls if pull.get("merge_commit_sha") == commit]
    # A rebase merge keeps the pull request's own last commit; with several pull requests the answer is unclear.
    found = merged or (pulls if len(pulls) == 1 else [])
    if not found:
        return Merge()
    number = int(found[0]["number"])
    approved = reviewers_who_approved(github, number)
    if approved:
        return Merge(str(number), ", ".join(approved))
    merger = login(github.get(f"pulls/{number}").get("merged_by"))
    return Merge(str(number), f"{NOBODY}, merged by {merger}" if merger else NOBODY)


def reviewers_who_approved(github: GitHub, number: int) -> list[str]:
    """The reviewers whose last decision is an approval."""
    decisions: dict[str, str] = {}
    for review in github.pages(f"pulls/{number}/reviews"):
        who = login(review["user"])
        if who and review["state"] in DECIDES:
            decisions[who] = review["state"]
    return sorted(who for who, state in decisions.items() if state == "APPROVED")


def login(user: dict[str, Any] | None) -> str | None:
    """A login that fits into one line of a log; None for a deleted account."""
    name = (user or {}).get("login") or ""
    return name if LOGIN.fullmatch(name) else None


def deployment_approvers(github: GitHub, run: int) -> str:
    """Who approved the deployment of this run; `nobody` where the environment needs no approval.

    Raises
    ------
    GitHubError
        Where the token may not read runs (`actions: read`), or GitHub does not answer.
    """
    found = set()
    for approval in github.get(f"actions/runs/{run}/approvals"):
        names = {environment.get("name") for environment in approval["environments"]}
        if approval["state"] == "approved" and ENVIRONMENT in names:
            found.add(login(approval["user"]) or "a deleted account")
    return ", ".join(sorted(found)) or NOBODY
