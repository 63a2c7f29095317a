"""What the trainer image is made of, without an engine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

import pytest

from mainline.execution import trainer_image
from tests.projects import TOP, Project


def test_a_run_elsewhere_needs_none_of_the_packages_that_train() -> None:
    """`make trainer` and `make run IN=docker` install the core alone."""
    code = "import sys, mainline.cli.execution, mainline.execution.container_run, mainline.config.loader as loader; "
    code += "loader.load(); print(*sorted({name.partition('.')[0] for name in sys.modules} & set(sys.argv[1:])))"
    heavy = ["numpy", "pandas", "duckdb", "pyarrow", "msgspec", "sklearn", "mlflow", "ibis", "oras", "requests"]
    done = subprocess.run([sys.executable, "-c", code, *heavy], cwd=TOP, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


@pytest.mark.skipif(not shutil.which(os.environ.get("UV", "uv")), reason="uv is not on the PATH: make test brings it")
def test_the_packages_are_those_of_training_and_of_the_models_frameworks(project: Project) -> None:
    listed = trainer_image.requirements(project.root)
    names = set(re.findall(r"^([a-z0-9-]+)==", listed, re.MULTILINE))
    assert {"scikit-learn", "mlflow", "pydantic"} < names
    assert not names & {"pytest", "ruff", "lightgbm", "granian"}
    assert listed.count("--hash=sha256:") > len(names)
    project.edit("params.yaml", ("sklearn.ensemble.HistGradientBoostingClassifier", "lightgbm.LGBMClassifier"))
    assert trainer_image.groups(project.root) == ["train", "boosting"]
    assert "lightgbm==" in trainer_image.requirements(project.root)
    # What does not train changes no image: a linter's version, for one.
    before = trainer_image.lock_digest(project.root, "a base", listed)
    project.edit("pyproject.toml", ('"ruff>=0.17"', '"ruff>=0.16"'))
    project.edit("params.yaml", ("lightgbm.LGBMClassifier", "sklearn.ensemble.HistGradientBoostingClassifier"))
    assert trainer_image.lock_digest(project.root, "a base", trainer_image.requirements(project.root)) == before
