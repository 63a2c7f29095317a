"""`make run IN=docker`: the same job in the trainer image, on the same files, by the same user."""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from mainline.config.environment import TRAINED_IN
from mainline.errors import ExternalError
from mainline.execution import job as jobs
from mainline.execution.job import Job
from mainline.execution.removal import removed_at_end
from mainline.execution.trainer_image import Trainer
from mainline.packaging.engine import Engine
from mainline.runtime.parent import LINUX, die_with_parent

MEMORY, CPUS, GPUS = "MAINLINE_JOB_MEMORY", "MAINLINE_JOB_CPUS", "MAINLINE_JOB_GPUS"
OURS = (0, 1, 2, 3, 4, 130)  # the exit statuses of a run
KILLED = 137
ENDED = ("exited", "stopped")  # one that could not start is "created", with the status 0


def run(engine: Engine, trainer: Trainer, job: Job, environment: Mapping[str, str] = os.environ) -> int:
    """Run the job in a container that ends with this process; returns the exit status of the run.

    Raises
    ------
    ConfigurationError
        Where a source cannot be reached from a container.
    ExternalError
        Where the engine fails, or the container is killed.
    """
    name = f"mainline-run-{secrets.token_hex(4)}"
    engine.run(
        "create", f"--name={name}", *options(engine, trainer, job, environment), trainer.reference, *command(job)
    )
    with removed_at_end([engine.program, "rm", "--force", "--volumes", name], engine.environment):
        started = subprocess.Popen(
            [engine.program, "start", "--attach", name],
            env=dict(engine.environment),
            stdin=subprocess.DEVNULL,
            preexec_fn=die_with_parent if LINUX else None,
            start_new_session=True,  # Ctrl-C is handed on once, whoever sends it
        )
        watch(started, lambda: engine.attempt("kill", "--signal=INT", name))
        # Asked of the engine: its command line ends with 0 where it only stops to watch.
        found = (engine.container(name) or {}).get("State") or {}
        if found.get("Status") in ENDED and found.get("ExitCode") in OURS:
            return int(found["ExitCode"])
        raise ExternalError(f"the container {why(found, environment)}; what was recorded before is intact")


def command(job: Job) -> list[str]:
    return ["python", "-m", "mainline", *job.arguments]


def watch(process: subprocess.Popen[bytes], interrupt: Callable[[], object]) -> None:
    """Wait for the process; what Ctrl-C means is for the run to decide."""
    while True:
        try:
            process.wait()
            return
        except KeyboardInterrupt:
            interrupt()


def why(state: Mapping[str, object], environment: Mapping[str, str]) -> str:
    """Why a container ended otherwise than a run does."""
    if state.get("Running"):
        return "is not watched any more: the engine has closed the connection"
    if state.get("OOMKilled"):
        limit = environment.get(MEMORY)
        return f"was killed: it needed more memory than {f'{MEMORY}={limit} allows' if limit else 'there is'}"
    if state.get("ExitCode") == KILLED:
        return "was killed"
    if state.get("Status") not in ENDED:
        return f"could not start: {state.get('Error') or 'see the lines above'}"
    return f"ended with status {state.get('ExitCode')}, which is not one of a run"


def options(engine: Engine, trainer: Trainer, job: Job, environment: Mapping[str, str]) -> list[str]:
    root = job.workspace.root
    found = ["--init", f"--workdir={root}", f"--user={os.getuid()}:{os.getgid()}", "--security-opt=no-new-privileges"]
    found += ["--cap-drop=ALL"] if os.getuid() else []  # root owns what it writes, whoever owned it before
    found += ["--userns=keep-id"] if engine.name == "podman" and os.getuid() else []
    # A server or a database on this machine's loopback is reached as by a run without a container.
    found += [f"--network={'host' if job.needs_network(environment) else 'none'}"]
    for option, variable in (("memory", MEMORY), ("cpus", CPUS), ("gpus", GPUS)):
        found += [f"--{option}={environment[variable]}"] if environment.get(variable) else []
    for path, mode in mounts(job).items():
        found += ["--mount", f"type=bind,source={path},target={path}{mode}"]
    fixed = {
        "PYTHONPATH": os.pathsep.join(map(str, job.python_path)),
        "PYTHONHASHSEED": environment.get("PYTHONHASHSEED") or "0",
        TRAINED_IN: trainer.digest,
        **jobs.git_settings(root),
    }
    found += [f"--env={name}={value}" for name, value in fixed.items()]
    # By name alone: the engine reads the value, and no secret is in the list of processes.
    return found + [f"--env={name}" for name in sorted(job.variables(environment)) if name not in fixed]


def mounts(job: Job) -> dict[Path, str]:
    """The folders and files of this machine by their paths, which are the same in the container: MLflow's store and
    git's work trees name them."""
    root, home = job.workspace.root, job.workspace.home
    written = [root, *jobs.git_folders(root), *([] if home.is_relative_to(root) else [home])]
    read = [*job.outside(), *(path for path in map(Path, excludes(root)) if path.is_file())]
    outer = [path for path in read if not any(map(path.is_relative_to, {*written, *read} - {path}))]
    return dict.fromkeys(written, "") | dict.fromkeys(outer, ",readonly")


def excludes(root: Path) -> list[str]:
    """The file of the caller that says what git ignores in every checkout."""
    found = jobs.git_settings(root)
    return [found[f"GIT_CONFIG_VALUE_{i}"] for i in range(3) if found.get(f"GIT_CONFIG_KEY_{i}") == "core.excludesFile"]
