"""What the version before left behind goes on working: `make.py` made it by that version's own code; see README.md."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import tarfile
import urllib.request
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mainline.config import loader
from mainline.registry.models import open_registry
from mainline.registry.snapshot import relocate
from mainline.runtime import archives
from mainline.serving import healthcheck
from mainline.serving.signature import read
from mainline.training import pipeline
from mainline.training.record import Record
from tests.compat.make import ARTEFACTS, CODE
from tests.mainline.serving.conftest import started
from tests.projects import TOP, Project
from tests.servers import Oci, oci_registry

__all__ = ["oci_registry"]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    with tarfile.open(ARTEFACTS) as archive:
        archives.unpack(archive, folder)
    return folder


@pytest.fixture
def shop(made: Path, tmp_path: Path) -> Project:
    """The project with its store, as a checkout of this machine."""
    shutil.copytree(made / "shop", tmp_path / "shop")
    project = Project.at(tmp_path / "shop")
    (before,) = made_at(made)
    artifacts = project.root / ".mainline" / "artifacts"
    relocate(project.root / ".mainline" / "mlflow.db", before, artifacts.as_uri())
    project.init()
    project.commit("The shop")
    return project


def made_at(made: Path) -> set[str]:
    with contextlib.closing(sqlite3.connect(made / "shop" / ".mainline" / "mlflow.db")) as connection:
        rows = connection.execute("SELECT artifact_location FROM experiments WHERE name = 'mainline'").fetchall()
    return {str(location) for (location,) in rows}


def test_a_record_is_read_and_its_model_gives_the_scores_that_it_recorded(made: Path) -> None:
    (path,) = (made / "shop" / ".mainline" / "records").iterdir()
    record = Record.read(path)
    settings = loader.load(made / "shop" / "params.yaml").settings
    visits = pd.read_parquet(made / "shop" / "data" / "visits.parquet").astype(
        {"minutes": "float32", "pages": "float32"}
    )
    scores = pipeline.predict(settings, record.model(), visits)
    assert len(record.holdout.score) > 1000
    assert np.isin(record.holdout.score, scores).all()


def test_a_project_with_its_store_is_the_baseline_of_the_next_change(shop: Project) -> None:
    before = {path.parent.name for path in shop.records}
    shop.git("switch", "--quiet", "--create", "longer")
    shop.edit("params.yaml", ("max_iter: 30", "max_iter: 31"))
    shop.commit("Longer")
    found = shop.run("--base", "main")
    assert found.status in (0, 1), found.err
    assert shop.verdict["baseline"]["fingerprint"]
    assert before & {path.parent.name for path in shop.records}, "the record of the version before is still kept"
    runs = open_registry(shop.root / ".mainline").client.search_runs(["1"])
    assert len(runs) >= 2, "the runs of the version before are in the same store"


def test_an_export_is_served_and_answers_its_own_example(made: Path) -> None:
    exported = json.loads((made / "model" / "serving.json").read_text(encoding="utf-8"))
    with started(made / "model") as server:
        healthcheck.agree(server.port, exported)
        exported["answers"][0][0] += 0.01
        with pytest.raises(ValueError, match="example"):
            healthcheck.agree(server.port, exported)


def test_an_export_scores_a_file_as_its_record_says(shop: Project, made: Path) -> None:
    found = shop.mainline("predict", "data/visits.parquet", "--model", str(made / "model"))
    assert found.status == 0, found.err
    (path,) = (made / "shop" / ".mainline" / "records").iterdir()
    predicted = pd.read_parquet(shop.path("predictions/visits.predictions.parquet"))["probability"].to_numpy()
    recorded = Record.read(path).holdout.score
    nearest = np.sort(predicted)[np.searchsorted(np.sort(predicted), recorded).clip(1, len(predicted) - 1)]
    assert np.abs(nearest - recorded).max() < 0.01
    assert read(made / "model").digest


def test_a_state_in_a_registry_is_listed_pulled_and_released_upon(shop: Project, made: Path, oci_registry: Oci) -> None:
    reference = f"{oci_registry.host}/compat/shop"
    push(f"http://{oci_registry.host}/v2/compat/shop", made / "state")
    shutil.rmtree(shop.root / ".mainline")
    listed = shop.mainline("state", "list", MAINLINE_STATE=reference)
    assert listed.status == 0, listed.err
    assert "promoted" in listed.out
    audit = shop.mainline("audit", MAINLINE_STATE=reference)
    assert audit.status == 0, audit.err
    assert "promoted" in audit.out
    promoted = shop.mainline("promote", MAINLINE_STATE=reference)
    assert promoted.status == 0, promoted.err
    assert "is the champion" in promoted.out


def push(repository: str, folder: Path) -> None:
    """Put the artifact where a registry has it, byte by byte as it was pushed."""
    for path in folder.iterdir():
        if path.name != "manifest.json":
            with urllib.request.urlopen(urllib.request.Request(f"{repository}/blobs/uploads/", method="POST")) as begun:
                place = begun.headers["Location"]
            mark = "&" if "?" in place else "?"
            put(f"{place}{mark}digest=sha256:{path.name}", path.read_bytes(), "application/octet-stream")
    content = (folder / "manifest.json").read_bytes()
    kind = json.loads(content)["mediaType"]
    for tag in ("state", "state-2"):
        put(f"{repository}/manifests/{tag}", content, kind)


def put(url: str, content: bytes, kind: str) -> None:
    request = urllib.request.Request(url, content, {"Content-Type": kind}, method="PUT")
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 201


def test_main_on_the_code_of_before_is_asked_by_that_code_and_is_the_same_model(made: Path, tmp_path: Path) -> None:
    """A branch that takes in this version: main trains and scores by its own code, this branch by this one."""
    shutil.copytree(made / "shop", tmp_path / "shop", ignore=shutil.ignore_patterns(".mainline"))
    project = Project.at(tmp_path / "shop")
    with tarfile.open(CODE) as archive:
        archives.unpack(archive, project.root)
    project.init()
    project.commit("The shop on the version before")
    project.git("switch", "--quiet", "--create", "upgrade")
    for name in ("src/mainline", "pipelines"):
        shutil.rmtree(project.root / name)
        shutil.copytree(TOP / name, project.root / name, ignore=shutil.ignore_patterns("__pycache__"))
    project.commit("Take in this version")
    found = project.run("--base", "main")
    assert found.status == 0, found.out + found.err
    verdict = project.verdict
    assert verdict["baseline"]["commit"] == project.git("rev-parse", "main")
    assert verdict["baseline"]["fingerprint"] != verdict["fingerprint"], "each code made its own record"
    assert verdict["metrics"]["roc_auc"]["delta"] == 0
    assert "main's code cannot" not in project.report
