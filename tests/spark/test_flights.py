"""The example, whole: on a cluster of two workers and in the trainer container, the model of DuckDB on this machine."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

pytest.importorskip("pyspark", reason="Spark is not installed: make test-frameworks")

from mainline.execution.trainer_image import Trainer
from tests.mainline.execution.conftest import docker, trainer
from tests.projects import EXAMPLE, TOP, Project
from tests.spark.cluster import Cluster

__all__ = ["docker", "trainer"]

pytestmark = pytest.mark.slow

SAME = ("fingerprint", "model_digest", "data", "metrics")


def example(folder: Path, *changes: tuple[str, str]) -> Project:
    subprocess.run(["git", "clone", "--quiet", str(TOP), str(folder)], check=True)
    found = Project.at(folder)
    found.git("checkout", "--quiet", "-B", "main")
    found.git("remote", "remove", "origin")
    found.sign()
    shutil.copy(EXAMPLE, folder / "params.yaml")
    found.git("commit", "--quiet", "--allow-empty", "--all", "--message", "The example as it was measured")
    found.edit("params.yaml", *changes)
    return found


def agrees(there: Project, here: Project) -> None:
    """All that is in the verdict of both, but how long a fit took."""
    for same in SAME:
        assert there.verdict[same] == here.verdict[same]
    gates = [[gate for gate in each.verdict["gates"] if gate["name"] != "training time"] for each in (there, here)]
    assert gates[0] == gates[1]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Project:
    found = example(tmp_path_factory.mktemp("here") / "example")
    result = found.run()
    assert result.status == 0, result.err
    return found


def test_two_workers_validate_prepare_and_score_the_example_as_this_machine_does(
    cluster: Cluster, here: Project, tmp_path: Path
) -> None:
    there = example(tmp_path / "there", ("data:\n", "data:\n  engine: spark\n  spark: {least_rows: 0}\n"))
    result = there.run(SPARK_REMOTE=cluster.url)
    assert result.status == 0, result.err
    agrees(there, here)
    (kept,), (other,) = here.records, there.records
    for name in ("model.pkl", "rows.npz"):
        assert (kept.parent / name).read_bytes() == (other.parent / name).read_bytes()
    pages = [sorted(path.name for path in each.path("reports/data").glob("*.html")) for each in (here, there)]
    assert pages[0] == pages[1] and len(pages[0]) > 5


@pytest.mark.trainer
def test_the_trainer_container_makes_the_same_model(trainer: Trainer, here: Project, tmp_path: Path) -> None:
    there = example(tmp_path / "there")
    result = there.run("--in", "docker", MAINLINE_TRAINER=trainer.reference, PYTHONHASHSEED="0")
    assert result.status == 0, result.err
    agrees(there, here)
