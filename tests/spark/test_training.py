"""XGBoost on Spark's workers: one model for one number of workers, whatever happens to them, exported as any other."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

pytest.importorskip("pyspark", reason="Spark is not installed: make test-frameworks")
pytest.importorskip("xgboost", reason="the boosting frameworks are not installed: make test-frameworks")

from mainline.evaluation.baseline import CONTRACT
from tests.bounds import HANG, happens
from tests.projects import Project
from tests.spark import cluster as spark
from tests.spark.cluster import Cluster

pytestmark = pytest.mark.slow

ESTIMATOR = (
    "  estimator: sklearn.ensemble.HistGradientBoostingClassifier\n  params: {max_iter: 30, early_stopping: false}\n"
)
MET = "received all updates from tasks, finished successfully"  # Spark's words where all workers have begun


def project(folder: Path, workers: int | None, rounds: int = 60) -> Project:
    found = Project(folder)
    more = f"  spark_workers: {workers}\n" if workers else ""
    found.edit(
        "params.yaml",
        ("data:\n", "data:\n  engine: spark\n"),
        (ESTIMATOR, f"  estimator: xgboost.XGBClassifier\n  params: {{n_estimators: {rounds}, max_depth: 4}}\n{more}"),
        ("time_travel_checks: 2", "time_travel_checks: 0"),
    )
    return found


def test_two_workers_give_one_model_here_and_on_a_cluster_and_their_number_is_in_the_fingerprint(
    cluster: Cluster, tmp_path: Path
) -> None:
    here, there, alone = (project(tmp_path / name, workers) for name, workers in (("h", 2), ("t", 2), ("a", 1)))
    for each, variables in ((here, {}), (there, {"SPARK_REMOTE": cluster.url}), (alone, {})):
        result = each.run(**variables)
        assert result.status == 0, result.err
    for same in ("fingerprint", "model_digest", "metrics"):
        assert there.verdict[same] == here.verdict[same]
    assert alone.verdict["fingerprint"] != here.verdict["fingerprint"]
    assert here.mainline("export").status == 0
    assert here.path(".mainline/model/model.onnx").exists()


def test_a_worker_that_is_killed_in_the_middle_of_the_fit_changes_no_bit(cluster: Cluster, tmp_path: Path) -> None:
    own, met = project(tmp_path / "own", 2, rounds=2000), project(tmp_path / "met", 2, rounds=2000)
    url = {"SPARK_REMOTE": cluster.url}
    state = ("--state", str(own.path(".mainline")), "--contract", str(CONTRACT))
    result = own.mainline("train", *state, **url)
    assert result.status == 0, result.err
    before, state = cluster.log("connect").count(MET), ("--state", str(met.path(".mainline")), *state[2:])
    process = met.start("train", *state, **url)
    happens(lambda: cluster.log("connect").count(MET) > before or process.poll() is not None)
    for name in spark.WORKERS:
        cluster.signal(name, signal.SIGSTOP)
    assert process.poll() is None, process.communicate()[1]
    assert not met.records
    cluster.kill("worker-0")
    cluster.complete()  # a machine takes its place
    cluster.signal("worker-1", signal.SIGCONT)
    _, said = process.communicate(timeout=HANG)
    assert process.returncode == 0, said
    assert "Lost executor" in cluster.log("connect")
    (kept,), (other,) = own.records, met.records
    assert (kept.parent / "model.pkl").read_bytes() == (other.parent / "model.pkl").read_bytes()


def test_more_workers_than_there_are_places_are_refused(tmp_path: Path) -> None:
    many = project(tmp_path / "many", 500)
    result = many.run()
    assert result.status == 2
    assert "train.spark_workers: 500 tasks must run at once, and Spark on this machine runs" in result.err
    assert not many.records
    many.edit(
        "params.yaml",
        ("xgboost.XGBClassifier", "sklearn.linear_model.LogisticRegression"),
        ("{n_estimators: 60, max_depth: 4}", "{}"),
    )
    result = many.run()
    assert result.status == 2
    assert "sklearn.linear_model.LogisticRegression is fitted on one machine only" in result.err
