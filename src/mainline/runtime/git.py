"""What a run needs of git, through git itself; a folder without git is a valid place to run."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from mainline.errors import ConfigurationError, ExternalError

TRUNKS = ("main", "master")
NAMED = 10  # branches in a message
TOPS: set[Path] = set()  # that this process has asked about: a run asks five times


def git(root: Path, *arguments: str) -> str | None:
    """The output of a git command, or None where git (or what it was asked for) is missing."""
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=root, capture_output=True, text=True, errors="replace", check=False
        )
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def commit_of(root: Path, ref: str) -> str | None:
    """The commit that `ref` names, whole (40 hex digits), or None."""
    return git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")


def tip(root: Path, base: str) -> str | None:
    """The tip of a base branch: the local one, or the remote one if the local one is missing or behind."""
    local, remote = commit_of(root, base), commit_of(root, f"origin/{base}")
    return remote if local and remote and is_behind(root, local, remote) else local or remote


def branches(root: Path) -> dict[str, str]:
    """The branches of a checkout by their full names, each with where it leads if it is only a name of another."""
    said = git(root, "for-each-ref", "--format=%(refname) %(symref)", "refs/heads", "refs/remotes") or ""
    return {name: target for name, _, target in (line.partition(" ") for line in said.splitlines())}


def default_branch(root: Path) -> str | None:
    """The remote's default branch, else `main`, `master` or the only branch; None where nothing says which it is.

    Raises
    ------
    ConfigurationError
        Where there are branches, and each could be it.
    """
    found = branches(root)
    remote = found.get("refs/remotes/origin/HEAD", "").removeprefix("refs/remotes/origin/")
    names = list(dict.fromkeys(short(name) for name in found if not name.endswith("/HEAD")))
    if remote in names and remote not in TRUNKS and not has_all_branches(root):
        # A clone of a single branch takes that one for the default, whatever it is.
        return next((name for name in TRUNKS if name in names), None) or asked_default(root)
    for name in (remote, *TRUNKS):
        if name in names:
            return name
    if not names or not has_all_branches(root):
        return asked_default(root) if names else None
    if len(names) == 1:
        return names[0]
    raise ConfigurationError(
        f"none of the branches is called {' or '.join(TRUNKS)}, and origin names no default: say which one to "
        f"compare with, such as make run BASE={names[0]} ({listed(names)})"
    )


def has_all_branches(root: Path) -> bool:
    return "*" in (git(root, "config", "--get-all", "remote.origin.fetch") or "*")


def asked_default(root: Path) -> str | None:
    """`main` or `master` where the remote has it, else its default branch; it may not be here.

    None where the remote does not answer.
    """
    trunks = [f"refs/heads/{name}" for name in TRUNKS]
    said = git(root, "-c", "core.askPass=true", "ls-remote", "--symref", "origin", "HEAD", *trunks) or ""
    there = next((name for name in TRUNKS if f"\trefs/heads/{name}\n" in f"{said}\n"), None)
    found = re.match(r"ref: refs/heads/(\S+)\s", said)
    return there or (found[1] if found else None)


def short(name: str) -> str:
    """A branch as a person writes it; those of `origin` are found by their names alone."""
    return re.sub(r"^refs/(heads|remotes/origin|remotes)/", "", name)


def listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"there are {', '.join(names[:NAMED])}{more}"


def is_behind(root: Path, commit: str, other: str) -> bool:
    """Whether `commit` is an ancestor of `other`."""
    return commit != other and git(root, "merge-base", "--is-ancestor", commit, other) is not None


def is_top(root: Path) -> bool:
    """Whether `root` is the top of a checkout, and not a folder inside another checkout."""
    here = root.resolve()
    if here not in TOPS:
        top = git(root, "rev-parse", "--show-toplevel")
        if top is None or Path(top).resolve() != here:
            return False
        TOPS.add(here)
    return True


def is_clean(root: Path) -> bool:
    """Whether the work tree has no uncommitted changes; ignored files do not count."""
    return git(root, "status", "--porcelain") == ""


def is_shallow(root: Path) -> bool:
    return git(root, "rev-parse", "--is-shallow-repository") == "true"


def changed_files(root: Path, base: str, *paths: str) -> list[str]:
    """Files below `paths` that differ between `base` and the work tree, new ones included."""
    differing = git(root, "diff", "--name-only", "-z", base, "--", *paths) or ""
    new = git(root, "ls-files", "--others", "--exclude-standard", "-z", "--", *paths) or ""
    return sorted({name for name in (differing + "\0" + new).split("\0") if name})


@contextlib.contextmanager
def worktree(root: Path, commit: str, folder: Path) -> Iterator[Path]:
    """The files of `commit` in a temporary work tree at `folder`.

    Hooks are disabled: the user's hooks must not run for it.
    """
    remove_worktree(root, folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["git", "-c", "core.hooksPath=/dev/null", "worktree", "add", "--quiet", "--detach", "--force", folder, commit],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        if done.returncode:
            raise ExternalError(f"git could not create a work tree for {commit[:10]}: {done.stderr.strip()}")
        yield folder
    finally:
        remove_worktree(root, folder)


def remove_worktree(root: Path, folder: Path) -> None:
    """Remove a work tree, also one that a killed run left.

    Only this one: `git worktree prune` would forget others whose folders cannot be seen from here, such as from a
    container that sees the checkout alone.
    """
    remove = ("worktree", "remove", "--force", "--force", str(folder))
    git(root, *remove)
    if folder.exists():  # git does not remove what it no longer takes for a work tree, only what is missing
        shutil.rmtree(folder, ignore_errors=True)
        git(root, *remove)
