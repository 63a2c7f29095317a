"""The record in MLflow: parameters, metrics, inputs with digests, signature, model and report.

Runs in parallel with the training: MLflow is imported and its store opened while the model is fitted. A
run is created only after validation has passed.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import json
import math
import os
import re
import time
from collections.abc import Iterator
from concurrent.futures import Future
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.config import environment
from mainline.errors import ExternalError
from mainline.registry import store_upgrade
from mainline.runtime.worker import Worker

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.models import ModelSignature
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

EXPERIMENT = environment.DEFAULT_NAME  # of the model at the top


def experiment_name() -> str:
    """The name of the experiment: a server may hold those of several models."""
    return environment.experiment(os.environ)


def store(state: Path) -> tuple[str, str | None]:
    """The tracking URI and, for the embedded store, where its artifacts go."""
    given = os.environ.get("MLFLOW_TRACKING_URI")
    if given:
        return given, None
    return f"sqlite:///{state / 'mlflow.db'}", (state / "artifacts").as_uri()


@contextlib.contextmanager
def uncompared() -> Iterator[None]:
    """Have MLflow not compare a model's requirements with what is installed, whence they come here.

    For a warning that nobody would see, it reads the files of all installed packages, which takes half a second, and
    parses the description of each that is required. Without effect where MLflow has no such function any more.
    """
    from mlflow.utils import environment as requirements

    compare = getattr(requirements, "warn_dependency_requirement_mismatches", None)
    if compare is None:
        yield
        return
    requirements.warn_dependency_requirement_mismatches = lambda required: None
    try:
        yield
    finally:
        requirements.warn_dependency_requirement_mismatches = compare


def quiet() -> None:
    """Disable telemetry, progress bars and the log output of MLflow."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["DO_NOT_TRACK"] = "true"
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")


class Tracker:
    """Sends requests to MLflow; `finish` waits for them."""

    def __init__(self, worker: Worker, state: Path) -> None:
        self.worker, self.state = worker, str(state)
        self.asked: list[Future[Any]] = [worker.submit(open_store, state=self.state)]

    def log(self, training: dict[str, Any]) -> None:
        self.asked.append(self.worker.submit(log_training, state=self.state, training=training))

    def finish(self, findings: dict[str, Any] | None = None) -> str:
        """The run's id, when everything is in the store."""
        run_id = [future.result() for future in self.asked][-1]
        if findings is not None:
            self.worker.submit(log_findings, state=self.state, run_id=run_id, findings=findings).result()
        return str(run_id)


def open_store(state: str) -> None:
    """Import MLflow and open its store, so that later calls are fast."""
    with converted_errors(state):
        open_client(state)
        import mlflow.sklearn  # noqa: F401


def log_training(state: str, training: dict[str, Any]) -> str:
    """The run of this fingerprint: an existing one, or a new one."""
    with converted_errors(state):
        client, experiment = open_client(state)
        runs = client.search_runs([experiment], f"tags.fingerprint = '{training['fingerprint']}'")
        known = next((run.info.run_id for run in runs if run.data.tags.get("logged") == "whole"), None)
        if known:
            for name in ("commit", "clean"):  # a commit may have come to have what was uncommitted before
                client.set_tag(known, name, training["tags"][name])
            return str(known)
        if store(Path(state))[0].startswith("sqlite:"):  # of one writer at a time, where a server may have several
            end_killed(client, runs)
        return log_new(client, experiment, training)


def log_findings(state: str, run_id: str, findings: dict[str, Any]) -> None:
    """The results of this review: unlike the model, they change with the baseline and the gates."""
    with converted_errors(state):
        log_review(open_client(state)[0], run_id, findings)


@functools.cache
def open_client(state: str) -> tuple[MlflowClient, str]:
    """The client and the experiment's id."""
    quiet()
    import logging

    logging.getLogger("alembic").setLevel(logging.ERROR)
    import mlflow

    uri, artifacts = store(Path(state))
    if artifacts:
        check_embedded(Path(state))
    mlflow.set_tracking_uri(uri)
    if artifacts:
        os.environ.pop("MLFLOW_TRACKING_URI", None)  # which that call has set; here it means a team's server
    with alone(Path(state)):
        client = store_upgrade.fitting(Path(state) / "mlflow.db", mlflow.MlflowClient)
        experiment = client.get_experiment_by_name(experiment_name())
        identity = experiment.experiment_id if experiment else client.create_experiment(experiment_name(), artifacts)
    return client, str(identity)


@contextlib.contextmanager
def converted_errors(state: str) -> Iterator[None]:
    """Converts MLflow's errors to ExternalError."""
    quiet()
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError) as error:
        uri, artifacts = store(Path(state))
        shown = uri if artifacts else "the server of MLFLOW_TRACKING_URI"
        raise ExternalError(f"MLflow's store ({shown}) did not answer: {str(error).splitlines()[0]}") from error


def check_embedded(state: Path) -> None:
    """Raise at once for a file that is not a database: MLflow would retry for 100 seconds."""
    import sqlite3

    state.mkdir(parents=True, exist_ok=True)
    path = state / "mlflow.db"
    try:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA schema_version")
    except sqlite3.Error as error:
        raise ExternalError(f"{path} cannot be opened ({error}): move it away, or restore it from a copy") from None


@contextlib.contextmanager
def alone(state: Path) -> Iterator[None]:
    """Only one process creates a new store: this run and the training of main's model open it at once."""
    state.mkdir(parents=True, exist_ok=True)
    with open(state / "mlflow.lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def distrust(state: str, fingerprint: str) -> None:
    """The runs of a fingerprint hold a wrong model: the next run of it logs its own."""
    with converted_errors(state):
        client, experiment = open_client(state)
        for run in client.search_runs([experiment], f"tags.fingerprint = '{fingerprint}'"):
            client.set_tag(run.info.run_id, "logged", "wrong")


def end_killed(client: MlflowClient, runs: list[Run]) -> None:
    """Mark the runs of killed processes as killed; the next run logs everything again."""
    for run in runs:
        if run.info.status == "RUNNING":
            client.set_terminated(run.info.run_id, "KILLED")


def log_new(client: MlflowClient, experiment: str, job: dict[str, Any]) -> str:
    """Create the run with what does not change later: parameters, inputs, model and record.

    By the client alone: MLflow's `start_run` and `log_model` look for the commit by a library for git that they import.
    """
    from mlflow.entities import Param, RunTag

    run_id = str(client.create_run(experiment, tags=context(job), run_name=job["fingerprint"][:10]).info.run_id)
    status = "FAILED"
    try:
        client.log_batch(
            run_id,
            params=[Param(name, str(value)) for name, value in job["params"].items()],
            tags=[RunTag(name, str(value)) for name, value in job["tags"].items()],
        )
        log_inputs(client, run_id, job["tables"])
        log_model(client, experiment, run_id, job)
        client.log_artifacts(run_id, job["record"], "record")
        client.set_tag(run_id, "logged", "whole")
        status = "FINISHED"
    finally:
        client.set_terminated(run_id, status)
    return run_id


def log_review(client: MlflowClient, run_id: str, job: dict[str, Any]) -> None:
    from mlflow.entities import Metric, RunTag

    now = int(time.time() * 1000)
    review = job["review"]
    metrics = [Metric(name, value, now, 0) for name, value in metric_values(review["metrics"]).items()]
    client.log_batch(
        run_id,
        metrics=metrics,
        tags=[
            RunTag("verdict", review["outcome"]),
            RunTag("passed", str(review["passed"]).lower()),
            RunTag("baseline", (review["baseline"] or {}).get("commit") or "none"),
        ],
    )
    for report in job["reports"]:
        client.log_artifact(run_id, report)


def metric_values(metrics: list[dict[str, Any]]) -> dict[str, float]:
    """roc_auc, roc_auc_low, roc_auc_high, and the same of its difference to main as roc_auc_delta."""
    values = {}
    for metric in metrics:
        for side, name in (("candidate", metric["name"]), ("delta", f"{metric['name']}_delta")):
            for part, value in (metric[side] or {}).items():
                if value is not None and math.isfinite(value):
                    values[name if part == "value" else f"{name}_{part}"] = value
    return values


def log_inputs(client: MlflowClient, run_id: str, tables: list[dict[str, Any]]) -> None:
    """Every table as a dataset: MLflow keeps 36 characters of a digest."""
    from mlflow.entities import Dataset, DatasetInput
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    inputs = [
        DatasetInput(
            Dataset(
                name=table["name"],
                digest=table["digest"][:36],
                source_type="mainline",
                source=json.dumps({"table": table["name"], "sha256": table["digest"]}),
                profile=json.dumps({name: table[name] for name in ("rows", "start", "end")}),
            )
        )
        for table in tables
    ]
    try:
        client.log_inputs(run_id, inputs)
    except (MlflowException, SQLAlchemyError) as error:
        # MLflow looks whether a dataset is known, then inserts it: a run of the same data may have come between.
        if "IntegrityError" not in str(error) and "UniqueViolation" not in str(error):
            raise
        client.log_inputs(run_id, inputs)


def context(job: dict[str, Any]) -> dict[str, str]:
    """Who made the run, and from what, under MLflow's own names for it."""
    import getpass

    from mlflow.utils import mlflow_tags

    tags = {mlflow_tags.MLFLOW_SOURCE_NAME: "mainline run", mlflow_tags.MLFLOW_SOURCE_TYPE: "LOCAL"}
    with contextlib.suppress(OSError, KeyError, ImportError):  # a user without a name, as in a container
        tags[mlflow_tags.MLFLOW_USER] = getpass.getuser()
    if job["tags"].get("clean") == "true":
        tags[mlflow_tags.MLFLOW_GIT_COMMIT] = job["tags"]["commit"]
    return tags


def log_model(client: MlflowClient, experiment: str, run_id: str, job: dict[str, Any]) -> None:
    """The fitted pipeline with its signature; the requirements are given, not inferred by running it."""
    import io
    import tempfile

    import mlflow.sklearn
    import pandas as pd
    from mlflow.entities import LoggedModelOutput
    from mlflow.models import Model

    from mainline.training.pipeline import answers_of
    from mainline.training.record import Record

    model = Record.read(Path(job["record"])).model()
    rows = pd.read_json(io.StringIO(job["example"]), orient="split", dtype=False).astype(job["types"])
    made = client.create_logged_model(experiment, "model", run_id, params={k: str(v) for k, v in job["params"].items()})
    client.log_outputs(run_id, [LoggedModelOutput(made.model_id, 0)])
    with tempfile.TemporaryDirectory() as folder, uncompared():
        mlflow.sklearn.save_model(
            rounding(model, rows),
            f"{folder}/model",
            mlflow_model=Model(made.artifact_location, run_id, model_uuid=made.model_id, model_id=made.model_id),
            signature=signature(rows, answers_of(job["task"], model, rows)),
            pip_requirements=requirements(job["estimator"]),
            code_paths=job["code"] or None,
            pyfunc_predict_fn="predict" if job["task"] == "regression" else "predict_proba",
            serialization_format="pickle",
        )
        client.log_model_artifacts(made.model_id, f"{folder}/model")
    client.finalize_logged_model(made.model_id, "READY")


def rounding(model: Pipeline, rows: pd.DataFrame) -> Pipeline:
    """The pipeline behind the step by which the frame has made 32-bit floats of its numbers.

    It was fitted on them: 15.2 in 64 bits lies above 15.2 in 32, and so in the next bin of a tree.
    """
    import pandas as pd
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import FunctionTransformer

    numbers = [name for name, type_ in rows.dtypes.items() if type_.kind == "f"]
    steps = [  # the first reads pandas' NA too
        (dtype, FunctionTransformer(pd.DataFrame.astype, kw_args={"dtype": dict.fromkeys(numbers, dtype)}))
        for dtype in ("Float32", "float32")
    ]
    return Pipeline([*steps, *model.steps])


def signature(rows: pd.DataFrame, answers: NDArray[Any]) -> ModelSignature:
    """What the pipeline accepts: text in its categories, and numbers of every type elsewhere.

    With the frame's own type, 32-bit floats, MLflow would refuse the 64-bit table that they were made of, and with
    doubles whole numbers.
    """
    from mlflow.models import ModelSignature, infer_signature
    from mlflow.types import ColSpec, DataType, Schema
    from mlflow.types.schema import AnyType

    inferred = infer_signature(rows, answers)
    inputs = [
        column if column.type == DataType.string else ColSpec(AnyType(), column.name) for column in inferred.inputs
    ]
    return ModelSignature(Schema(inputs), inferred.outputs)


def requirements(estimator: str) -> list[str]:
    """What the model needs to predict, at the versions that trained it."""
    packages = ["scikit-learn", "numpy", "scipy", "pandas"]
    root = estimator.split(".")[0].split(":")[0]
    if root != "sklearn":  # to find the package of a module, the files of all packages are read: half a second
        packages += [name for name in metadata.packages_distributions().get(root, []) if name not in packages]
    return [f"{name}=={version_of(name)}" for name in packages if name != "mainline"]


def version_of(package: str) -> str:
    """Of an installed package: one line of its metadata, whose whole description `metadata.version` would parse."""
    found = re.search(r"^Version: *(\S+)", metadata.distribution(package).read_text("METADATA") or "", re.MULTILINE)
    return found[1] if found else metadata.version(package)
