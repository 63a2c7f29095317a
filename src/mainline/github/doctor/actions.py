"""Whether GitHub Actions may do what these workflows need."""

from __future__ import annotations

import datetime as dt
import fnmatch
import re
from pathlib import Path
from typing import Any

from mainline.github.doctor.check import Check, Finding, Target

USES = re.compile(r"^\s*(?:-\s+)?uses:\s*[\"']?([\w.-]+/[\w.-]+)[^@\s\"']*@([^\s\"'#]+)", re.MULTILINE)
GITHUBS_OWN = ("actions", "github")
# The doctor needs no package, so it has no YAML parser: branches are a list on one line in these workflows.
PUSHED = re.compile(r"^  push:(?:\n    | *\{ *)branches: *\[([^\]\n]*)\]", re.MULTILINE)
PERMISSIONS = "actions/permissions"
QUIET_DAYS, WARNED_DAYS = 60, 20  # GitHub's rule for public repositories, and how early we warn
DISABLED = {
    "disabled_fork": "disabled since the repository was forked",
    "disabled_inactivity": f"disabled by GitHub after {QUIET_DAYS} days without a commit",
    "disabled_manually": "disabled manually",
}


def settings_page(target: Target) -> str:
    return f"{target.page}/settings/actions"


def enabled(target: Target) -> Finding:
    now = target.github.get(PERMISSIONS)
    if now["enabled"]:
        return Finding("on", "enabled")
    return Finding(
        "off",
        "disabled: no workflow runs",
        f"“Actions permissions” at {settings_page(target)}",
        lambda: target.github.put(PERMISSIONS, {**kept(now), "enabled": True}),
    )


def allowed(target: Target) -> Finding:
    """Whether the third-party actions that the workflows use may run."""
    now = target.github.get(PERMISSIONS)
    policy = now.get("allowed_actions", "all") if now["enabled"] else "all"
    if policy == "all":
        return Finding("on", "all actions may run")
    chosen = target.github.get(f"{PERMISSIONS}/selected-actions") if policy == "selected" else {}
    refused = [name for name, ref in used(target.root) if not may_run(name, ref, chosen)]
    if not refused:
        return Finding("on", "the actions that the workflows use may run")

    def allow() -> None:
        if policy != "selected":
            target.github.put(PERMISSIONS, {**kept(now), "enabled": True, "allowed_actions": "selected"})
        patterns = [*chosen.get("patterns_allowed", []), *(f"{name}@*" for name in refused)]
        change = {"github_owned_allowed": True, "patterns_allowed": sorted(set(patterns))}
        target.github.put(f"{PERMISSIONS}/selected-actions", {**chosen_settings(chosen), **change})

    names = ", ".join(refused)
    return Finding("off", f"not allowed to run: {names}", f"allow them at {settings_page(target)}", allow)


def kept(now: dict[str, Any]) -> dict[str, Any]:
    """Permissions that a change must repeat, or GitHub resets them."""
    return {name: now[name] for name in ("allowed_actions", "sha_pinning_required") if name in now}


def chosen_settings(chosen: dict[str, Any]) -> dict[str, Any]:
    return {name: chosen[name] for name in ("verified_allowed",) if name in chosen}


def used(root: Path) -> list[tuple[str, str]]:
    """The actions that the workflows and the actions of this checkout use, each once: `owner/name` and its commit."""
    files = [*root.glob(".github/workflows/*.y*ml"), *root.glob(".github/actions/*/action.y*ml")]
    return sorted({(name, ref) for file in files for name, ref in USES.findall(file.read_text(encoding="utf-8"))})


def may_run(name: str, ref: str, chosen: dict[str, Any]) -> bool:
    if name.partition("/")[0] in GITHUBS_OWN and chosen.get("github_owned_allowed"):
        return True
    return any(fnmatch.fnmatch(f"{name}@{ref}", one) for one in chosen.get("patterns_allowed", []))


def workflows(target: Target) -> Finding:
    here = sorted(path.name for path in target.root.glob(".github/workflows/*.y*ml"))
    known = [one for one in target.github.pages("actions/workflows", "workflows") if one["state"] != "deleted"]
    tab = f"{target.page}/actions"
    if here and not known:
        return Finding("off", "GitHub knows none: in a new fork they are off", f"click the green button at {tab}")
    off = {one["path"].rpartition("/")[2]: one for one in known if one["state"] != "active"}
    if not off:
        return Finding("on", f"{len(known)} enabled, including schedules{disabled_soon(target)}")

    def enable() -> None:
        for one in off.values():
            if one["state"] != "disabled_manually":
                target.github.put(f"actions/workflows/{one['id']}/enable")

    text = "; ".join(f"{name} is {DISABLED.get(one['state'], one['state'])}" for name, one in sorted(off.items()))
    by_hand = f"select it at {tab}, then “Enable workflow”"
    # What somebody disabled manually stays off until somebody switches it on.
    asleep = any(one["state"] != "disabled_manually" for one in off.values())
    return Finding("off", text, by_hand, enable if asleep else None)


def disabled_soon(target: Target) -> str:
    """A warning if a public repository has had no commit for so long that GitHub will soon disable its schedules."""
    pushed = target.values.get("pushed_at")
    if not (target.public and pushed):
        return ""
    quiet = (dt.datetime.now(dt.UTC) - dt.datetime.fromisoformat(pushed)).days
    if quiet < QUIET_DAYS - WARNED_DAYS:
        return ""
    left = max(QUIET_DAYS - quiet, 0)
    return f"; no commit for {quiet} days: GitHub disables schedules in {left} days, any commit prevents it"


def triggers(target: Target) -> Finding:
    """Whether the workflows that a push to `main` starts name the default branch."""
    silent = [
        path.name
        for path in sorted(target.root.glob(".github/workflows/*.y*ml"))
        if not starts_on_push(path, target.branch)
    ]
    if not silent:
        return Finding("on", f"a push to {target.branch} starts them")
    nothing = ", so nothing is ever released" if "release.yml" in silent else ""
    return Finding(
        "off",
        f"a push to {target.branch}, the default branch, does not start {', '.join(silent)}{nothing}",
        f"rename the branch to main at {target.page}/settings; or write {target.branch} under `branches` in them, "
        "and as BASE in the Makefile",
    )


def starts_on_push(workflow: Path, branch: str) -> bool:
    """Whether a push to the branch starts a workflow that pushes to some branches start."""
    names = [name for found in PUSHED.findall(workflow.read_text(encoding="utf-8")) for name in found.split(",")]
    return not names or any(fnmatch.fnmatch(branch, name.strip(" \"'")) for name in names)


def token(target: Target) -> Finding:
    now = target.github.get(f"{PERMISSIONS}/workflow")
    if now["default_workflow_permissions"] == "read":
        return Finding("on", "read only, unless a job requests more")
    return Finding(
        "off",
        "may write: a workflow without `permissions` gets all of them",
        f"“Workflow permissions” at {settings_page(target)}",
        lambda: target.github.put(f"{PERMISSIONS}/workflow", {**now, "default_workflow_permissions": "read"}),
    )


def pull_requests(target: Target) -> Finding:
    now = target.github.get(f"{PERMISSIONS}/workflow")
    if now["can_approve_pull_request_reviews"]:
        return Finding("on", "retraining can open its pull request")
    return Finding(
        "off",
        "not allowed: retraining cannot open its pull request",
        f"“Allow GitHub Actions to create and approve pull requests” at {settings_page(target)}",
        lambda: target.github.put(f"{PERMISSIONS}/workflow", {**now, "can_approve_pull_request_reviews": True}),
    )


CHECKS = (
    Check("Actions", enabled),
    Check("allowed actions", allowed),
    Check("workflows", workflows),
    Check("default branch", triggers),
    Check("the default token", token),
    Check("pull requests by Actions", pull_requests),
)
