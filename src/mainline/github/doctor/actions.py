"""Whether GitHub Actions may do what the workflows here want."""

from __future__ import annotations

import datetime as dt
import fnmatch
import re
from pathlib import Path
from typing import Any

from mainline.github.doctor.check import Check, Finding, Ground

USES = re.compile(r"^\s*(?:-\s+)?uses:\s*[\"']?([\w.-]+/[\w.-]+)[^@\s\"']*@([^\s\"'#]+)", re.MULTILINE)
GITHUBS_OWN = ("actions", "github")
# The doctor needs no package, so no YAML: a list of branches on one line, as the workflows here are written.
PUSHED = re.compile(r"^  push:(?:\n    | *\{ *)branches: *\[([^\]\n]*)\]", re.MULTILINE)
PERMISSIONS = "actions/permissions"
QUIET_DAYS, WARNED_DAYS = 60, 20  # GitHub's rule for public repositories, and how early it is told
ASLEEP = {
    "disabled_fork": "asleep since the repository was forked",
    "disabled_inactivity": f"asleep after {QUIET_DAYS} days without a commit",
    "disabled_manually": "switched off by hand",
}


def settings_page(ground: Ground) -> str:
    return f"{ground.page}/settings/actions"


def enabled(ground: Ground) -> Finding:
    now = ground.github.get(PERMISSIONS)
    if now["enabled"]:
        return Finding("on", "enabled")
    return Finding(
        "off",
        "disabled: no workflow runs",
        f"“Actions permissions” at {settings_page(ground)}",
        lambda: ground.github.put(PERMISSIONS, {**kept(now), "enabled": True}),
    )


def allowed(ground: Ground) -> Finding:
    """Whether the actions of other makers that the workflows use may run."""
    now = ground.github.get(PERMISSIONS)
    policy = now.get("allowed_actions", "all") if now["enabled"] else "all"
    if policy == "all":
        return Finding("on", "all may run")
    chosen = ground.github.get(f"{PERMISSIONS}/selected-actions") if policy == "selected" else {}
    refused = [name for name, ref in used(ground.root) if not may_run(name, ref, chosen)]
    if not refused:
        return Finding("on", "those that the workflows use may run")

    def allow() -> None:
        if policy != "selected":
            ground.github.put(PERMISSIONS, {**kept(now), "enabled": True, "allowed_actions": "selected"})
        patterns = [*chosen.get("patterns_allowed", []), *(f"{name}@*" for name in refused)]
        change = {"github_owned_allowed": True, "patterns_allowed": sorted(set(patterns))}
        ground.github.put(f"{PERMISSIONS}/selected-actions", {**chosen_settings(chosen), **change})

    names = ", ".join(refused)
    return Finding("off", f"not allowed to run: {names}", f"allow them at {settings_page(ground)}", allow)


def kept(now: dict[str, Any]) -> dict[str, Any]:
    """What a change of the permissions must not take back."""
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


def workflows(ground: Ground) -> Finding:
    here = sorted(path.name for path in ground.root.glob(".github/workflows/*.y*ml"))
    known = [one for one in ground.github.pages("actions/workflows", "workflows") if one["state"] != "deleted"]
    tab = f"{ground.page}/actions"
    if here and not known:
        return Finding("off", "none is known to GitHub: a fork starts with them off", f"the green button at {tab}")
    off = {one["path"].rpartition("/")[2]: one for one in known if one["state"] != "active"}
    if not off:
        return Finding("on", f"{len(known)} enabled, schedules too{asleep_soon(ground)}")

    def wake() -> None:
        for one in off.values():
            if one["state"] != "disabled_manually":
                ground.github.put(f"actions/workflows/{one['id']}/enable")

    says = "; ".join(f"{name} is {ASLEEP.get(one['state'], one['state'])}" for name, one in sorted(off.items()))
    by_hand = f"choose it at {tab}, then “Enable workflow”"
    # What somebody switched off by hand stays off until somebody switches it on.
    asleep = any(one["state"] != "disabled_manually" for one in off.values())
    return Finding("off", says, by_hand, wake if asleep else None)


def asleep_soon(ground: Ground) -> str:
    """A warning where a public repository has been quiet for so long that its schedules will soon be switched off."""
    pushed = ground.values.get("pushed_at")
    if not (ground.public and pushed):
        return ""
    quiet = (dt.datetime.now(dt.UTC) - dt.datetime.fromisoformat(pushed)).days
    if quiet < QUIET_DAYS - WARNED_DAYS:
        return ""
    left = max(QUIET_DAYS - quiet, 0)
    return f"; no commit for {quiet} days: GitHub switches schedules off in {left} days, any commit puts it off"


def triggers(ground: Ground) -> Finding:
    """Whether the workflows that a push to the default branch starts know what that is called."""
    deaf = [
        path.name for path in sorted(ground.root.glob(".github/workflows/*.y*ml")) if not hears(path, ground.branch)
    ]
    if not deaf:
        return Finding("on", f"a push to {ground.branch} starts them")
    nothing = ", so that nothing is ever released" if "release.yml" in deaf else ""
    return Finding(
        "off",
        f"a push to {ground.branch}, the default branch, does not start {', '.join(deaf)}{nothing}",
        f"rename the branch to main at {ground.page}/settings; or write {ground.branch} under `branches` in them, "
        "and as BASE in the Makefile",
    )


def hears(workflow: Path, branch: str) -> bool:
    """Whether a push to the branch starts a workflow that pushes to some branches start."""
    names = [name for found in PUSHED.findall(workflow.read_text(encoding="utf-8")) for name in found.split(",")]
    return not names or any(fnmatch.fnmatch(branch, name.strip(" \"'")) for name in names)


def token(ground: Ground) -> Finding:
    now = ground.github.get(f"{PERMISSIONS}/workflow")
    if now["default_workflow_permissions"] == "read":
        return Finding("on", "reads only, unless a job asks for more")
    return Finding(
        "off",
        "may write: a workflow that asks for nothing gets everything",
        f"“Workflow permissions” at {settings_page(ground)}",
        lambda: ground.github.put(f"{PERMISSIONS}/workflow", {**now, "default_workflow_permissions": "read"}),
    )


def pull_requests(ground: Ground) -> Finding:
    now = ground.github.get(f"{PERMISSIONS}/workflow")
    if now["can_approve_pull_request_reviews"]:
        return Finding("on", "retraining can open its pull request")
    return Finding(
        "off",
        "not allowed: retraining cannot open its pull request",
        f"“Allow GitHub Actions to create and approve pull requests” at {settings_page(ground)}",
        lambda: ground.github.put(f"{PERMISSIONS}/workflow", {**now, "can_approve_pull_request_reviews": True}),
    )


CHECKS = (
    Check("Actions", enabled),
    Check("allowed actions", allowed),
    Check("workflows", workflows),
    Check("default branch", triggers),
    Check("the default token", token),
    Check("pull requests by Actions", pull_requests),
)
