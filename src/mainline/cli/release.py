"""The commands of a release: promote, rollback, audit."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.cli.commands import about
from mainline.errors import ConfigurationError
from mainline.release.session import check_alone, in_release_session
from mainline.runtime.workspace import Workspace

if TYPE_CHECKING:
    from mainline.config.loader import Params
    from mainline.packaging.staged_image import Fit
    from mainline.registry.models import Version
    from mainline.release.promotion import ReleaseSession
    from mainline.runtime.progress import Progress
    from mainline.training.record import Record


def add(commands: Any) -> None:
    candidate = commands.add_parser("candidate", description=about("candidate"))
    candidate.add_argument(
        "--hand-on",
        action="store_true",
        help="write to no registry: leave image and findings in folders, for a job that may write",
    )
    candidate.set_defaults(command=promote_command, target="none", image=None, deploys=False, candidate=None)
    promote = commands.add_parser("promote", description=about("promote"))
    promote.add_argument("--target", help="where to deploy (default: none, the registry alone)")
    promote.add_argument("--image", help="deploy this image (sha256:…), built and tested elsewhere")
    promote.add_argument(
        "--candidate", type=Path, help="with --image: candidate.json of the job that built it, whose model must be this"
    )
    promote.set_defaults(command=promote_command, deploys=True, hand_on=False)
    for command in (candidate, promote):
        command.add_argument(
            "--pull-request", default=os.environ.get("MAINLINE_PULL_REQUEST"), help="for the audit log"
        )
        command.add_argument("--approver", default=os.environ.get("MAINLINE_APPROVER"), help="for the audit log")

    promote.add_argument(
        "--deployment-approver", default=os.environ.get("MAINLINE_DEPLOYMENT_APPROVER"), help="for the audit log"
    )
    candidate.set_defaults(deployment_approver=None)

    rollback = commands.add_parser("rollback", description=about("rollback"))
    rollback.add_argument("version", nargs="?", type=int, help="version to return to (default: the previous champion)")
    rollback.add_argument("--target", help="where to deploy (default: where the champion is)")
    rollback.add_argument(
        "--deployment-approver", default=os.environ.get("MAINLINE_DEPLOYMENT_APPROVER"), help="for the audit log"
    )
    rollback.set_defaults(command=rollback_command)

    audit = commands.add_parser("audit", description=about("audit"))
    audit.set_defaults(command=audit_command)


def promote_command(call: argparse.Namespace) -> int:
    from mainline.cli.settings import configured

    settings = configured()
    from mainline.github.actions import candidate_summary
    from mainline.report.terminal import terminal_summary
    from mainline.runtime.progress import Progress
    from pipelines import release as pipeline

    progress = Progress.on_terminal()
    from mainline.registry.models import MERGE

    merge = {name: getattr(call, name) for name in MERGE if getattr(call, name)}

    def work(workspace: Workspace, store: Path, session: ReleaseSession) -> int:
        if call.target is None:
            check_alone(session.registry)
        steps = pipeline.Steps(store, imager(call, settings, workspace, progress), merge)
        before = len(session.log.entries()) if call.hand_on else 0
        try:
            run = pipeline.promote if call.deploys else pipeline.candidate
            found = run(settings, workspace, session, steps, progress)
        finally:
            if call.hand_on:
                hand_on_refusals(workspace, session, before)
            if not call.deploys:  # for who approves the deployment, on the run's page
                candidate_summary.add(workspace, os.environ)
        print(terminal_summary(found.review))
        if found.version is None:
            return 1
        said = "is the champion" if call.deploys else f"is ready to be promoted with the image {found.image}"
        print(f"\nversion {found.version.number} {said}")
        return 0

    return in_release_session(call.target or "none", work, reads_only=call.hand_on)


def hand_on_refusals(workspace: Workspace, session: ReleaseSession, before: int) -> None:
    """Leave what the copy of the audit log says about refusals; on a server it is written already."""
    from mainline.github.actions import commands
    from mainline.registry import shared_state
    from mainline.release import handed_on

    here = session.log.entries()[before:] if shared_state.shared(workspace) else []
    if handed_on.leave_refusals(here, workspace.reports):
        commands.set_outputs(os.environ, refused="true")


def imager(
    call: argparse.Namespace, params: Params, workspace: Workspace, progress: Progress
) -> Callable[[Version, Record, Path], Fit] | None:
    """How the image is obtained; a missing engine is reported before anything is trained."""
    image = image_digest(call.image)
    if call.deploys and call.target in (None, "none") and not image:
        return None
    from mainline.packaging import engine
    from mainline.packaging import image as build
    from mainline.packaging.staged_image import Fit, Imaging

    if image and call.candidate:
        return staged_elsewhere(image, call.candidate)
    if image:
        return lambda *_: Fit(image)

    build.check(workspace.root)
    repository = os.environ.get(build.REPOSITORY) or None
    if call.hand_on and not repository:
        raise ConfigurationError(f"--hand-on: {build.REPOSITORY} is not set: an image is for a repository")
    layout = workspace.layout if call.hand_on else None
    return Imaging(params, workspace, engine.find(), repository, progress, layout).fit


def staged_elsewhere(image: str, file: Path) -> Callable[[Version, Record, Path], Fit]:
    """The image that another job has staged, where this is its model and its version."""
    from mainline.packaging.staged_image import Fit
    from mainline.registry.models import STAGED
    from mainline.release import handed_on

    handed = handed_on.read(file)

    def fit(version: Version, trained: Record, frame: Path) -> Fit:
        handed.check(version, trained, image)
        return Fit(image, None if version.tags.get(STAGED) == handed.staged else handed.staged)

    return fit


def rollback_command(call: argparse.Namespace) -> int:
    from mainline.release import promotion
    from pipelines import release as pipeline

    wanted: int | None = call.version
    run = os.environ.get("GITHUB_RUN_ID")

    def work(workspace: Workspace, store: Path, session: ReleaseSession) -> int:
        nonlocal wanted  # repeated after a concurrent change of the state, it is the same rollback, not a second one
        found = promotion.former(session, wanted, run)
        wanted = found.number
        more = {"run": run, "deployment_approver": call.deployment_approver}
        version = promotion.return_to(session, found, {name: value for name, value in more.items() if value})
        pipeline.written(workspace, version)
        print(f"version {version.number} is the champion again" + (f", at {session.at}" if session.at else ""))
        return 0

    return in_release_session(call.target, work)


def audit_command(call: argparse.Namespace) -> int:
    from mainline.registry import audit_log as audit

    def work(workspace: Workspace, store: Path, session: ReleaseSession) -> int:
        print(audit.table(session.log.entries()))
        return 0

    return in_release_session("none", work)


def image_digest(given: str | None) -> str | None:
    if given and not (given.startswith("sha256:") and len(given) == 71 and set(given[7:]) <= set("0123456789abcdef")):
        raise ConfigurationError(f"--image {given}: sha256: and 64 hex digits are needed, as the push printed them")
    return given
