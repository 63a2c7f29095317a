"""`make run IN=kubernetes`: the manifest holds to its schema, and a stand-in for kubectl runs the Job's container."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

from mainline.config import loader
from mainline.errors import ConfigurationError, ExternalError
from mainline.execution import cluster_job
from mainline.execution.job import Job
from mainline.execution.trainer_image import Trainer
from mainline.packaging import image
from mainline.packaging.engine import Engine
from mainline.runtime.workspace import Workspace
from tests.bounds import HANG, happens
from tests.projects import EXAMPLE, TOP, Project
from tests.servers import Oci, oci_registry

__all__ = ["oci_registry"]

TRAINER = Trainer("registry.example/team/trainer@sha256:" + "a" * 64, "sha256:" + "a" * 64, "b" * 64)
HIDDEN = "never sent"
SET = {"MAINLINE_STATE": "registry.example/team/state", "MAINLINE_REGISTRY_PASSWORD": HIDDEN}


def made(**environment: str) -> dict[str, Any]:
    job = Job(loader.load(EXAMPLE), Workspace.at(TOP), ["run"])
    return cluster_job.manifest(
        job, TRAINER, "registry.example/team/jobs@sha256:c", "mainline-run-1", SET | environment
    )


def test_the_manifest_of_a_job_holds_to_kubernetes_own_schema_and_has_no_secret() -> None:
    asked = {"MAINLINE_JOB_MEMORY": "2Gi", "MAINLINE_JOB_CPUS": "1", "MAINLINE_JOB_GPUS": "1"}
    found = made(**asked, MAINLINE_JOB_SECONDS="60", MAINLINE_JOB_SECRET="team")
    kubernetes_validate.validate(found, "1.32", strict=True)
    (container,) = found["spec"]["template"]["spec"]["containers"]
    assert found["spec"]["activeDeadlineSeconds"] == 60
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert [container["resources"][kind]["memory"] for kind in ("requests", "limits")] == ["2Gi", "2Gi"]
    assert container["envFrom"] == [{"secretRef": {"name": "team"}}]
    assert HIDDEN not in json.dumps(found)
    plain = made()
    kubernetes_validate.validate(plain, "1.32", strict=True)
    assert plain["spec"]["activeDeadlineSeconds"] == 3600
    assert "nvidia.com/gpu" not in json.dumps(plain)
    with pytest.raises(ConfigurationError, match="MAINLINE_JOB_SECONDS is 'an hour'"):
        made(MAINLINE_JOB_SECONDS="an hour")


def test_what_a_job_needs_is_said_before_anything_is_built(cluster: Path) -> None:
    job = Job(loader.load(EXAMPLE), Workspace.at(TOP), ["run"])
    with pytest.raises(ConfigurationError, match="MAINLINE_STATE is not set"):
        cluster_job.check(TRAINER, job, {})
    with pytest.raises(ConfigurationError, match="`make trainer` with MAINLINE_IMAGE pushes it"):
        cluster_job.check(dataclasses.replace(TRAINER, reference=TRAINER.digest), job, SET)


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which the stand-in keeps what it was asked."""
    program = tmp_path / "bin" / "kubectl"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {Path(__file__).with_name("kubectl.py")} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("RECORD", str(tmp_path))
    return tmp_path


@pytest.fixture
def variables(docker: Engine, trainer: Trainer, oci_registry: Oci) -> dict[str, str]:
    repository = f"{oci_registry.host}/team/visits"
    tag = f"{repository}/trainer:test"
    docker.run("tag", trainer.reference, tag)
    reference = f"{repository}/trainer@{image.push(docker, f'{repository}/trainer', tag)}"
    return {"MAINLINE_TRAINER": reference, "MAINLINE_STATE": f"{repository}/state"}


@pytest.mark.slow
def test_a_job_leaves_what_a_run_of_this_machine_leaves(
    cluster: Path, variables: dict[str, str], project: Project
) -> None:
    project.edit("params.yaml", ("max_iter: 30", "max_iter: 31"))
    here = project.run("--state", str(project.root.parent / "here"))
    assert here.status == 0, here.err
    expected = project.verdict
    project.path("reports/verdict.json").unlink()
    done = project.run("--in", "kubernetes", **variables)
    assert done.status == 0, done.err
    assert "✓ Passed" in done.out
    assert project.verdict["model_digest"] == expected["model_digest"]
    assert project.verdict["metrics"] == expected["metrics"]
    records = [json.loads(path.read_text()) for path in project.records]
    assert {each["image"] for each in records} == {variables["MAINLINE_TRAINER"].partition("@")[2]}
    # MLflow's store is back, and its run has its model where the store says it is.
    code = "import mlflow; mlflow.set_tracking_uri('sqlite:///.mainline/mlflow.db'); "
    code += "r = mlflow.search_runs(experiment_names=['mainline']); print(len(r), r['tags.trainer_image'].nunique())"
    assert project.python(code).out.split() == ["2", "1"]
    assert (cluster / "calls").read_text().splitlines()[-1].startswith('["delete", "job/mainline-run-')
    # A second run here trains nothing again.
    again = project.run()
    assert again.status == 0, again.err
    assert "fit" not in again.err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fails", "said"),
    [("evicted", "was evicted: The node was low on resource: memory."), ("deadline", r"was ended by its deadline")],
)
def test_a_job_that_is_evicted_or_too_long_says_so_and_leaves_nothing(
    cluster: Path, variables: dict[str, str], project: Project, fails: str, said: str
) -> None:
    done = project.run("--in", "kubernetes", **variables, FAILS=fails)
    assert done.status == 4
    assert said in done.err
    assert project.records == []
    assert '["delete", "job/mainline-run-' in (cluster / "calls").read_text()


@pytest.mark.slow
def test_a_job_is_deleted_with_its_caller(
    docker: Engine, cluster: Path, variables: dict[str, str], project: Project
) -> None:
    project.edit("src/shop/frame.py", ("    bought =", "    import time; time.sleep(3600)\n    bought ="))
    run = project.start("run", "--in", "kubernetes", **variables)
    calls = cluster / "calls"
    assert happens(lambda: run.poll() is not None or (calls.exists() and '"logs"' in calls.read_text()))
    name = json.loads((cluster / "job.json").read_text())["metadata"]["name"]
    assert docker.container(name)
    run.send_signal(signal.SIGKILL)
    assert happens(lambda: docker.container(name) is None)
    run.communicate(timeout=HANG)


def test_a_verdict_without_its_results_is_none() -> None:
    digest = f"sha256:{'d' * 64}"
    assert cluster_job.result(0, digest) == (0, digest)
    assert cluster_job.result(status=3, message="") == (3, "")
    with pytest.raises(ExternalError, match="did not say where its results are"):
        cluster_job.result(0, "")


def test_why_a_job_ended_is_said() -> None:
    pod = {"phase": "Failed", "reason": "", "message": "", "containers": []}
    killed = [{"exitCode": 137, "reason": "OOMKilled"}]
    assert "more memory than its limit" in (cluster_job.why(pod, killed, []) or "")
    away = [{"state": {"waiting": {"reason": "ErrImagePull", "message": "not found"}}}]
    assert cluster_job.why({**pod, "containers": away}, [], []) == "could not start: ErrImagePull: not found"
    assert cluster_job.why({**pod, "phase": "Pending"}, [], []) is None
