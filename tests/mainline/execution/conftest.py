from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mainline.execution import trainer_image
from mainline.execution.trainer_image import Trainer
from mainline.packaging.engine import Engine
from mainline.runtime.workspace import Workspace
from tests.container.conftest import base_image, docker
from tests.projects import TOP, Project

__all__ = ["docker"]

LOCKED = ("pyproject.toml", "uv.lock", str(trainer_image.DOCKERFILE), "deploy/kubernetes/job/job.yaml")
SOMEBODY = 12321  # a user of this machine that is not root, where the tests are run by root


@pytest.fixture(scope="session")
def trainer(docker: Engine, tmp_path_factory: pytest.TempPathFactory) -> Trainer:
    """The image of this repository's lock; it stays, since building it takes minutes."""
    base_image(docker)
    with Path(tempfile.gettempdir(), "mainline-trainer.lock").open("w") as alone:
        fcntl.flock(alone, fcntl.LOCK_EX)  # the other workers of pytest take what the first has built
        place = Workspace.at(TOP, tmp_path_factory.mktemp("trainer"))
        return trainer_image.build(docker, place, None, dict(os.environ))


@pytest.fixture
def project() -> Iterator[Project]:
    """The shop with this repository's machine and lock, in a folder that every user can enter."""
    folder = Path(tempfile.mkdtemp(prefix="mainline-elsewhere-"))
    folder.chmod(0o755)
    made = Project(folder / "shop")
    for name in LOCKED:
        shutil.copyfile(TOP / name, made.path(name))
    for name in ("src/mainline", "pipelines"):
        shutil.copytree(TOP / name, made.root / name, ignore=shutil.ignore_patterns("__pycache__"))
    made.commit("What is locked")
    yield made
    shutil.rmtree(folder)
