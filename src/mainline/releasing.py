"""The verbs of a release: promote, rollback, audit."""

from __future__ import annotations

import argparse
import getpass
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.errors import ConfigurationError
from mainline.workspace import Workspace

if TYPE_CHECKING:
    from mainline.audit import Book
    from mainline.container.fit import Fit
    from mainline.params import Params
    from mainline.progress import Progress
    from mainline.record import Record
    from mainline.registry import Registry, Version
    from mainline.release import Desk


def add(verbs: Any) -> None:
    candidate = verbs.add_parser("candidate", help="gate this commit's model, build, push and stage its image")
    candidate.set_defaults(verb=promote_verb, target="none", image=None, deploys=False)
    promote = verbs.add_parser("promote", help="bring this commit's model to production, if it has earned it")
    promote.add_argument("--target", help="where to deploy (default: none, the registry alone)")
    promote.add_argument("--image", help="deploy this image, sha256:…, built and tested elsewhere")
    promote.set_defaults(verb=promote_verb, deploys=True)
    for verb in (candidate, promote):
        verb.add_argument("--pull-request", default=os.environ.get("MAINLINE_PULL_REQUEST"), help="for the audit log")
        verb.add_argument("--approver", default=os.environ.get("MAINLINE_APPROVER"), help="for the audit log")

    promote.add_argument(
        "--deployment-approver", default=os.environ.get("MAINLINE_DEPLOYMENT_APPROVER"), help="for the audit log"
    )
    candidate.set_defaults(deployment_approver=None)

    rollback = verbs.add_parser("rollback", help="return production to a former version")
    rollback.add_argument("version", nargs="?", type=int, help="default: the one before the champion")
    rollback.add_argument("--target", help="where to deploy (default: where the champion is)")
    rollback.add_argument(
        "--deployment-approver", default=os.environ.get("MAINLINE_DEPLOYMENT_APPROVER"), help="for the audit log"
    )
    rollback.set_defaults(verb=rollback_verb)

    audit = verbs.add_parser("audit", help="verify the audit log and print it")
    audit.set_defaults(verb=audit_verb)


def promote_verb(call: argparse.Namespace) -> int:
    from mainline.cli import configured

    settings = configured()
    from mainline.progress import Progress
    from mainline.report.terminal import terminal_summary
    from pipelines import release as pipeline

    progress = Progress.on_terminal()
    from mainline.registry import MERGE

    merge = {name: getattr(call, name) for name in MERGE if getattr(call, name)}

    def work(workspace: Workspace, store: Path, desk: Desk) -> int:
        if call.target is None:
            check_alone(desk.registry)
        steps = pipeline.Steps(store, imager(call, settings, workspace, progress), merge)
        run = pipeline.promote if call.deploys else pipeline.candidate
        found = run(settings, workspace, desk, steps, progress)
        print(terminal_summary(found.review))
        if found.version is None:
            return 1
        said = "is the champion" if call.deploys else f"is ready to be promoted with the image {found.image}"
        print(f"\nversion {found.version.number} {said}")
        return 0

    return at_the_desk(call.target or "none", work)


def check_alone(registry: Registry) -> None:
    """Aliases that move while the image stays would say what is not so: that is for somebody to ask for."""
    from mainline import release

    where = release.deployed_to(registry)
    if where:
        raise ConfigurationError(
            f"production is at {where}: TARGET={where} brings this model there, TARGET=none moves the aliases alone"
        )


def imager(
    call: argparse.Namespace, params: Params, workspace: Workspace, progress: Progress
) -> Callable[[Version, Record, Path], Fit] | None:
    """How the image is come by; an engine that is missing is missed before anything is trained."""
    image = image_digest(call.image)
    if call.deploys and call.target in (None, "none") and not image:
        return None
    from mainline.container import build, engine
    from mainline.container.fit import Fit, Imaging

    if image:
        return lambda *_: Fit(image)

    build.check(workspace.root)
    repository = os.environ.get(build.REPOSITORY) or None
    return Imaging(params, workspace, engine.find(), repository, progress).fit


def rollback_verb(call: argparse.Namespace) -> int:
    from mainline import release
    from pipelines import release as pipeline

    wanted: int | None = call.version
    run = os.environ.get("GITHUB_RUN_ID")

    def work(workspace: Workspace, store: Path, desk: Desk) -> int:
        nonlocal wanted  # done again on a state that has moved, it is the same step back and not one more
        found = release.former(desk, wanted, run)
        wanted = found.number
        more = {"run": run, "deployment_approver": call.deployment_approver}
        version = release.return_to(desk, found, {name: value for name, value in more.items() if value})
        pipeline.written(workspace, version)
        print(f"version {version.number} is the champion again" + (f", at {desk.at}" if desk.at else ""))
        return 0

    return at_the_desk(call.target, work)


def audit_verb(call: argparse.Namespace) -> int:
    from mainline import audit

    def work(workspace: Workspace, store: Path, desk: Desk) -> int:
        print(audit.table(desk.book.entries()))
        return 0

    return at_the_desk("none", work)


def at_the_desk(target: str | None, work: Callable[[Workspace, Path, Desk], int]) -> int:
    """Do this with the registry and the audit log open, alone; where the state is a registry's, on top of that.

    Without a target it is the one that production is at.
    """
    from mainline import release, state, targets
    from mainline.release import Desk

    workspace = Workspace.at(Path.cwd())
    given = targets.target(target or "none")
    with workspace.locked():
        remote = state.shared(workspace)

        def seated(store: Path) -> int:
            registry, book = opened(store)
            called = target or release.deployed_to(registry) or "none"
            where = given if target else targets.target(called)
            known = called if where else None
            if remote:
                return work(workspace, store, Desk(registry, book, where, who(), save=remote.push, called=known))
            # The lock is this machine's: a team's server may have others at work.
            place = f"{socket.gethostname()}:{workspace.root}" if os.environ.get("MLFLOW_TRACKING_URI") else None
            return work(workspace, store, Desk(registry, book, where, who(), place=place, called=known))

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
    """Who is at work: in GitHub Actions the one who started this run of the workflow, or started it again."""
    return os.environ.get("GITHUB_TRIGGERING_ACTOR") or os.environ.get("GITHUB_ACTOR") or getpass.getuser()


def image_digest(given: str | None) -> str | None:
    if given and not (given.startswith("sha256:") and len(given) == 71 and set(given[7:]) <= set("0123456789abcdef")):
        raise ConfigurationError(f"--image {given} is no digest: sha256: and 64 hex digits, as the push printed it")
    return given
