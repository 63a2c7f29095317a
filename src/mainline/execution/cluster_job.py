"""`make run IN=kubernetes`: the same job as a Job of the cluster that kubectl is set to.

The checkout goes there in an image on top of the trainer image; the results come back through the registry of the
shared state. The Job is deleted with its caller, and by its deadline at the latest.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from mainline.config.environment import STATE, TRAINED_IN
from mainline.errors import ConfigurationError, ExternalError
from mainline.execution import job_image, parcel
from mainline.execution.container_run import CPUS, GPUS, MEMORY, OURS
from mainline.execution.job import Job
from mainline.execution.pod import WITH_RESULTS
from mainline.execution.removal import removed_at_end
from mainline.execution.trainer_image import Trainer
from mainline.packaging.engine import Engine

MANIFEST = Path("deploy/kubernetes/job/job.yaml")
SECONDS, SECRET, NAMESPACE = "MAINLINE_JOB_SECONDS", "MAINLINE_JOB_SECRET", "MAINLINE_NAMESPACE"
GPU = "nvidia.com/gpu"
EVERY = 1.0  # seconds between two looks at the Job


def run(engine: Engine, trainer: Trainer, job: Job, environment: Mapping[str, str] = os.environ) -> int:
    """Run the job in the cluster; returns the exit status of the run, whose results are then here.

    Raises
    ------
    ConfigurationError
        Where a variable, kubectl or the manifest is missing, or a source cannot be reached from the cluster.
    ExternalError
        Where the cluster or a registry fails, or the Job is evicted, killed, or longer than its deadline.
    """
    check(trainer, job, environment)
    name = f"mainline-run-{secrets.token_hex(4)}"
    kubectl = ["kubectl", "--namespace", environment.get(NAMESPACE) or "default"]
    with job.workspace.locked():
        made = job_image.build(engine, trainer, job, name, with_state=True)
        content = manifest(job, trainer, made, name, environment)
        with removed_at_end([*kubectl, "delete", f"job/{name}", "--ignore-not-found", "--wait=false"], environment):
            asked([*kubectl, "apply", "--filename", "-"], given=yaml.safe_dump(content, sort_keys=False))
            status, digest = followed(kubectl, name)
        if digest:
            parcel.take_in(job.workspace, environment[STATE], digest)
    return status


def check(trainer: Trainer, job: Job, environment: Mapping[str, str]) -> None:
    """Raises ConfigurationError before anything is built or sent."""
    if shutil.which("kubectl") is None:
        raise ConfigurationError("IN=kubernetes needs kubectl, which is not installed")
    if not environment.get(STATE):
        raise ConfigurationError(f"{STATE} is not set: the results of a Job come back through that repository")
    if "@" not in trainer.reference:
        raise ConfigurationError(
            f"the trainer image {trainer.digest[:19]} is in this machine's engine only: "
            "`make trainer` with MAINLINE_IMAGE pushes it where a cluster can pull it"
        )
    if not job.workspace.home.is_relative_to(job.workspace.root):
        raise ConfigurationError("--state is a folder of this machine: a Job has none")
    if not (job.workspace.root / MANIFEST).is_file():
        raise ConfigurationError(f"{job.workspace.root / MANIFEST} does not exist: the Job is made from it")
    outside = job.outside()
    if outside:
        raise ConfigurationError(
            f"{outside[0]} is a file of this machine: a Job reads the checkout, URLs and databases"
        )


def manifest(job: Job, trainer: Trainer, made: str, name: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """The manifest of the Job: the checkout's own, with what belongs to this run."""
    content: dict[str, Any] = yaml.safe_load((job.workspace.root / MANIFEST).read_text(encoding="utf-8"))
    content["metadata"]["name"] = name
    content["spec"]["activeDeadlineSeconds"] = seconds(environment, content["spec"]["activeDeadlineSeconds"])
    (container,) = content["spec"]["template"]["spec"]["containers"]
    container["image"] = made
    container["command"] = ["python", "-m", "mainline.execution.pod", environment[STATE], name, "--", *job.arguments]
    container["workingDir"] = str(job.workspace.root)
    fixed = {
        "PYTHONPATH": os.pathsep.join(map(str, job.python_path)),
        "PYTHONHASHSEED": environment.get("PYTHONHASHSEED") or "0",
        TRAINED_IN: trainer.digest,
    }
    # Values of variables that hold secrets come from the cluster's own Secret, never from this machine.
    container["env"] = [{"name": name, "value": value} for name, value in (job.plain(environment) | fixed).items()]
    if environment.get(SECRET):
        container["envFrom"] = [{"secretRef": {"name": environment[SECRET]}}]
    for resource, variable in (("memory", MEMORY), ("cpu", CPUS)):
        if environment.get(variable):
            for kind in ("requests", "limits"):
                container["resources"][kind][resource] = environment[variable]
    if environment.get(GPUS):
        container["resources"]["limits"][GPU] = environment[GPUS]
    return content


def seconds(environment: Mapping[str, str], default: int) -> int:
    given = environment.get(SECONDS) or str(default)
    if not given.isdigit() or not int(given):
        raise ConfigurationError(f"{SECONDS} is {given!r}: write the longest time of a Job in whole seconds")
    return int(given)


def followed(kubectl: list[str], name: str) -> tuple[int, str]:
    """Print the Job's log until it ends; its exit status, and the digest of its results where it has some."""
    shown = False
    while True:
        pod = state_of_pod(kubectl, name)
        ended = [each["state"]["terminated"] for each in pod["containers"] if "terminated" in each.get("state", {})]
        if pod["phase"] in ("Running", "Succeeded", "Failed") and pod["containers"] and not shown:
            subprocess.run([*kubectl, "logs", "--follow", f"job/{name}"], stdin=subprocess.DEVNULL, check=False)
            shown = True
            continue
        if ended and ended[0].get("reason") != "OOMKilled" and ended[0]["exitCode"] in OURS:
            return result(int(ended[0]["exitCode"]), str(ended[0].get("message") or "").strip())
        problem = why(pod, ended, conditions(kubectl, name))
        if problem:
            raise ExternalError(
                f"the Job {name} {problem}; what was recorded before is intact, and a new run starts over"
            )
        time.sleep(EVERY)


def result(status: int, message: str) -> tuple[int, str]:
    """Exit status and digest of the results; raises ExternalError for a verdict whose results are nowhere."""
    if status in WITH_RESULTS and not re.fullmatch(r"sha256:[0-9a-f]{64}", message):
        raise ExternalError(f"the Job ended with status {status} and did not say where its results are: {message!r}")
    return status, message if status in WITH_RESULTS else ""


def state_of_pod(kubectl: list[str], name: str) -> dict[str, Any]:
    """Phase, reason, message and container states of the Job's newest pod; empty where there is none (yet)."""
    said = asked([*kubectl, "get", "pods", "--selector", f"job-name={name}", "--output", "json"])
    pods = json.loads(said or "{}").get("items") or [{}]
    status = pods[-1].get("status") or {}
    found = {key: status.get(key) or "" for key in ("phase", "reason", "message")}
    return {**found, "containers": status.get("containerStatuses") or []}


def conditions(kubectl: list[str], name: str) -> list[dict[str, Any]]:
    said = asked([*kubectl, "get", f"job/{name}", "--ignore-not-found", "--output", "json"])
    if not said.strip():
        return [{"type": "Failed", "status": "True", "reason": "Deleted", "message": "somebody has deleted it"}]
    return list((json.loads(said).get("status") or {}).get("conditions") or [])


def why(pod: Mapping[str, Any], ended: list[dict[str, Any]], found: list[dict[str, Any]]) -> str | None:
    """Why the Job has ended otherwise than a run does; None while it goes on."""
    failed = next((each for each in found if each.get("type") == "Failed" and each.get("status") == "True"), None)
    if failed and failed.get("reason") == "DeadlineExceeded":
        return f"was ended by its deadline ({SECONDS})"
    if pod["reason"] == "Evicted":
        return f"was evicted: {pod['message'] or 'the node gives no reason'}"
    if ended:
        reason = ended[0].get("reason")
        return (
            f"was killed: it needed more memory than its limit ({MEMORY})"
            if reason == "OOMKilled"
            else f"ended with status {ended[0]['exitCode']} ({reason or 'no reason given'})"
        )
    waiting = [each["state"]["waiting"] for each in pod["containers"] if "waiting" in each.get("state", {})]
    if waiting and waiting[0].get("reason") in ("ErrImagePull", "ImagePullBackOff", "InvalidImageName"):
        return f"could not start: {waiting[0]['reason']}: {waiting[0].get('message', '')}"
    return f"failed: {failed.get('reason')}: {failed.get('message')}" if failed else None


def asked(call: list[str], given: str | None = None) -> str:
    done = subprocess.run(call, input=given, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["nothing"]
        raise ExternalError(f"`kubectl {call[3]}` failed: {said[-1]}")
    return done.stdout
