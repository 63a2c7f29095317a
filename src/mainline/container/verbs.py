"""The verbs of the container: image, stage."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from mainline.workspace import Workspace


def add(verbs: Any) -> None:
    image = verbs.add_parser("image", help="build the server's image of this checkout's model; prints what to run")
    image.add_argument("--model", type=Path, help="build of this export (default: export the checkout's model anew)")
    image.add_argument(
        "--repository",
        default=os.environ.get("MAINLINE_IMAGE") or None,
        help="push there, such as registry.example/team/name (default: MAINLINE_IMAGE; not pushed where not given)",
    )
    image.set_defaults(verb=image_verb)


def image_verb(call: argparse.Namespace) -> int:
    from mainline.container import build, engine

    found = engine.find()  # before minutes of training
    workspace = Workspace.at(Path.cwd())
    with workspace.locked():
        model = call.model or exported(workspace)
        made = build.build(found, workspace.root, model, call.repository)
        build.papers(workspace.root, model, made, workspace.reports)
    print(made.reference)
    return 0


def exported(workspace: Workspace) -> Path:
    """The export of the checkout's record, which is trained where it is not known."""
    from mainline.cli import configured
    from mainline.progress import Progress

    settings = configured()
    from pipelines import exporting

    exporting.exported(settings, workspace, Progress.on_terminal(), workspace.model)
    return workspace.model
