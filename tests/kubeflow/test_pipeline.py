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
        pytest.skip("kfp is not installed: make test-kfp")


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


def test_the_pipeline_makes_the_model_and_the_report_that_a_run_makes(
    docker: Engine, trainer: Trainer, project: Project, tmp_path: Path
) -> None:
    project.edit("params.yaml", ("max_iter: 30", "max_iter: 31"))
    pipeline = compile_pipeline(project, trainer)
    try:
        status, said = run(pipeline, tmp_path / "out")
        assert status == 0, said
        again, said_again = run(pipeline, tmp_path / "out")
    finally:
        docker.attempt("rmi", image_of(pipeline))
    here = project.run()
    assert here.status == 0, here.err
    verdict = project.verdict

    # KFP's own types hold what they are for.
    digest = re.search(r"model: Model\(.*?'digest': '(\w+)'", said, re.DOTALL)
    assert digest and digest[1] == verdict["model_digest"]
    record = json.loads((last(tmp_path / "out", "train", "model") / "record.json").read_text())
    assert (record["model"]["digest"], record["image"]) == (verdict["model_digest"], trainer.digest)
    measured = json.loads(last(tmp_path / "out", "compare", "metrics").read_text())
    assert measured["roc_auc"] == verdict["metrics"]["roc_auc"]["candidate"]["value"]
    assert last(tmp_path / "out", "compare", "verdict").read_text() == verdict["verdict"]
    assert "<html" in last(tmp_path / "out", "report", "page").read_text()
    assert last(tmp_path / "out", "prepare", "frame").read_bytes()[:4] == b"PAR1"
    # What the fingerprint decides comes from KFP's cache the second time; the comparison is made again.
    assert again == 0, said_again
    assert "fit" not in said_again.partition("'compare'")[0].replace("'fit'", "")
    assert len([*(tmp_path / "out").glob("mainline-*/train/model")]) == 1
    assert len([*(tmp_path / "out").glob("mainline-*/compare/metrics")]) == 2


def test_a_component_that_fails_stops_the_pipeline_with_its_reason_and_the_next_run_goes_on(
    docker: Engine, trainer: Trainer, project: Project, tmp_path: Path
) -> None:
    project.edit("data/expectations/visits.yaml", ("max_value: 240", "max_value: 20"))
    broken = compile_pipeline(project, trainer)
    status, said = run(broken, tmp_path / "out")
    assert status != 0
    assert "Task 'validate' finished with status FAILURE" in said
    assert "minutes" in said
    assert not [*(tmp_path / "out").glob("mainline-*/train/model")]
    project.edit("data/expectations/visits.yaml", ("max_value: 20", "max_value: 240"))
    good = compile_pipeline(project, trainer)
    status, said = run(good, tmp_path / "out")
    docker.attempt("rmi", image_of(good))
    assert status == 0, said


def test_a_pipeline_of_other_data_is_refused_by_its_first_step(
    docker: Engine, trainer: Trainer, project: Project, tmp_path: Path
) -> None:
    pipeline = compile_pipeline(project, trainer)
    image = image_of(pipeline)
    call = ["python", "-m", "mainline", "step", "collect", "--executor-input", "{}", "--fingerprint", "0" * 64]
    done = docker.attempt("run", "--rm", "--network=none", image, *call, "--base", "main")
    docker.attempt("rmi", image)
    assert done.returncode == 4
    assert "the pipeline was compiled for 0000000000: compile it again (`make kfp`)" in done.stderr
