"""A repository as GitHub keeps it, and the events that it sends: merge commits, forks' heads, payloads."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.github.webhooks import payload

REPOSITORY = "example/project"
IDENTITY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "A tester"), ("EMAIL", "tester@example.org"))
}


@dataclass(frozen=True)
class Event:
    """`sha` is what a run of it checks out; the payload is GitHub's, from what a test knows of it."""

    name: str
    sha: str
    payload: dict[str, Any] = field(repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "payload", payload(self.name, self.payload))


class Origin:
    """A bare repository with the refs of GitHub: branches, and of each pull request its head and its merge."""

    def __init__(self, folder: Path, source: Path) -> None:
        self.path = folder
        git(source, "clone", "--quiet", "--bare", "--no-local", ".", str(folder))
        git(folder, "config", "uploadpack.allowAnySHA1InWant", "true")
        self.default = git(folder, "symbolic-ref", "--short", "HEAD")

    def fetch(self, source: Path, branch: str) -> str:
        """Push `branch` of a checkout to here; the commit before is what the answer names."""
        before = git(self.path, "rev-parse", "--verify", "--quiet", f"refs/heads/{branch}", check=False) or "0" * 40
        git(source, "push", "--quiet", "--force", self.path.as_uri(), f"HEAD:refs/heads/{branch}")
        return before

    def receive(self, source: Path, commit: str, ref: str) -> None:
        git(source, "push", "--quiet", "--force", self.path.as_uri(), f"{commit}:{ref}")

    def commit_of(self, ref: str) -> str:
        return git(self.path, "rev-parse", "--verify", f"{ref}^{{commit}}")

    def merge(self, base: str, head: str, number: int) -> str:
        """GitHub's test merge: the base's tip first, then the pull request's head."""
        tree = git(self.path, "merge-tree", "--write-tree", base, head).splitlines()[0]
        message = f"Merge {head} into {base}"
        commit = git(self.path, "commit-tree", tree, "-p", base, "-p", head, "-m", message)
        git(self.path, "update-ref", f"refs/pull/{number}/merge", commit)
        return commit


def pull_request(
    origin: Origin,
    head: str,
    *,
    branch: str = "change",
    base: str = "main",
    number: int = 7,
    title: str = "A change",
    fork: bool = False,
    draft: bool = False,
    author: str = "somebody",
    action: str = "synchronize",
) -> Event:
    """The event of a pull request whose head is the commit `head`, which the origin must hold."""
    tip = origin.commit_of(f"refs/heads/{base}")
    git(origin.path, "update-ref", f"refs/pull/{number}/head", head)
    merged = origin.merge(tip, head, number)
    owner = "elsewhere" if fork else REPOSITORY.partition("/")[0]
    repository = {"full_name": f"{owner}/project", "fork": fork, "owner": user(owner)}
    mentioned = {"before": "0" * 40, "after": head} if action == "synchronize" else {}
    payload = {
        "action": action,
        **mentioned,
        "number": number,
        "pull_request": {
            "number": number,
            "title": title,
            "body": title,
            "draft": draft,
            "state": "closed" if action == "closed" else "open",
            "user": user(author),
            "head": {"ref": branch, "sha": head, "label": f"{owner}:{branch}", "repo": repository},
            "base": {"ref": base, "sha": tip, "repo": repository_of(origin)},
        },
        "repository": repository_of(origin),
        "sender": user(author),
    }
    return Event("pull_request", merged, payload)


def push(origin: Origin, branch: str, before: str, message: str = "A change") -> Event:
    """The event of a push after which `branch` is what the origin holds."""
    after = origin.commit_of(f"refs/heads/{branch}")
    payload = {
        "ref": f"refs/heads/{branch}",
        "before": before,
        "after": after,
        "deleted": False,
        "created": before == "0" * 40,
        "head_commit": {
            "id": after,
            "message": message,
            "author": {"name": "A tester"},
            "committer": {"name": "A tester"},
        },
        "repository": repository_of(origin),
        "sender": user("somebody"),
    }
    return Event("push", after, payload)


def merge_group(origin: Origin, head: str, base: str = "main") -> Event:
    """The event of a merge queue that asks for the checks of the commit `head`, which would be merged into `base`."""
    before = origin.commit_of(f"refs/heads/{base}")
    group = {"head_sha": head, "head_ref": f"refs/heads/gh-readonly-queue/{base}/pr-7-{before}", "base_sha": before}
    payload = {"action": "checks_requested", "merge_group": {**group, "base_ref": f"refs/heads/{base}"}}
    git(origin.path, "update-ref", group["head_ref"], head)
    return Event("merge_group", head, {**payload, "repository": repository_of(origin), "sender": user("somebody")})


def dispatch(origin: Origin, branch: str = "main", **inputs: Any) -> Event:
    """The event of somebody who starts a workflow by hand."""
    payload = {
        "ref": f"refs/heads/{branch}",
        "inputs": inputs,
        "repository": repository_of(origin),
        "sender": user("somebody"),
    }
    return Event("workflow_dispatch", origin.commit_of(f"refs/heads/{branch}"), payload)


def issue_comment(origin: Origin, comment: dict[str, Any], pull: dict[str, Any]) -> Event:
    """The event of a comment on a pull request, which runs the default branch."""
    payload = {
        "action": "created",
        "comment": comment,
        "issue": {"number": pull["number"], "user": pull["user"], "pull_request": {"html_url": pull["html_url"]}},
        "repository": repository_of(origin),
        "sender": comment["user"],
    }
    return Event("issue_comment", origin.commit_of(f"refs/heads/{origin.default}"), payload)


def repository_of(origin: Origin) -> dict[str, Any]:
    of = {"full_name": REPOSITORY, "default_branch": origin.default, "fork": False, "private": False}
    return {**of, "owner": user(REPOSITORY.partition("/")[0])}


def user(login: str) -> dict[str, Any]:
    return {"login": login, "type": "Bot" if login.endswith("[bot]") else "User"}


def schedule(origin: Origin, cron: str = "23 5 * * *") -> Event:
    """The event of the clock, which names no repository."""
    return Event("schedule", origin.commit_of(f"refs/heads/{origin.default}"), {"schedule": cron})


def snapshot(checkout: Path) -> str:
    """A commit of the checkout as it lies there, work that is not committed included; HEAD where there is none."""
    if not git(checkout, "status", "--porcelain"):
        return git(checkout, "rev-parse", "HEAD")
    index = Path(git(checkout, "rev-parse", "--absolute-git-dir"), "rehearsal-index")
    try:
        with_index = {"GIT_INDEX_FILE": str(index)}
        git(checkout, "read-tree", "HEAD", **with_index)
        git(checkout, "add", "--all", **with_index)
        tree = git(checkout, "write-tree", **with_index)
    finally:
        index.unlink(missing_ok=True)
    return git(checkout, "commit-tree", tree, "-p", "HEAD", "-m", "Work that is not committed")


def git(folder: Path, *arguments: str, check: bool = True, **variables: str) -> str:
    environment = {**os.environ, **IDENTITY, **variables}
    done = subprocess.run(["git", *arguments], cwd=folder, check=False, capture_output=True, text=True, env=environment)
    if check and done.returncode:
        raise RuntimeError(f"git {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout.strip()
