"""The matrix that an estimator is fitted on, filled part by part: in memory in 32 bits, or in a file.

Above a size, a fit holds neither a DataFrame of the training rows nor a copy of it. The matrix has the values, the
types and the columns that the pipeline would compute from that DataFrame, so the model is the same to the bit.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.config import user_code
from mainline.config.schema import Settings
from mainline.data.frame_size import LOADED, rows_of
from mainline.data.sources.duckdb_scan import connect, parquet_file
from mainline.data.split import quoted
from mainline.errors import ConfigurationError, DataError, ExternalError
from mainline.runtime.atomic_files import scratch
from mainline.training import estimators, parts, pipeline, sample, seeds
from mainline.training.frameworks import parameters as frameworks
from mainline.training.frameworks import pickles
from mainline.training.frameworks.file_matrix import FileMatrix

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline


@dataclass(frozen=True)
class Fitting:
    """The rows that a model is fitted on: `sql` is their table."""

    frame: Path
    condition: str

    @property
    def sql(self) -> str:
        return f"(SELECT * FROM {parquet_file(self.frame)} WHERE {self.condition})"


def fitted_on(settings: Settings, frame: Path) -> Fitting:
    with connect() as connection:
        return Fitting(frame, sample.fitted_on(settings, frame, connection))


def is_large(settings: Settings, frame: Path) -> bool:
    """Whether a fit fills a matrix part by part; it does not where the preprocessing needs all rows at once."""
    train = settings.train
    if train.out_of_core or train.spark_workers:
        return True
    kind = frameworks.adapter_of(estimators.estimator_class(train.estimator))
    if train.numeric != "passthrough" or train.early_stopping or (kind and kind.frame):
        return False
    rows = min(rows_of(frame), train.rows or rows_of(frame))
    return rows * len(settings.prepare.features.names) > LOADED


def fit(settings: Settings, frame: Path) -> pipeline.Fitted:
    """As `pipeline.fit`, without a DataFrame of all training rows.

    Raises
    ------
    ConfigurationError
        Where `train.out_of_core` asks for what the estimator does not have.
    ExternalError
        Where the disk has no room for the matrix.
    """
    factory = estimators.estimator_class(settings.train.estimator)
    kind = frameworks.adapter_of(factory)
    if settings.train.out_of_core and (kind is None or kind.fit_file is None):
        raise ConfigurationError(
            f"params.yaml: train.out_of_core: {settings.train.estimator} is fitted in memory only: XGBoost and "
            "LightGBM can read a file; for any other estimator, train.rows states a sample"
        )
    if settings.train.spark_workers and (kind is None or kind.fit_on_spark is None):
        raise ConfigurationError(
            f"params.yaml: train.spark_workers: {settings.train.estimator} is fitted on one machine only: XGBoost "
            "(xgboost.XGBClassifier, xgboost.XGBRegressor) can be fitted on several workers"
        )
    made = pipeline.build(settings.train, settings.prepare)
    if settings.train.estimator.startswith("sklearn."):
        pipeline.check_probabilities(settings.task, settings.train.estimator, made)
    rows = fitted_on(settings, frame)
    classes = classes_of(settings, rows)
    columns, estimator = made.named_steps["columns"], made.named_steps["estimator"]
    columns.fit(known_values(settings, rows))
    more = frameworks.fit_params_of(settings.train, factory, len(settings.prepare.features.categorical))
    where = f"params.yaml: train: {settings.train.estimator} does not fit"
    if settings.train.out_of_core or settings.train.spark_workers:
        assert kind is not None
        with folder_of_matrix(settings) as folder:
            matrix = in_file(settings, rows, columns, classes, factory, folder)
            started = time.perf_counter()
            seeds.settle(settings.train.seed)
            with user_code.calling(where):
                if settings.train.spark_workers:
                    assert kind.fit_on_spark is not None
                    kind.fit_on_spark(settings, estimator, matrix)
                else:
                    assert kind.fit_file is not None
                    kind.fit_file(estimator, matrix, more)
            seconds = time.perf_counter() - started
    else:
        filled, target = in_memory(settings, rows, columns, classes, factory)
        started = time.perf_counter()
        with user_code.calling(where):
            seeds.fit(estimator, filled, target, settings.train.seed, step="", **more)
        seconds = time.perf_counter() - started
    frameworks.tidy(estimator)
    pipeline.check_probabilities(settings.task, settings.train.estimator, made)
    with user_code.calling(
        f"params.yaml: train: {settings.train.estimator} was fitted and cannot be saved", pipeline.unpicklable
    ):
        pickled = pickles.dumps(made)
    return pipeline.Fitted(made, pickled, hashlib.sha256(pickled).hexdigest(), classes, seconds)


@contextlib.contextmanager
def folder_of_matrix(settings: Settings) -> Iterator[Path]:
    """A folder that lasts for a fit; Spark's workers see it where they fit."""
    on_spark, shared = settings.train.spark_workers, settings.data.spark.shared
    if on_spark and shared:
        with scratch(shared.resolve()) as made:
            made.mkdir()
            yield made
        return
    with tempfile.TemporaryDirectory(prefix="mainline-matrix-") as folder:
        if on_spark:
            Path(folder).chmod(0o755)  # the cluster may run as another user
        yield Path(folder)


def known_values(settings: Settings, rows: Fitting) -> pd.DataFrame:
    """A few rows that hold every category of the training rows: the encoders learn nothing else of them."""
    import pandas as pd

    features = settings.prepare.features
    with connect() as connection:
        found = {}
        for name in features.names:
            distinct, limit = ("DISTINCT", "ORDER BY ALL") if name in features.categorical else ("", "LIMIT 1")
            sql = f"SELECT {distinct} {quoted(name)} FROM {rows.sql} {limit}"
            values = connection.execute(sql).df()
            # Under DuckDB's own text of the name, as with all rows: where pandas keeps names as they are handed over,
            # the settings' would be one object with those in the pipeline, and equal models would be other bytes.
            found[values.columns[0]] = values.iloc[:, 0]
    length = max(map(len, found.values()))
    # A shorter column repeats its first value, which adds no category.
    filled = {name: values.iloc[[*range(len(values)), *[0] * (length - len(values))]] for name, values in found.items()}
    return pd.DataFrame({name: values.reset_index(drop=True) for name, values in filled.items()})


def classes_of(settings: Settings, rows: Fitting) -> list[Any]:
    """The classes of the training rows' label; a label that is the same in all of them is refused."""
    label = quoted(settings.prepare.label)
    with connect() as connection:
        if settings.task == "regression":
            distinct = f"SELECT unnest([min({label}), max({label})]) AS {label} FROM {rows.sql} HAVING count(*) > 0"
        else:
            distinct = f"SELECT DISTINCT {label} FROM {rows.sql}"
        labels = connection.execute(distinct).df()[settings.prepare.label]
    if labels.empty:
        raise DataError(
            f"no labelled row lies before the holdout: nothing to train on{pipeline.reach(settings, rows.frame)}"
        )
    return pipeline.encode(settings.task, labels, known=None)[1]


def transformed(
    settings: Settings, rows: Fitting, columns: Pipeline, classes: list[Any], factory: Any
) -> Iterator[tuple[NDArray[np.float32], NDArray[Any]]]:
    """Parts of the matrix and of the target."""
    label, features = settings.prepare.label, settings.prepare.features.names
    for part in parts.read(settings, rows.frame, rows.condition, label, *features):
        target, _ = pipeline.encode(settings.task, part[label], known=classes)
        yield columns.transform(part[features]), frameworks.target_of(factory, target, settings.task)


def in_memory(
    settings: Settings, rows: Fitting, columns: Pipeline, classes: list[Any], factory: Any
) -> tuple[NDArray[Any], NDArray[Any]]:
    """The matrix and the target, each in one array that is filled part by part."""
    import numpy as np

    with connect() as connection:
        found = connection.execute(f"SELECT count(*) FROM {rows.sql}").fetchone() or (0,)
    count, place = int(found[0]), 0
    whole: NDArray[Any] | None = None
    targets = []
    for matrix, target in transformed(settings, rows, columns, classes, factory):
        if whole is None:
            whole = np.empty((count, matrix.shape[1]), matrix.dtype)
        whole[place : place + len(matrix)] = matrix
        targets.append(target)
        place += len(matrix)
    assert whole is not None
    assert place == count
    return whole, np.concatenate(targets)


def in_file(
    settings: Settings, rows: Fitting, columns: Pipeline, classes: list[Any], factory: Any, folder: Path
) -> FileMatrix:
    import numpy as np

    path, width, targets = folder / "matrix.f32", len(settings.prepare.features.names), []
    free = shutil.disk_usage(folder).free
    if free < takes(settings, rows.frame, width):
        raise ExternalError(no_room(settings, rows.frame, folder, width, f"{free / 2**20:,.1f} MB are free"))
    try:
        with open(path, "wb") as file:
            for matrix, target in transformed(settings, rows, columns, classes, factory):
                width = matrix.shape[1]
                file.write(np.ascontiguousarray(matrix, dtype=np.float32).data)
                targets.append(target)
    except OSError as error:
        raise ExternalError(no_room(settings, rows.frame, folder, width, error.strerror or str(error))) from error
    return FileMatrix(path, width, np.concatenate(targets))


def takes(settings: Settings, frame: Path, width: int) -> int:
    """Bytes of a matrix of so many columns in a file, and of its bins."""
    return min(rows_of(frame), settings.train.rows or rows_of(frame)) * width * (4 + 1)


def no_room(settings: Settings, frame: Path, folder: Path, width: int, why: str) -> str:
    needed = takes(settings, frame, width) / 2**20
    return (
        f"params.yaml: train.out_of_core: the training rows do not fit below {folder.parent} "
        f"({why}): they take about {needed:,.1f} MB there. Set TMPDIR to a folder with more room"
    )
