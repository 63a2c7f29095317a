"""XGBoost on several workers: a part of the rows each, histograms summed in the order of the parts.

`xgboost.spark` needs Spark's RDDs, which Spark Connect does not have, and lets Spark choose which worker gets which
rows. Here the parts are slices of one file, and a worker's place in the sum is that of its part: so the same number of
workers gives the same model, on any machines. https://xgboost.readthedocs.io/en/stable/python/python_api.html
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.config.schema import Settings
from mainline.data.spark import session
from mainline.training.frameworks.adapter import Params
from mainline.training.frameworks.file_matrix import PART, FileMatrix

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession

MODEL = "model"
ATTEMPTS = 3
LOST = "Could not recover from a failed barrier"  # Spark's words for a job that lost one of its tasks


@dataclass(frozen=True)
class Task:
    """What each worker is told."""

    matrix: str  # a file that all of them see
    target: str
    columns: int
    rows: int
    workers: int
    params: Params
    types: list[str] | None  # of the columns, with native categories
    rounds: int
    missing: float
    versions: dict[str, str]  # of what computes, as installed where the model is used

    def slice(self, place: int) -> tuple[int, int]:
        return self.rows * place // self.workers, self.rows * (place + 1) // self.workers


def fit(settings: Settings, estimator: Any, matrix: FileMatrix, params: Params, types: list[str] | None) -> None:
    """Fit the estimator on `train.spark_workers` workers; the matrix lies where all of them see it.

    Raises
    ------
    ConfigurationError
        Where the cluster has fewer places for a task than workers are asked for, or another XGBoost.
    ExternalError
        Where the cluster fails.
    """
    import numpy as np

    workers = settings.train.spark_workers
    assert workers
    target = matrix.path.with_name("target.npy")
    np.save(target, matrix.target)
    for path in (matrix.path, target):
        path.chmod(0o644)  # the cluster may run as another user
    task = Task(
        str(matrix.path), str(target), matrix.columns, len(matrix.target), workers, params, types,
        estimator.get_num_boosting_rounds(), estimator.missing, versions(),
    )  # fmt: skip
    with session.running(settings) as spark:
        session.check_places(spark, workers)
        estimator.load_model(bytearray(fitted(spark, task)))


def fitted(spark: SparkSession, task: Task) -> bytes:
    """The model of the workers. Where one was lost, all begin again: Spark repeats no job of tasks that run at once."""
    from pyspark.errors import PySparkException

    rows = spark.range(task.workers, numPartitions=task.workers)
    for attempt in range(ATTEMPTS):
        try:
            said = rows.mapInArrow(lambda _: train_part(task), f"{MODEL} binary", barrier=True).toArrow()
        except PySparkException as error:
            if attempt == ATTEMPTS - 1 or LOST not in str(error) or session.SENTENCE in str(error):
                raise
        else:
            model: bytes = next(each for each in said[MODEL].to_pylist() if each)
            return model
    raise AssertionError("the last attempt returns or raises")


def train_part(task: Task) -> Iterator[pa.RecordBatch]:
    """One worker's work: it gives the model if its place is the first."""
    import pyarrow as pa
    import xgboost
    from pyspark import BarrierTaskContext
    from xgboost.collective import CommunicatorContext
    from xgboost.tracker import RabitTracker

    context = BarrierTaskContext.get()
    place = context.partitionId()
    wrong = {name: version for name, version in versions().items() if task.versions[name] != version}
    tracker = None
    if place == 0:
        host = context.getTaskInfos()[0].address.rpartition(":")[0]
        tracker = RabitTracker(n_workers=task.workers, host_ip=host, sortby="task")
        tracker.start()
    # All learn of a worker that may not take part: else the others would wait for it.
    own = {"wrong": wrong, "tracker": tracker.worker_args() if tracker else None}
    said = [json.loads(each) for each in context.allGather(json.dumps(own))]
    wrong = {name: version for each in said for name, version in each["wrong"].items()}
    if wrong:
        named = ", ".join(f"{name} {version} (here {task.versions[name]})" for name, version in wrong.items())
        raise session.told(
            f"params.yaml: train.spark_workers: the cluster's Python has {named}, so the model would be another one: "
            "give its machines this project's locked environment (PYSPARK_PYTHON)"
        )
    with CommunicatorContext(**said[0]["tracker"], dmlc_task_id=f"{place:06}"), xgboost.config_context(verbosity=0):
        booster = xgboost.train(task.params, data_of(task, place), num_boost_round=task.rounds, verbose_eval=False)
        model = bytes(booster.save_raw("ubj")) if place == 0 else b""
    if tracker:
        tracker.wait_for()
    yield pa.RecordBatch.from_pydict({MODEL: pa.array([model], pa.binary())})


def data_of(task: Task, place: int) -> Any:
    import numpy as np
    import xgboost

    target = np.load(task.target)
    matrix = FileMatrix(Path(task.matrix), task.columns, target)
    start, stop = task.slice(place)

    class Parts(xgboost.DataIter):  # type: ignore[misc]
        def __init__(self) -> None:
            self.at = start
            super().__init__()

        def next(self, input_data: Any) -> bool:
            if self.at >= stop:
                return False
            end = min(self.at + PART, stop)
            input_data(data=matrix.rows(self.at, end), label=target[self.at : end], feature_types=task.types)
            self.at = end
            return True

        def reset(self) -> None:
            self.at = start

    params = task.params
    given = {"max_bin": params.get("max_bin"), "enable_categorical": bool(params.get("enable_categorical"))}
    return xgboost.QuantileDMatrix(Parts(), missing=task.missing, nthread=params.get("n_jobs"), **given)


def versions() -> dict[str, str]:
    """What computes a model, as far as another version could compute another one."""
    import numpy as np
    import xgboost

    return {"xgboost": xgboost.__version__, "numpy": np.__version__, "processor": platform.machine()}
