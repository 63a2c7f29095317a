"""Runs in a real MLflow store on SQLite."""

from __future__ import annotations

import socket
import urllib.request
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from sklearn.linear_model import LogisticRegression

from mainline.errors import ExternalError
from mainline.registry import runs as tracking
from mainline.runtime.worker import Worker
from mainline.training.record import Record
from tests.bounds import HANG
from tests.mainline.releases import apart
from tests.pipelines.shops import lean
from tests.projects import Project
from tests.servers import mlflow_page

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A shop with a weak main and a better model beside it: two trainings, two reviews of the second."""
    project = lean(tmp_path_factory.mktemp("shop"), ("numeric: [minutes, pages]", "numeric: [pages]"))
    project.edit("params.yaml", ("numeric: [pages]", "numeric: [minutes, pages]"))
    assert project.run().status == 0
    project.edit("params.yaml", ("train_seconds: 60", "train_seconds: 0.0001"))
    assert project.run().status == 1
    return project


def store(shop: Project) -> str:
    return f"sqlite:///{shop.root / '.mainline' / 'mlflow.db'}"


@pytest.fixture(scope="module")
def runs(shop: Project) -> dict[str, Run]:
    """By fingerprint; the store is opened as any client of MLflow would."""
    client = MlflowClient(store(shop))
    experiment = client.get_experiment_by_name("mainline")
    found = client.search_runs([experiment.experiment_id])
    assert len(found) == len(shop.records) == 2, "one run a fingerprint, main's included"
    return {run.data.tags["fingerprint"]: run for run in found}


@pytest.fixture(scope="module")
def run(shop: Project, runs: dict[str, Run]) -> Run:
    return runs[shop.verdict["fingerprint"]]


def test_a_run_says_of_what_it_was_made(shop: Project, run: Run) -> None:
    assert run.info.status == "FINISHED"
    assert run.data.params["train.params.max_iter"] == "30"
    assert run.data.params["prepare.features.numeric"] == "minutes, pages"
    assert run.data.params["split.holdout.count"] == "2"
    tags = run.data.tags
    assert tags["commit"] == "dirty", "HEAD is the commit of another model"
    assert tags["clean"] == "false"
    assert tags["model_digest"] == shop.verdict["model_digest"]
    assert tags["data_digest"] == shop.verdict["data"]["digest"]


def test_the_last_review_is_what_a_run_shows(shop: Project, run: Run) -> None:
    assert run.data.tags["verdict"] == "better"
    assert run.data.tags["passed"] == "false", "the second review refused it for its training time"
    metric = shop.verdict["metrics"]["roc_auc"]
    assert run.data.metrics["roc_auc"] == pytest.approx(metric["candidate"])
    assert run.data.metrics["roc_auc_delta"] == pytest.approx(metric["delta"])
    assert run.data.metrics["roc_auc_delta_low"] == pytest.approx(metric["low"])


def test_mains_run_is_there_without_a_verdict(shop: Project, runs: dict[str, Run]) -> None:
    main = runs[shop.verdict["baseline"]["fingerprint"]]
    assert main.data.tags["clean"] == "true"
    assert "verdict" not in main.data.tags
    assert main.data.params["prepare.features.numeric"] == "pages"


def test_the_inputs_have_their_digests(shop: Project, run: Run) -> None:
    record = Record.read(shop.records[0].parent.parent / shop.verdict["fingerprint"])
    tables = record.facts.tables
    found = {given.dataset.name: given.dataset for given in run.inputs.dataset_inputs}
    assert set(found) == {"visits", "purchases"}
    for name, dataset in found.items():
        assert dataset.digest == tables[name].digest[:36]
        assert tables[name].digest in dataset.source
        assert f'"rows": {tables[name].rows}' in dataset.profile


def test_report_and_record_are_kept_with_the_run(shop: Project, run: Run) -> None:
    client = MlflowClient(store(shop))
    top = {item.path for item in client.list_artifacts(run.info.run_id)}
    assert {"report.md", "report.html", "verdict.json", "record"} <= top
    kept = {item.path for item in client.list_artifacts(run.info.run_id, "record")}
    assert kept == {f"record/{name}" for name in ("record.json", "model.pkl", "rows.npz", "profile.json")}


@pytest.fixture
def loaded(shop: Project, run: Run, monkeypatch: pytest.MonkeyPatch) -> mlflow.pyfunc.PyFuncModel:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")  # what set_tracking_uri leaves there is for this test alone
    mlflow.set_tracking_uri(store(shop))
    return mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/model")


def as_the_frame_has_it(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.astype({"minutes": "float32", "pages": "float32"})


TABLES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "as in the frame": as_the_frame_has_it,
    "as in the source": lambda rows: rows,
    "in 64 bits": lambda rows: rows.astype({"minutes": "float64", "pages": "float64"}),
    "whole numbers": lambda rows: rows.assign(minutes=rows["minutes"].round().astype("int64")),
    "with what is missing": lambda rows: rows.assign(
        shop=[None, *rows["shop"][1:]], minutes=[float("nan"), *rows["minutes"][1:]], pages=[None, *rows["pages"][1:]]
    ),
    "whole numbers that may be missing": lambda rows: rows.assign(
        pages=pd.array([None, *rows["pages"][1:]], dtype="Int64")
    ),
}


@pytest.mark.parametrize("table", TABLES)
def test_the_model_is_loaded_by_mlflow_and_answers_as_the_recorded_one(
    shop: Project, loaded: mlflow.pyfunc.PyFuncModel, table: str
) -> None:
    assert loaded.metadata.signature.inputs.input_names() == ["shop", "minutes", "pages"]
    record = Record.read(shop.records[0].parent.parent / shop.verdict["fingerprint"])
    rows = TABLES[table](pd.read_parquet(shop.path("data/visits.parquet"))[["shop", "minutes", "pages"]].head(300))
    expected = record.model().predict_proba(as_the_frame_has_it(rows))
    assert loaded.predict(rows) == pytest.approx(expected, abs=1e-6)


def test_the_logged_signature_refuses_a_category_that_is_no_text_and_a_column_that_is_missing(
    shop: Project, loaded: mlflow.pyfunc.PyFuncModel
) -> None:
    rows = pd.read_parquet(shop.path("data/visits.parquet"))[["shop", "minutes", "pages"]].head(3)
    with pytest.raises(MlflowException, match="Incompatible input types for column shop"):
        loaded.predict(rows.assign(shop=[1, 2, 3]))
    with pytest.raises(MlflowException, match=r"missing inputs \['pages'\]"):
        loaded.predict(rows.drop(columns="pages"))


def test_a_store_that_cannot_be_opened_is_an_outside_failure_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "a folder" / "mlflow.db").mkdir(parents=True)
    (tmp_path / "other bytes").mkdir()
    (tmp_path / "other bytes" / "mlflow.db").write_bytes(b"no database" * 1000)
    worker = Worker()
    try:
        for damaged in tmp_path.iterdir():
            with pytest.raises(ExternalError, match=r"mlflow\.db cannot be opened .*move it away"):
                worker.submit(tracking.open_store, state=str(damaged)).result(600)
    finally:
        worker.stop()


def test_an_error_of_the_embedded_store_names_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    tracking.open_client(str(tmp_path))
    named = pytest.raises(ExternalError, match=r"store \(sqlite:.*mlflow\.db\) did not answer: no")
    with named, tracking.converted_errors(str(tmp_path)):
        raise MlflowException("no")


def test_two_processes_may_open_a_new_store_at_once(tmp_path: Path) -> None:
    processes = [apart(tracking.open_store, str(tmp_path)) for _ in range(2)]
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]


def test_metrics_without_a_value_are_not_logged() -> None:
    interval = {"value": float("nan"), "low": None, "high": None}
    found = tracking.metric_values([{"name": "precision", "candidate": interval, "delta": None}])
    assert found == {}


def test_the_page_over_the_store_answers_and_stops(shop: Project) -> None:
    with mlflow_page(shop.root) as address, urllib.request.urlopen(address, timeout=HANG) as page:
        assert "MLflow" in page.read().decode()
    with pytest.raises(OSError), urllib.request.urlopen(address, timeout=2):
        pass


def test_a_port_that_is_taken_is_said_before_the_page_is_started(shop: Project) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        found = shop.mainline("ui", "--port", str(port))
    assert found.status == 4
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use: make ui PORT=5001" in found.err


def test_what_a_killed_run_had_begun_to_log_is_ended_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")  # what set_tracking_uri leaves there is for this test alone
    tracking.open_store(str(tmp_path))
    client, experiment = tracking.open_client(str(tmp_path))
    begun = client.create_run(experiment, tags={"fingerprint": "f" * 64})
    other = client.create_run(experiment, tags={"fingerprint": "e" * 64})
    tracking.end_killed(client, client.search_runs([experiment], f"tags.fingerprint = '{'f' * 64}'"))
    assert client.get_run(begun.info.run_id).info.status == "KILLED"
    assert client.get_run(other.info.run_id).info.status == "RUNNING"


def test_a_models_requirements_are_what_is_installed_and_mlflow_reads_no_packages_to_compare_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow.sklearn
    from mlflow.utils import environment, requirements_utils

    given = tracking.requirements("sklearn.linear_model.LogisticRegression")
    assert given == [f"{name}=={metadata.version(name)}" for name in ("scikit-learn", "numpy", "scipy", "pandas")]
    read: list[str] = []
    monkeypatch.setattr(requirements_utils, "_check_requirement_satisfied", read.append)
    monkeypatch.setattr(requirements_utils, "_init_modules_to_packages_map", lambda: read.append("all packages"))
    monkeypatch.setattr(requirements_utils, "_get_installed_version", lambda name, *_: read.append(name) or "1")
    model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    options = {"pip_requirements": given, "serialization_format": "pickle"}
    with tracking.uncompared():
        mlflow.sklearn.save_model(model, tmp_path / "uncompared", **options)
    assert read == []
    written = (tmp_path / "uncompared" / "requirements.txt").read_text(encoding="utf-8")
    assert set(given) < {line.strip() for line in written.splitlines()}
    environment.warn_dependency_requirement_mismatches(given)
    assert read == given, "afterwards it compares again"
