"""Who let a run through to the environment `production`, as GitHub's API has it."""

from __future__ import annotations

from mainline.ci.merged import login
from mainline.github import GitHub

ENVIRONMENT = "production"


def approvers(github: GitHub, run: int) -> str:
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
