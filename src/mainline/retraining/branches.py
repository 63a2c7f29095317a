"""Local retraining: branches take the place of the pull requests on GitHub."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
from pathlib import Path
from typing import Literal

from mainline.errors import ConfigurationError, ExternalError, Refused
from mainline.retraining import data_until
from mainline.retraining.rules import EMAIL, NAME, Attempt, prefix
from mainline.runtime import git, models


def attempts(root: Path, base: str) -> list[Attempt]:
    """The local branches `retrain/…`, compared with the commit `base` of main."""
    heads = f"refs/heads/{prefix()}"
    listed = git.git(root, "for-each-ref", "--format=%(objectname) %(refname)", f"{heads}*") or ""
    found = []
    for line in listed.splitlines():
        commit, _, ref = line.partition(" ")
        until = clock_at(root, commit)
        if until is not None:
            found.append(attempt(root, base, ref.removeprefix("refs/heads/"), commit, until))
    return found


def attempt(root: Path, base: str, branch: str, commit: str, until: dt.date) -> Attempt:
    own = (git.git(root, "rev-list", "--reverse", f"{base}..{commit}") or "").split()
    merged = clock_at(root, base)
    # After a squash merge, only the data cutoff shows that the branch was merged.
    state: Literal["open", "merged"] = "open" if own and (merged is None or merged < until) else "merged"
    first = own[0] if own else commit
    when = git.git(root, "show", "--no-patch", "--format=%aI", first) or ""
    return Attempt(
        branch=branch,
        called=branch,
        until=until,
        opened=dt.datetime.fromisoformat(when),
        state=state,
        base=git.commit_of(root, f"{first}^"),
        edited=any(not is_ours(root, one) for one in own),
    )


def clock_at(root: Path, commit: str) -> dt.date | None:
    text = git.git(root, "show", f"{commit}:{models.selected().params}")
    try:
        return data_until.shown(text.encode()) if text is not None else None
    except ConfigurationError:
        return None


def is_ours(root: Path, commit: str) -> bool:
    emails = git.git(root, "show", "--no-patch", "--format=%ae %ce", commit) or ""
    return emails.split() == [EMAIL, EMAIL]


def check_free(root: Path, base: str, branch: str) -> None:
    """Refuse to overwrite a local branch with commits by people; the history on GitHub does not contain them."""
    own = (git.git(root, "rev-list", f"{base}..refs/heads/{branch}") or "").split()
    if any(not is_ours(root, one) for one in own):
        raise Refused(f"the local branch {branch} contains commits by people: merge, rename or delete it")


def commit(tree: Path, message: str, opened: dt.datetime, name: str = NAME) -> str:
    """Commit the change in our worktree, without hooks or signing; return the new commit.

    `opened` is when the retraining was first opened: a refreshed commit keeps that date. `name` is the author's.
    """
    settings = ("core.hooksPath=/dev/null", "commit.gpgsign=false", f"user.name={name}", f"user.email={EMAIL}")
    given = [word for setting in settings for word in ("-c", setting)]
    date = opened.isoformat()
    environment = {**os.environ, "GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
    for name in ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"):
        environment.pop(name, None)
    file = models.selected().params
    command = ["git", *given, "commit", "--quiet", "--message", message, "--", str(file)]
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
    made = git.commit_of(tree, "HEAD")
    if done.returncode or made is None:
        raise ExternalError(f"git could not commit {file}: {(done.stderr or done.stdout).strip()}")
    return made


def point(root: Path, branch: str, commit: str) -> None:
    """Point `branch` to `commit`; raises ConfigurationError if it is checked out."""
    done = subprocess.run(
        ["git", "branch", "--quiet", "--no-track", "--force", branch, commit],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ConfigurationError(f"git could not create the branch {branch}: {done.stderr.strip()}")
