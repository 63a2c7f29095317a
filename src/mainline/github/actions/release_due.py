"""Whether a commit of the default branch needs a release, decided before anything is installed or trained.

It is compared with the last released commit, not with the one before the push: so a later push also covers a run that
failed, or that GitHub dropped because a newer push was waiting.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mainline.github.actions import relevant_changes
from mainline.github.actions.release_page import Published, last, numbers
from mainline.github.client import GitHub
from mainline.runtime import git
from mainline.training.fingerprint import locked_packages

FIRST = (
    "nothing has been released yet, and a push does not begin: the first release is started manually: "
    "Actions → release → Run workflow. From then on every merge is a release"
)
EXPORT = "export"  # converts the model: not relevant for a review


@dataclass(frozen=True)
class Due:
    """`why` explains the decision to people."""

    due: bool
    why: str


def due(root: Path, event: str, github: GitHub) -> Due:
    """Whether the checkout's commit needs a release; `event` is the name of the event that started the run."""
    released = last(github)
    head = git.commit_of(root, "HEAD")
    if released is None and event == "push" and not numbers(github):
        # A repository made from the template begins with a push, of the example: nobody has asked to release that.
        return Due(False, FIRST)
    if released is None or head is None:
        return Due(True, "no page of a release says what was released last")
    if git.is_behind(root, head, released.commit):
        return Due(False, f"{released.tag} was made from a later commit: rollback.yml returns to an earlier version")
    if event != "push":
        return Due(True, "started manually")
    if git.commit_of(root, released.commit) is None:
        return Due(True, f"the commit of {released.tag} is not in this branch")
    if unchanged(root, released):
        return Due(False, f"nothing that differs from {released.tag} can change the model or its image")
    return Due(True, f"what differs from {released.tag} can change the model or its image")


def unchanged(root: Path, released: Published) -> bool:
    files = relevant_changes.harmless(root, released.commit)
    if files is None:
        return False
    return relevant_changes.LOCK not in files or (
        relevant_changes.locked_at(root, released.commit, EXPORT) == locked_packages(root, EXPORT)
    )
