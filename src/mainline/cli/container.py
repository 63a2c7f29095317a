"""The commands of the container: image, stage, deploy."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.cli.commands import about
from mainline.cli.selection import FORMER
from mainline.errors import ConfigurationError, ExternalError, MainlineError, Refused
from mainline.runtime.workspace import Workspace

if TYPE_CHECKING:
    from mainline.config.loader import Params
    from mainline.evaluation.results import Gate
    from mainline.packaging.engine import Engine
    from mainline.runtime.progress import Progress
    from mainline.training.record import Record


def add(commands: Any) -> None:
    image = commands.add_parser("image", description=about("image"))
    image.add_argument(
        "--export",
        *FORMER,
        dest="model",
        type=Path,
        help="the export to build from (default: export the checkout's model)",
    )
    image.add_argument(
        "--repository",
        default=os.environ.get("MAINLINE_IMAGE") or None,
        help="repository to push to, such as registry.example/team/name (default: MAINLINE_IMAGE, else no push)",
    )
    image.add_argument("--ship", action="store_true", help="build the image of `mainline ship`, without a model")
    image.set_defaults(command=image_command)

    stage = commands.add_parser("stage", description=about("stage"))
    stage.add_argument("image", nargs="?", help="what `mainline image` printed (default: the last image built here)")
    stage.add_argument(
        "--export", *FORMER, dest="model", type=Path, help="the export that it was built from (default: the last one)"
    )
    stage.set_defaults(command=stage_command)

    deploy = commands.add_parser("deploy", description=about("deploy"))
    deploy.add_argument("image", nargs="?", help="what `mainline image` printed (default: the last image built here)")
    deploy.add_argument("--target", default="registry", help="registry, docker, kubernetes, or package.module:factory")
    deploy.set_defaults(command=deploy_command)


def image_command(call: argparse.Namespace) -> int:
    from mainline.packaging import engine
    from mainline.packaging import image as build

    found = engine.find()  # before minutes of training
    workspace = Workspace.at(Path.cwd())
    if call.ship:
        from mainline.packaging.log_shipper_image import shipper

        print(shipper(found, workspace.root, call.repository))
        return 0
    build.check(workspace.root)
    with workspace.locked():
        model = call.model or exported(workspace)
        made = build.build(found, workspace.root, model, call.repository)
        build.write_bill_and_provenance(found, workspace.root, model, made, workspace.reports)
    if made.note:
        print(f"warning: {made.note}", file=sys.stderr)
    print(made.reference)
    return 0


def stage_command(call: argparse.Namespace) -> int:
    from mainline.packaging import engine

    found = engine.find()
    workspace = Workspace.at(Path.cwd())
    with workspace.locked():
        gates = staged(workspace, found, call.image or last_image(workspace), call.model or workspace.model)
    return 0 if all(gate.passed for gate in gates) else 1


def staged(workspace: Workspace, engine: Engine, image: str, model: Path) -> list[Gate]:
    """The staging test of an image against the checkout's record; its report is written and printed."""
    from mainline.cli.settings import configured
    from mainline.runtime.progress import Progress

    settings = configured()
    from mainline.packaging.staging import parity, report
    from mainline.packaging.staging import tests as stage
    from mainline.serving import signature
    from pipelines import exporting

    progress = Progress.on_terminal()
    record, frame = exporting.recorded(settings, workspace, progress)
    with progress.stage("requests") as detail:
        requests = parity.holdout_requests(record.settings(settings.settings), record, frame, signature.read(model))
        detail.text = f"{len(requests.rows):,} holdout rows"
    with progress.stage("stage"):
        gates = stage.stage(settings, engine, image, record, requests)
    report.write(image, gates, workspace.reports)
    print(report.terminal(gates))
    return gates


def staging(params: Params, workspace: Workspace, progress: Progress) -> Callable[[Record, Path], list[Gate]] | None:
    """How a review tests the container; None where no container can be built here, with the reason on the terminal."""
    from mainline.packaging import engine
    from mainline.packaging import image as build

    try:
        build.check(workspace.root)
        found = engine.find()
    except MainlineError as error:
        print(f"the container is not tested: {error}", file=sys.stderr)
        return None
    from mainline.packaging.staged_image import Imaging

    return Imaging(params, workspace, found, None, progress).gates


def deploy_command(call: argparse.Namespace) -> int:
    from mainline.release.targets import select

    target = select.target(call.target)
    if target is None:
        raise ConfigurationError("deploy needs a target: registry, docker or kubernetes")
    workspace = Workspace.at(Path.cwd())
    with workspace.locked():
        image = call.image or last_image(workspace)
        fit_to_ship(workspace, image)
        digest = image.rpartition("@")[2]
        target.deploy(digest)
        answered = target.deployed()
    if answered != digest:
        raise ExternalError(f"{digest} was deployed to {target.name}, which answers with {answered or 'nothing'}")
    print(f"{target.name} answers with {digest}")
    return 0


def fit_to_ship(workspace: Workspace, image: str) -> None:
    """Raises Refused for an image whose staging test did not pass here."""
    try:
        found = json.loads((workspace.reports / "stage.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = {}
    if found.get("image") != image:
        raise Refused(f"{image} was not tested here: run `mainline stage {image}` first")
    if not found.get("passed"):
        raise Refused(f"{image} failed its staging test: see {workspace.of.reports}/stage.md")


def last_image(workspace: Workspace) -> str:
    try:
        found = json.loads((workspace.reports / "image.json").read_text(encoding="utf-8"))
        return str(found["reference"])
    except (OSError, ValueError, KeyError):
        raise ConfigurationError("no image was built here: run `mainline image`, or name the image") from None


def exported(workspace: Workspace) -> Path:
    """The export of the checkout's record, which is trained first if it is not recorded."""
    from mainline.cli.settings import configured
    from mainline.runtime.progress import Progress

    settings = configured()
    from pipelines import exporting

    exporting.exported(settings, workspace, Progress.on_terminal(), workspace.model)
    return workspace.model
