"""What stands between a merge and production: the environment with its reviewers, and who may pull the image."""

from __future__ import annotations

import fnmatch
from typing import Any
from urllib.parse import quote

from mainline.github.client import GitHubError
from mainline.github.doctor.check import Check, Finding, Ground

NAME = "production"


def environment(ground: Ground) -> Finding:
    now = existing(ground)
    page = f"{ground.page}/settings/environments"
    rules = {rule["type"]: rule for rule in (now or {}).get("protection_rules", [])}
    reviewers = (rules.get("required_reviewers") or {}).get("reviewers") or []
    lacking = []
    if not reviewers:
        lacking.append("nobody is asked before a deployment")
    policy = (now or {}).get("deployment_branch_policy")
    if not policy:
        lacking.append("every branch may deploy")
    elif policy["custom_branch_policies"] and not may_deploy(ground):
        lacking.append(f"{ground.branch} may not deploy, so that no release ends")
    if not lacking:
        names = ", ".join(one["reviewer"].get("login") or one["reviewer"].get("slug", "?") for one in reviewers)
        return Finding("on", f"{NAME} waits for {names}")
    says = f"{NAME} {'is not there' if now is None else 'is there'}: {' and '.join(lacking)}"
    return Finding("off", says, f"{NAME} at {page}", lambda: protect(ground, now))


def may_deploy(ground: Ground) -> bool:
    """Whether the default branch is among those that the environment takes."""
    names = [
        one["name"] for one in ground.github.pages(f"environments/{NAME}/deployment-branch-policies", "branch_policies")
    ]
    return any(fnmatch.fnmatch(ground.branch, name) for name in names)


def existing(ground: Ground) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = ground.github.get(f"environments/{NAME}")
    except GitHubError as error:
        if error.code == 404:
            return None
        raise
    return found


def protect(ground: Ground, now: dict[str, Any] | None) -> None:
    """Reviewers and the default branch alone, beside whatever is set: a change takes away what it does not repeat."""
    rules = {rule["type"]: rule for rule in (now or {}).get("protection_rules", [])}
    asked = rules.get("required_reviewers") or {}
    reviewers = [{"type": one["type"], "id": one["reviewer"]["id"]} for one in asked.get("reviewers") or []]
    policy = (now or {}).get("deployment_branch_policy")
    body = {
        "wait_timer": (rules.get("wait_timer") or {}).get("wait_timer", 0),
        # The owner alone would wait for somebody else for ever.
        "prevent_self_review": bool(asked.get("prevent_self_review")),
        "reviewers": reviewers or [{"type": "User", "id": reviewer(ground)}],
        "deployment_branch_policy": policy or {"protected_branches": False, "custom_branch_policies": True},
    }
    ground.github.put(f"environments/{NAME}", body)
    if (not policy or policy["custom_branch_policies"]) and not may_deploy(ground):
        ground.github.post(f"environments/{NAME}/deployment-branch-policies", {"name": ground.branch})


def reviewer(ground: Ground) -> int:
    """The owner where that is a person, else whoever runs this."""
    owner = ground.values["owner"]
    return int(owner["id"] if owner["type"] == "User" else ground.github.get("/user")["id"])


def packages(ground: Ground) -> Finding:
    """Images are as visible as somebody made them; GitHub lets that be changed on its pages only."""
    owner = ground.values["owner"]
    owners = "orgs" if owner["type"] == "Organization" else "users"
    path = f"/{owners}/{quote(owner['login'])}/packages"
    there = list(ground.github.pages(path, package_type="container"))
    found = [one for one in there if (one.get("repository") or {}).get("full_name") == ground.values["full_name"]]
    ours = str(ground.values["name"]).lower()
    strange = [one["name"] for one in there if one["name"] in (ours, f"{ours}/state") and one not in found]
    if strange:
        says = f"{', '.join(strange)}: not this repository's, so that release.yml may not push there"
        return Finding("off", says, f"“Manage Actions access”, role Write, at {settings_of(ground, strange[0])}")
    if not found:
        return Finding("on", "none yet: the first release makes them")
    wanted = "public" if ground.public else "private"
    other = [one for one in found if one["visibility"] != wanted]
    if not other:
        return Finding("on", f"{wanted}, as the repository is")
    names = ", ".join(one["name"] for one in other)
    why = "whoever pulls must sign in" if ground.public else "everybody can pull, though the repository is private"
    return Finding("off", f"{names}: {why}", f"“Change visibility” at {settings_of(ground, other[0]['name'])}")


def settings_of(ground: Ground, package: str) -> str:
    """The page of a package's settings."""
    owner = ground.values["owner"]
    owners = "orgs" if owner["type"] == "Organization" else "users"
    site = ground.page.removesuffix(f"/{ground.values['full_name']}")
    return f"{site}/{owners}/{owner['login']}/packages/container/{quote(package, safe='')}/settings"


CHECKS = (Check("environment", environment, necessary=False), Check("images", packages, necessary=False))
