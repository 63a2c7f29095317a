"""Runs that are computed elsewhere: the trainer image, and `mainline run --in`."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from mainline.cli.commands import about
from mainline.errors import ConfigurationError

PLACES = ("docker", "kubernetes")


def add(commands: Any) -> None:
    trainer = commands.add_parser("trainer", description=about("trainer"))
    trainer.add_argument(
        "--repository",
        default=os.environ.get("MAINLINE_IMAGE") or None,
        help="the image is pushed to `trainer` below it (default: MAINLINE_IMAGE, else no push)",
    )
    trainer.set_defaults(command=trainer_command)


def trainer_command(call: argparse.Namespace) -> int:
    from mainline.execution import trainer_image
    from mainline.packaging import engine
    from mainline.runtime.workspace import Workspace

    print(trainer_image.build(engine.find(), Workspace.at(Path.cwd()), call.repository).reference)
    return 0


def run_command(call: argparse.Namespace) -> int:
    """`mainline run --in PLACE`: what the run's own process would do, in a trainer image."""
    from mainline.config import loader
    from mainline.execution import trainer_image
    from mainline.execution.job import Job
    from mainline.packaging import engine
    from mainline.runtime import git, last_run
    from mainline.runtime.workspace import Workspace

    if call.place not in PLACES:
        raise ConfigurationError(f"a run is computed in {' or '.join(PLACES)}, not in {call.place!r}")
    if call.stage:
        raise ConfigurationError(
            "--stage needs a container engine, and there is none in a trainer image: run `mainline stage` after it"
        )
    workspace = Workspace.at(Path.cwd(), call.state)
    base = call.base or git.default_branch(workspace.root) or git.TRUNKS[0]
    with workspace.locked():
        known = last_run.answer(workspace, base)
    if known is not None:
        print(known["summary"])
        return int(known["status"])
    params = loader.load()
    found = engine.find()
    trainer = trainer_image.fitting(found, workspace)
    arguments = ["run", *(["--base", call.base] if call.base else [])]
    arguments += ["--state", str(workspace.home)] if call.state else []
    job = Job(params, workspace, arguments)
    if call.place == "docker":
        from mainline.execution import docker

        return docker.run(found, trainer, job)
    from mainline.execution import kubernetes

    return kubernetes.run(found, trainer, job)
