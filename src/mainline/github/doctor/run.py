"""The visit: every check in its turn, and what an owner's token can turn on."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

from mainline.github.client import GitHub, GitHubError
from mainline.github.doctor import actions, owners, release, rules, security
from mainline.github.doctor.check import NOT_SHOWN, Check, Finding, Ground, Result
from mainline.github.repository import Place

PARTS = (actions, rules, owners, release, security)
CHECKS: tuple[Check, ...] = tuple(check for part in PARTS for check in part.CHECKS)
HIDDEN = (401, 403, 404)  # what GitHub answers to a token that may not look
REFUSED = (*HIDDEN, 409, 422)  # 409: an organisation's policy stands above


def visit(place: Place, root: Path, fix: bool = False) -> Iterator[Result]:
    """A result a check, in order; raises GitHubError where GitHub does not answer."""
    if place.missing:
        return (unseen(check, root) for check in CHECKS)
    return examine(place.client(), root, fix)


def examine(github: GitHub, root: Path, fix: bool) -> Iterator[Result]:
    ground = Ground(github, root)
    ground.values  # noqa: B018 - a repository that is not there is no matter of single settings
    return (attend(check, ground, fix) for check in CHECKS)


def attend(check: Check, ground: Ground, fix: bool) -> Result:
    """What a check finds; with `fix` what it finds after it has turned on what it could."""
    before = look(check, ground)
    if not fix or before.turn_on is None:
        return Result(check.name, check.necessary, before)
    try:
        before.turn_on()
    except GitHubError as error:
        if error.code not in REFUSED:
            raise
        told = dataclasses.replace(before, says=f"{before.says} (GitHub refused to change it: {error})", turn_on=None)
        return Result(check.name, check.necessary, told)
    after = look(check, ground)
    return Result(check.name, check.necessary, after, applied=after.state == "on")


def look(check: Check, ground: Ground) -> Finding:
    try:
        return check.look(ground)
    except GitHubError as error:
        if error.code not in HIDDEN:
            raise
        if ground.is_owner:
            return Finding("unseen", f"GitHub does not show it: {error}")
        return Finding("unseen", NOT_SHOWN)


def unseen(check: Check, root: Path) -> Result:
    """What the checkout alone tells of a check."""
    found = check.offline(root) if check.offline else Finding("unseen", "not seen")
    return Result(check.name, check.necessary, found)
