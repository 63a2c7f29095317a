"""The example with LightGBM: reviewed, exported, built into the small image, and asked about every holdout row."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from mainline.packaging import engine
from mainline.packaging import image as build
from tests.container.conftest import base_image, docker
from tests.projects import EXAMPLE, TOP, Project

__all__ = ["docker"]

pytestmark = pytest.mark.slow

pytest.importorskip("lightgbm", reason="the boosting frameworks are not installed: make test-frameworks")

TRAIN = """\
train:
  estimator: lightgbm.LGBMClassifier
  params: {n_estimators: 200, learning_rate: 0.1, min_child_samples: 200, reg_lambda: 10.0}

evaluate:"""


def test_the_flights_with_lightgbm_end_in_a_small_image_that_answers_as_the_pipeline(
    tmp_path: Path, docker: engine.Engine
) -> None:
    base_image(docker)
    subprocess.run(["git", "clone", "--quiet", str(TOP), str(tmp_path / "flights")], check=True)
    project = Project.at(tmp_path / "flights")
    project.git("checkout", "--quiet", "-B", "main")
    project.git("remote", "remove", "origin")
    project.sign()
    text = re.sub(r"(?ms)^train:.*?^evaluate:", TRAIN, EXAMPLE.read_text(encoding="utf-8"))
    # The gates of an image are those of the machine that it runs on: what is asked here are its answers.
    text = re.sub(r"(?ms)^stage:.*?^monitor:", "stage: {load_seconds: 1, contract_examples: 5}\n\nmonitor:", text)
    project.write("params.yaml", text)
    project.commit("Train with LightGBM")

    found = project.run()
    assert found.status == 0, found.err + found.out
    assert project.verdict["passed"]

    made = project.mainline("image")
    assert made.status == 0, made.err
    signature = json.loads(project.path(".mainline/model/serving.json").read_text(encoding="utf-8"))
    assert (signature["engine"], signature.get("note"), signature.get("frameworks", [])) == ("onnx", None, [])
    assert signature["pipeline_digest"] == project.verdict["model_digest"]
    try:
        staged = project.mainline("stage")
        assert staged.status == 0, staged.err + staged.out
        gates = {gate["name"]: gate for gate in json.loads(project.path("reports/stage.json").read_text())["gates"]}
        assert gates["parity"]["passed"]
        assert f"{signature['agreement']['rows']:,}" in gates["parity"]["measured"] + gates["parity"]["rule"]
        papers = json.loads(project.path("reports/sbom.json").read_text(encoding="utf-8"))["components"]
        assert {"lightgbm", "scikit-learn", "pandas"}.isdisjoint(each["name"] for each in papers)
        assert build.LABEL == "mainline"
    finally:
        docker.attempt("rmi", made.out.strip())
