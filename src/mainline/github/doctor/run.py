"""Run every check in order, and turn on what an owner's token can."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

from mainline.github.client import GitHub, GitHubError
from mainline.github.doctor import actions, owners, release, rules, security
from mainline.github.doctor.check import NOT_SHOWN, Check, Finding, Result, Target
from mainline.github.repository import Connection

PARTS = (actions, rules, owners, release, security)
CHECKS: tuple[Check, ...] = (security.GRAPH, *(check for part in PARTS for check in part.CHECKS))
HIDDEN = (401, 403, 404)  # GitHub's answers to a token that may not read a setting
UPGRADE = "Upgrade to GitHub"  # what GitHub says where a plan does not have something
REFUSED = (*HIDDEN, 409, 422)  # 409: an organisation's policy forbids it


def run(connection: Connection, root: Path, fix: bool = False) -> Iterator[Result]:
    """One result per check, in order; raises GitHubError where GitHub does not answer."""
    if connection.missing:
        return (unseen(check, root) for check in CHECKS)
    return run_checks(connection.client(), root, fix)


def run_checks(github: GitHub, root: Path, fix: bool) -> Iterator[Result]:
    target = Target(github, root)
    target.values  # noqa: B018 - a missing repository fails here, not in each check
    return (run_check(check, target, fix) for check in CHECKS)


def run_check(check: Check, target: Target, fix: bool) -> Result:
    """The result of a check; with `fix`, after turning on what it can."""
    before = look(check, target)
    if not fix or before.turn_on is None:
        return Result(check.name, check.necessary, before)
    try:
        before.turn_on()
    except GitHubError as error:
        if error.code not in REFUSED:
            raise
        refused = dataclasses.replace(
            before, text=f"{before.text} (GitHub refused to change it: {error})", turn_on=None
        )
        return Result(check.name, check.necessary, refused)
    after = look(check, target)
    return Result(check.name, check.necessary, after, applied=after.state == "on")


def look(check: Check, target: Target) -> Finding:
    try:
        return check.look(target)
    except GitHubError as error:
        if error.code not in HIDDEN:
            raise
        if UPGRADE in str(error):
            return Finding("absent", check.absent or str(error))
        if target.is_owner:
            return Finding("unseen", f"GitHub does not show it: {error}")
        return Finding("unseen", NOT_SHOWN)


def unseen(check: Check, root: Path) -> Result:
    """The result of a check from the checkout alone."""
    found = check.offline(root) if check.offline else Finding("unseen", "not checked")
    return Result(check.name, check.necessary, found)
