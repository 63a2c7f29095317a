"""Which record a logged model is: this checkout's, or the registry's where the log comes from elsewhere."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from mainline.monitoring import model_lookup
from mainline.monitoring.window import Window
from tests.mainline.monitoring.shops import Shop, shop


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return shop(tmp_path_factory.mktemp("shop"))


def window(version: str, digest: str) -> Window:
    return Window(None, digest=digest, version=version)  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_pipeline_is_known_by_its_digest_and_an_export_by_what_it_was_made_from(made: Shop) -> None:
    digest = made.record.digest
    assert model_lookup.local(made.workspace)[digest].path == made.record.path
    made.workspace.model.mkdir(parents=True, exist_ok=True)
    signature = {"digest": "e" * 64, "pipeline_digest": digest}
    (made.workspace.model / "serving.json").write_text(json.dumps(signature))
    assert model_lookup.local(made.workspace)["e" * 64].path == made.record.path


def test_an_export_made_elsewhere_is_known_by_the_fingerprint_in_its_version(made: Shop) -> None:
    models = model_lookup.local(made.workspace)
    fingerprint = made.record.fingerprint
    assert model_lookup.record_of(window(fingerprint[:12], "0" * 64), made.workspace, models)
    # Too short a piece of it, or another one, is nobody's.
    assert model_lookup.record_of(window(fingerprint[:4], "0" * 64), made.workspace, models) is None
    assert model_lookup.record_of(window("0" * 12, "0" * 64), made.workspace, models) is None


def test_a_damaged_record_is_not_taken_and_hides_no_other(made: Shop) -> None:
    broken = made.workspace.records / ("c" * 64)
    broken.mkdir()
    (broken / "record.json").write_text("{")
    try:
        assert made.record.digest in model_lookup.local(made.workspace)
    finally:
        shutil.rmtree(broken)


@pytest.mark.slow
def test_a_machine_without_the_record_gets_it_from_the_registry(made: Shop, tmp_path: Path) -> None:
    import mlflow

    from mainline.registry import runs
    from mainline.registry.models import open_registry
    from mainline.runtime.workspace import Workspace
    from tests.mainline.releases import Echo

    there = Workspace.at(tmp_path)
    registry = open_registry(there.state)
    _, artifacts = runs.store(there.state)
    experiment = registry.client.create_experiment(runs.EXPERIMENT, artifacts)
    with mlflow.start_run(experiment_id=experiment) as run:
        mlflow.pyfunc.log_model(name="model", python_model=Echo(), pip_requirements=["mlflow"])
        mlflow.log_artifacts(str(made.record.path), "record")
    tags = {"model_digest": made.record.digest, "fingerprint": made.record.fingerprint}
    number = registry.register(run.info.run_id, tags).number
    found = model_lookup.record_of(window(str(number), "0" * 64), there, {})
    assert found
    assert found.digest == made.record.digest
    assert found.holdout.block is not None
    assert model_lookup.record_of(window(str(number + 1), "0" * 64), there, {}) is None
