"""The event that started a run, and the commit that it is compared with.

Titles, branch names and messages are chosen by contributors: they are read from the event's file, never from a
command line.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mainline.errors import ConfigurationError
from mainline.runtime import git

NO_COMMIT = "0" * 40
BASE = "base/"  # a remote name of our own, so that a clone's real branches do not change


@dataclass(frozen=True)
class Event:
    """What is known about the run; `number` is the pull request's, `head` the commit that its author pushed."""

    name: str
    ref: str
    head: str
    base: str  # the branch to compare with
    default: str
    number: int | None
    claimed_base: str | None  # the base's commit in the event
    run_id: str
    run_attempt: str
    is_fork: bool = False  # a pull request from another repository, which gets no secret

    @property
    def is_default(self) -> bool:
        """Whether this is a push to the default branch, which is compared with its own previous commit."""
        return self.name == "push" and self.ref == f"refs/heads/{self.default}"

    @property
    def claim(self) -> dict[str, Any]:
        """What the comment job gets; it believes none of it before GitHub's API confirms it."""
        run = {"run_id": self.run_id, "run_attempt": self.run_attempt}
        return {"pull_request": self.number, "head_sha": self.head, **run}


def read(environment: Mapping[str, str]) -> Event:
    """The event of this run.

    Raises
    ------
    ConfigurationError
        Outside GitHub Actions and `make ci`.
    """
    found = payload(environment)
    name, ref, sha = (required(environment, f"GITHUB_{name}") for name in ("EVENT_NAME", "REF", "SHA"))
    pull, group = found.get("pull_request") or {}, found.get("merge_group") or {}
    default = str((found.get("repository") or {}).get("default_branch") or "main")
    before = found.get("before") if name == "push" else None
    return Event(
        name=name,
        ref=ref,
        head=str((pull.get("head") or {}).get("sha") or sha),
        base=str(
            (pull.get("base") or {}).get("ref") or group.get("base_ref", "").removeprefix("refs/heads/") or default
        ),
        default=default,
        number=int(pull["number"]) if pull else None,
        claimed_base=(pull.get("base") or {}).get("sha")
        or group.get("base_sha")
        or (before if before != NO_COMMIT else None),
        run_id=environment.get("GITHUB_RUN_ID", ""),
        run_attempt=environment.get("GITHUB_RUN_ATTEMPT", ""),
        is_fork=bool(pull) and _repository(pull, "head") != _repository(pull, "base"),
    )


def _repository(pull: dict[str, Any], side: str) -> object:
    return ((pull.get(side) or {}).get("repo") or {}).get("full_name")


def payload(environment: Mapping[str, str]) -> dict[str, Any]:
    """What GitHub says of the event; raises ConfigurationError outside GitHub Actions."""
    try:
        found: dict[str, Any] = json.loads(Path(required(environment, "GITHUB_EVENT_PATH")).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"cannot read the event's file: {error}") from None
    return found


def required(environment: Mapping[str, str], name: str) -> str:
    try:
        return environment[name]
    except KeyError:
        raise ConfigurationError(f"{name} is not set: this runs in GitHub Actions; use make run or make ci") from None


def find_base(root: Path, event: Event) -> str | None:
    """The commit to compare with, if this checkout has it.

    For a pull request, the commit onto which it would be merged: the first parent of GitHub's merge commit, which may
    be newer than the event's. For a push to the default branch and for a merge queue's group, the commit before. Else
    the newest commit of the default branch.
    """
    parents = (git.git(root, "rev-list", "--parents", "--max-count=1", "HEAD") or "").split()[1:]
    if event.number is not None:
        if len(parents) == 2 and parents[1] == event.head:
            return parents[0]
        return git.commit_of(root, event.claimed_base or "HEAD^")
    if event.is_default or event.name == "merge_group":
        before = git.commit_of(root, event.claimed_base) if event.claimed_base else None
        return before or (git.commit_of(root, parents[0]) if parents else None)
    return git.commit_of(root, f"refs/remotes/origin/{event.base}")


def name_base(root: Path, event: Event, commit: str | None) -> str:
    """A name for the base that a report can print, and that refers to `commit` in this checkout."""
    name = f"{BASE}{event.base}"
    if commit:
        git.git(root, "update-ref", f"refs/remotes/{name}", commit)
    return name
