"""Between a merge and production: the environment with its reviewers, and who may pull the image."""

from __future__ import annotations

import fnmatch
from typing import Any
from urllib.parse import quote

from mainline.github.client import GitHubError
from mainline.github.doctor.check import Check, Finding, Target

NAME = "production"
BILLING = "billing plan"  # GitHub's words where it refuses approvals
UNASKED = (
    "a deployment needs no approval (in a private repository only GitHub Enterprise asks for one; elsewhere the audit "
    "log names who approved the pull request)"
)
STATE = "everyone can pull it, with the holdout's labels and scores, every model and the audit log"


def plan(target: Target) -> Finding:
    """What depends on the owner's plan, which GitHub does not tell: a public repository has everything."""
    if target.public:
        return Finding("on", "public: rules, approvals and attestations are there on every plan")
    text = (
        "private: approvals and attestations need GitHub Enterprise, branch rules Pro or Team; docs/release.md: Plans"
    )
    return Finding("absent", text)


def environment(target: Target) -> Finding:
    now = existing(target)
    page = f"{target.page}/settings/environments"
    rules = {rule["type"]: rule for rule in (now or {}).get("protection_rules", [])}
    reviewers = (rules.get("required_reviewers") or {}).get("reviewers") or []
    missing = []
    if not reviewers:
        missing.append("a deployment needs no approval" if target.public else UNASKED)
    policy = (now or {}).get("deployment_branch_policy")
    if not policy:
        missing.append("every branch may deploy")
    elif policy["custom_branch_policies"] and not may_deploy(target):
        missing.append(f"{target.branch} may not deploy, so no release finishes")
    if not missing:
        names = ", ".join(one["reviewer"].get("login") or one["reviewer"].get("slug", "?") for one in reviewers)
        return Finding("on", f"{NAME} waits for {names}")
    text = f"{NAME} {'does not exist' if now is None else 'exists'}: {' and '.join(missing)}"
    return Finding("off", text, f"{NAME} at {page}", lambda: protect(target, now))


def may_deploy(target: Target) -> bool:
    """Whether the environment allows deployments from the default branch."""
    names = [
        one["name"] for one in target.github.pages(f"environments/{NAME}/deployment-branch-policies", "branch_policies")
    ]
    return any(fnmatch.fnmatch(target.branch, name) for name in names)


def existing(target: Target) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = target.github.get(f"environments/{NAME}")
    except GitHubError as error:
        if error.code == 404:
            return None
        raise
    return found


def protect(target: Target, now: dict[str, Any] | None) -> None:
    """Set reviewers and the default branch, and repeat what is set already: GitHub resets what a change leaves out."""
    rules = {rule["type"]: rule for rule in (now or {}).get("protection_rules", [])}
    asked = rules.get("required_reviewers") or {}
    reviewers = [{"type": one["type"], "id": one["reviewer"]["id"]} for one in asked.get("reviewers") or []]
    policy = (now or {}).get("deployment_branch_policy")
    body = {
        "wait_timer": (rules.get("wait_timer") or {}).get("wait_timer", 0),
        # A single owner would wait for another person forever.
        "prevent_self_review": bool(asked.get("prevent_self_review")),
        "reviewers": reviewers or [{"type": "User", "id": reviewer(target)}],
        "deployment_branch_policy": policy or {"protected_branches": False, "custom_branch_policies": True},
    }
    try:
        target.github.put(f"environments/{NAME}", body)
    except GitHubError as error:
        if error.code != 422 or BILLING not in str(error):
            raise
        # With any of the other fields, even at its default, this plan refuses the whole change.
        limited = {"deployment_branch_policy": body["deployment_branch_policy"]}
        target.github.put(f"environments/{NAME}", limited)
    if (not policy or policy["custom_branch_policies"]) and not may_deploy(target):
        target.github.post(f"environments/{NAME}/deployment-branch-policies", {"name": target.branch})


def reviewer(target: Target) -> int:
    """The owner if that is a person, else the user of the token."""
    owner = target.values["owner"]
    return int(owner["id"] if owner["type"] == "User" else target.github.get("/user")["id"])


def packages(target: Target) -> Finding:
    """Who may push and pull images; GitHub lets that be changed on its pages only."""
    owner = target.values["owner"]
    owners = "orgs" if owner["type"] == "Organization" else "users"
    path = f"/{owners}/{quote(owner['login'])}/packages"
    there = list(target.github.pages(path, package_type="container"))
    found = [one for one in there if (one.get("repository") or {}).get("full_name") == target.values["full_name"]]
    ours = str(target.values["name"]).lower()
    foreign = [one["name"] for one in there if f"{one['name']}/".startswith(f"{ours}/") and one not in found]
    if foreign:
        text = f"{', '.join(foreign)}: belongs to another repository, so release.yml may not push to it"
        return Finding("off", text, f"“Manage Actions access”, role Write, at {settings_of(target, foreign[0])}")
    if not found:
        return Finding("on", "none yet: the first release creates them")
    open_state = [one["name"] for one in found if is_state(one) and one["visibility"] == "public"]
    if open_state:
        text = f"{', '.join(open_state)}: {STATE}"
        return Finding("off", text, f"“Change visibility” at {settings_of(target, open_state[0])}")
    wanted = "public" if target.public else "private"
    other = [one["name"] for one in found if one["visibility"] != wanted and not is_state(one)]
    if not other:
        return Finding("on", f"{wanted}, as the repository is; the state is private")
    why = "to pull it, users must sign in" if target.public else "everyone can pull it, but the repository is private"
    return Finding("off", f"{', '.join(other)}: {why}", f"“Change visibility” at {settings_of(target, other[0])}")


def is_state(package: dict[str, Any]) -> bool:
    return "/state/" in f"{package['name']}/"  # of several models, each has its own below it


def settings_of(target: Target, package: str) -> str:
    """The page of a package's settings."""
    owner = target.values["owner"]
    owners = "orgs" if owner["type"] == "Organization" else "users"
    site = target.page.removesuffix(f"/{target.values['full_name']}")
    return f"{site}/{owners}/{owner['login']}/packages/container/{quote(package, safe='')}/settings"


CHECKS = (
    Check("plan", plan, necessary=False),
    Check("environment", environment, necessary=False),
    Check("images", packages, necessary=False),
)
