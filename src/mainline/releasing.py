"""The verbs of a release: promote, rollback, audit."""

from __future__ import annotations

import argparse
import getpass
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.errors import ConfigurationError
from mainline.workspace import Workspace

if TYPE_CHECKING:
    from mainline.audit import Book
    from mainline.registry import Registry
    from mainline.release import Desk


def add(verbs: Any) -> None:
    promote = verbs.add_parser("promote", help="bring this commit's model to production, if it has earned it")
    promote.add_argument("--target", default="none", help="where to deploy (default: none, the registry alone)")
    promote.add_argument("--image", help="the digest of the image that was built of this model: sha256:…")
    promote.add_argument("--pull-request", default=os.environ.get("MAINLINE_PULL_REQUEST"), help="for the audit log")
    promote.add_argument("--approver", default=os.environ.get("MAINLINE_APPROVER"), help="for the audit log")
    promote.set_defaults(verb=promote_verb)

    rollback = verbs.add_parser("rollback", help="return production to a former version")
    rollback.add_argument("version", nargs="?", type=int, help="default: the one before the champion")
    rollback.add_argument("--target", default="none", help="where to deploy (default: none, the registry alone)")
    rollback.set_defaults(verb=rollback_verb)

    audit = verbs.add_parser("audit", help="verify the audit log and print it")
    audit.set_defaults(verb=audit_verb)


def promote_verb(call: argparse.Namespace) -> int:
    from mainline import params
    from mainline.progress import Progress
    from mainline.report.terminal import terminal_summary
    from pipelines import release as pipeline

    given = {"pull_request": call.pull_request, "approver": call.approver}
    image = image_digest(call.image)
    steps = pipeline.Steps(
        build=(lambda *_: image) if image else None,
        merge={name: value for name, value in given.items() if value},
    )
    settings = params.load()

    def work(workspace: Workspace, store: Path, desk: Desk) -> int:
        found = pipeline.promote(settings, workspace, store, desk, steps, Progress.on_terminal())
        print(terminal_summary(found.review))
        if found.version is None:
            return 1
        print(f"\nversion {found.version.number} is the champion")
        return 0

    return at_the_desk(call.target, work)


def rollback_verb(call: argparse.Namespace) -> int:
    from mainline import release

    def work(workspace: Workspace, store: Path, desk: Desk) -> int:
        version = release.rollback(desk, call.version)
        print(f"version {version.number} is the champion again")
        return 0

    return at_the_desk(call.target, work)


def audit_verb(call: argparse.Namespace) -> int:
    from mainline import audit

    def work(workspace: Workspace, store: Path, desk: Desk) -> int:
        print(audit.table(desk.book.entries()))
        return 0

    return at_the_desk("none", work)


def at_the_desk(target: str, work: Callable[[Workspace, Path, Desk], int]) -> int:
    """Do this with the registry and the audit log open, alone; where the state is a registry's, on top of that."""
    from mainline import state, targets
    from mainline.release import Desk

    workspace = Workspace.at(Path.cwd())
    where = targets.target(target)
    with workspace.locked():
        remote = state.shared(workspace)

        def seated(store: Path) -> int:
            registry, book = opened(store)
            if remote:
                return work(workspace, store, Desk(registry, book, where, who(), save=remote.push))
            return work(workspace, store, Desk(registry, book, where, who()))

        return state.on_top(remote, seated) if remote else seated(workspace.state)


def opened(store: Path) -> tuple[Registry, Book]:
    """The registry, and the audit log that belongs to it: a file beside an embedded store, a run on a server."""
    from mainline import audit
    from mainline.auditrun import RunPages
    from mainline.registry import open_registry

    registry = open_registry(store)
    server = os.environ.get("MLFLOW_TRACKING_URI")
    pages: audit.Pages = RunPages(registry.client, registry.name) if server else audit.FilePages(store / "audit.jsonl")
    return registry, audit.Book(pages, registry)


def who() -> str:
    """Who is at work: in GitHub Actions the one who started the workflow."""
    return os.environ.get("GITHUB_ACTOR") or getpass.getuser()


def image_digest(given: str | None) -> str | None:
    if given and not (given.startswith("sha256:") and len(given) == 71 and set(given[7:]) <= set("0123456789abcdef")):
        raise ConfigurationError(f"--image {given} is no digest: sha256: and 64 hex digits, as the push printed it")
    return given
