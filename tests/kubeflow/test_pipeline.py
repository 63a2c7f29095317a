"""The pipeline of `make kfp`, run for real by `kfp.local`: each step is a container of the trainer image."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from mainline.execution.trainer_image import Trainer
from mainline.packaging.engine import Engine
from tests.bounds import HANG
from tests.projects import TOP, Project

pytestmark = pytest.mark.slow

PYTHON = TOP / ".venv-kfp" / "bin" / "python"


@pytest.fixture(autouse=True)
def installed() -> None:
    if not PYTHON.exists():
        pytest.skip("kfp is not installed: make test-trainer")


def compile_pipeline(project: Project, trainer: Trainer) -> Path:
    done = project.mainline("kfp", "--python", str(PYTHON), MAINLINE_TRAINER=trainer.reference)
    assert (done.status, done.out) == (0, "reports/pipeline.yaml\n"), done.err
    return project.path("reports/pipeline.yaml")


def run(pipeline: Path, folder: Path) -> tuple[int, str]:
    done = subprocess.run(
        [PYTHON, Path(__file__).with_name("run_local.py"), pipeline, folder],
        env={**os.environ, "PYTHONPATH": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=HANG,
    )
    return done.returncode, re.sub(r"\x1b\[\d+m", "", done.stdout)


def last(folder: Path, step: str, name: str) -> Path:
    """What the newest run has left as the output of a step."""
    return max(folder.glob(f"mainline-*/{step}/{name}"))


def image_of(pipeline: Path) -> str:
    executors = next(yaml.safe_load_all(pipeline.read_text()))["deploymentSpec"]["executors"]
    (image,) = {each["container"]["image"] for each in executors.values()}
    return str(image)


def test_a_pipeline_stops_where_a_component_fails_and_the_next_makes_the_model_and_the_report_of_a_run(
    docker: Engine, trainer: Trainer, project: Project, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    project.edit("params.yaml", ("max_iter: 30", "max_iter: 31"))
    project.edit("data/expectations/visits.yaml", ("max_value: 240", "max_value: 20"))
    status, said = run(compile_pipeline(project, trainer), out)
    assert status != 0
    assert "Task 'validate' finished with status FAILURE" in said
    assert "minutes" in said
    assert not [*out.glob("mainline-*/train/model")]

    project.edit("data/expectations/visits.yaml", ("max_value: 20", "max_value: 240"))
    pipeline = compile_pipeline(project, trainer)
    status, said = run(pipeline, out)
    assert status == 0, said
    # The fingerprint has not changed: KFP has what it decides in its cache.
    assert [len([*out.glob(f"mainline-*/{step}")]) for step in ("collect", "prepare")] == [1, 1]

    here = project.run()
    assert here.status == 0, here.err
    verdict = project.verdict
    # KFP's own types hold what they are for.
    digest = re.search(r"model: Model\(.*?'digest': '(\w+)'", said, re.DOTALL)
    assert digest and digest[1] == verdict["model_digest"]
    record = json.loads((last(out, "train", "model") / "record.json").read_text())
    assert (record["model"]["digest"], record["image"]) == (verdict["model_digest"], trainer.digest)
    measured = json.loads(last(out, "compare", "metrics").read_text())
    assert measured["roc_auc"] == verdict["metrics"]["roc_auc"]["candidate"]
    assert last(out, "compare", "verdict").read_text() == verdict["verdict"]
    assert "<html" in last(out, "report", "page").read_text()
    assert last(out, "prepare", "frame").read_bytes()[:4] == b"PAR1"

    # A step of a pipeline that was compiled for other data.
    image = image_of(pipeline)
    call = ["python", "-m", "mainline", "step", "collect", "--executor-input", "{}", "--fingerprint", "0" * 64]
    done = docker.attempt("run", "--rm", "--network=none", image, *call, "--base", "main")
    docker.attempt("rmi", image)
    assert done.returncode == 4
    assert "the pipeline was compiled for 0000000000: compile it again (`make kfp`)" in done.stderr
