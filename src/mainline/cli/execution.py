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

    kfp = commands.add_parser("kfp", description=about("kfp"))
    kfp.add_argument("--python", default=".venv-kfp/bin/python", help="the Python with kfp (default: %(default)s)")
    kfp.add_argument("--base", help="branch or commit to compare with (default: as `mainline run`)")
    kfp.add_argument("--recurring", action="store_true", help="for recurring runs: each takes the data that it finds")
    kfp.set_defaults(command=kfp_command)

    step = commands.add_parser("step", description=about("step"))
    step.add_argument("name")
    step.add_argument("--executor-input", required=True, help="what Kubeflow says of the step, as JSON")
    step.add_argument("--fingerprint", default="", help="what the pipeline was compiled for; empty: whatever is found")
    step.add_argument("--base", required=True)
    step.add_argument("--state-in", type=Path, help="what the step before has left")
    step.add_argument("--output", nargs=2, action="append", default=[], metavar=("NAME", "PATH"))
    step.set_defaults(command=step_command)


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
        from mainline.execution import container_run

        return container_run.run(found, trainer, job)
    from mainline.execution import cluster_job

    return cluster_job.run(found, trainer, job)


def kfp_command(call: argparse.Namespace) -> int:
    import json
    import subprocess

    from mainline.cli.settings import configured
    from mainline.execution import plan, trainer_image
    from mainline.execution.job import Job
    from mainline.packaging import engine
    from mainline.runtime import git
    from mainline.runtime.atomic_files import replacing, scratch
    from mainline.runtime.progress import Progress
    from mainline.runtime.workspace import Workspace

    workspace = Workspace.at(Path.cwd())
    found = engine.find()
    trainer = trainer_image.fitting(found, workspace)
    params = configured()
    from pipelines import training

    base = call.base or git.default_branch(workspace.root) or git.TRUNKS[0]
    with workspace.locked():
        prints = None if call.recurring else training.begin(params, workspace, Progress.on_terminal()).prints
        made = plan.plan(found, trainer, Job(params, workspace, []), prints, base)
        target = workspace.reports / "pipeline.yaml"
        with scratch(workspace.state, ".json") as file, replacing(target) as part:
            file.write_text(json.dumps(made), encoding="utf-8")
            module = ["-m", "mainline.execution.kubeflow", str(file), str(part)]
            environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
            try:
                done = subprocess.run([call.python, *module], env=environment, text=True, check=False)
            except FileNotFoundError:
                raise ConfigurationError(f"{call.python} does not exist: `make kfp` installs kfp next to it") from None
            if done.returncode:
                raise ConfigurationError(f"{call.python} could not compile the pipeline: see above")
    print(target.relative_to(workspace.root))
    return 0


def step_command(call: argparse.Namespace) -> int:
    import json

    from mainline.cli.settings import configured
    from mainline.execution import executor_output
    from mainline.runtime.progress import Progress
    from mainline.runtime.workspace import Workspace

    params = configured()
    from pipelines import kubeflow

    outputs = {name: Path(path) for name, path in call.output}
    step = kubeflow.Step(params, Workspace.at(Path.cwd()), call.base, outputs, Progress.on_terminal())
    with step.workspace.locked():
        done = kubeflow.run(call.name, step, call.fingerprint, call.state_in)
    executor_output.write(json.loads(call.executor_input), outputs, done.metadata, done.parameters)
    return 0
