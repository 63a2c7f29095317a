"""Training: any estimator with scikit-learn's interface, with its preprocessing inside the pipeline."""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.config import user_code
from mainline.config.schema import Prepare, Settings, Train
from mainline.data.sources.duckdb_scan import parquet_file, reading
from mainline.data.split import ROW_ID, quoted, sides
from mainline.errors import ConfigurationError, DataError, Refused
from mainline.runtime.quick_imports import plain_docstrings
from mainline.training import early_stopping, estimators, sample, seeds
from mainline.training.frameworks import parameters as frameworks
from mainline.training.frameworks import pickles

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline


@dataclass(frozen=True)
class Fitted:
    """A pipeline as it was pickled: `digest` is the SHA-256 of `pickled`."""

    pipeline: Pipeline
    pickled: bytes
    digest: str
    classes: list[Any]
    seconds: float
    rounds: int | None = None  # that early stopping has found


def use_threads(number: int) -> None:
    """Fix the number of threads before any library that counts cores is loaded.

    Two threads waiting actively for each other beside a third, busy process collapse: wait passively.
    """
    os.environ["OMP_WAIT_POLICY"] = "passive"
    # TensorFlow has threads of its own, and takes as many as there are cores.
    tensorflow = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", *tensorflow):
        os.environ[variable] = str(number)


def load_libraries() -> None:
    """Import what a fit needs, a second's work, while something else computes."""
    with plain_docstrings():
        import pandas  # noqa: F401
        import sklearn.compose
        import sklearn.impute
        import sklearn.pipeline
        import sklearn.preprocessing  # noqa: F401


def fit(settings: Settings, frame: Path) -> Fitted:
    """Fit the pipeline on the training rows of the prepared frame that have a label."""
    return fit_rows(settings, training_rows(settings, frame))


def training_rows(settings: Settings, frame: Path, *more: str) -> pd.DataFrame:
    """The labelled training rows that a model is fitted on, with the columns `more`."""
    marks = {early_stopping.MARK: early_stopping.slice_sql(settings)} if settings.train.early_stopping else {}
    rows = read_rows(settings, frame, None, *more, **marks)
    if rows.empty:
        raise DataError(f"no labelled row lies before the holdout: nothing to train on{reach(settings, frame)}")
    return rows


def fit_rows(settings: Settings, rows: pd.DataFrame) -> Fitted:
    """Fit the pipeline on these rows."""
    target, classes = encode(settings.task, rows[settings.prepare.label], known=None)
    pipeline = build(settings.train, settings.prepare)
    path, features = settings.train.estimator, features_of(settings, rows)
    if path.startswith("sklearn."):  # others may have it only once they are fitted
        check_probabilities(settings.task, path, pipeline)
    started, rounds = time.perf_counter(), None
    with user_code.calling(f"params.yaml: train: {path} does not fit"):
        factory = estimators.estimator_class(path)
        target = frameworks.target_of(factory, target, settings.task)
        more = frameworks.fit_params_of(settings.train, factory, len(settings.prepare.features.categorical))
        if settings.train.early_stopping:
            kind, mark = frameworks.adapter_of(factory), rows[early_stopping.MARK]
            rounds = early_stopping.best_rounds(settings, pipeline, kind, features, target, mark, more)
            pipeline = build(settings.train, settings.prepare, rounds)
        seeds.fit(pipeline, features, target, settings.train.seed, **more)
        frameworks.tidy(pipeline.named_steps["estimator"])
    seconds = time.perf_counter() - started
    check_probabilities(settings.task, path, pipeline)
    with user_code.calling(f"params.yaml: train: {path} was fitted and cannot be saved", unpicklable):
        pickled = pickles.dumps(pipeline)
    return Fitted(pipeline, pickled, hashlib.sha256(pickled).hexdigest(), classes, seconds, rounds)


def check_probabilities(task: str, path: str, pipeline: Pipeline) -> None:
    """Refuse a classifier that gives no probabilities: metrics, comparison and server need them."""
    if task == "regression" or hasattr(pipeline, "predict_proba"):
        return
    raise ConfigurationError(
        f"params.yaml: train: {path} gives no probabilities, as a {task} task needs (predict_proba): set its parameter "
        "for them in train.params, where it has one (probability: true of SVC, loss: log_loss of SGDClassifier), or "
        "name a class of your own that wraps it in sklearn.calibration.CalibratedClassifierCV"
    )


def unpicklable(error: BaseException) -> str:
    return "what a model holds must be importable: no lambda, no class or function that is defined inside another"


def predict(settings: Settings, pipeline: Pipeline, rows: pd.DataFrame) -> NDArray[np.float64]:
    """Probability of the positive class (n,), of every class (n, k), or the predicted value (n,).

    Raises
    ------
    Refused
        Where an answer is not a finite number: such a model can be neither compared nor served.
    """
    import numpy as np

    answers = answers_of(settings.task, pipeline, features_of(settings, rows), settings.train.estimator)
    finite = np.isfinite(answers.reshape(len(answers), -1)).all(axis=1)
    if not finite.all():
        first = rows.iloc[int(np.flatnonzero(~finite)[0])]
        where = ", ".join(f"{name}={first[name]}" for name in settings.prepare.key)
        raise Refused(
            f"the model answers NaN or infinity for {int((~finite).sum()):,} of {len(rows):,} rows, first {where}"
        )
    return answers


def answers_of(
    task: str, pipeline: Pipeline, features: pd.DataFrame, estimator: str = "the model"
) -> NDArray[np.float64]:
    import numpy as np

    method = "predict" if task == "regression" else "predict_proba"
    with user_code.calling(f"params.yaml: train: {estimator} was fitted, and its {method} failed"):
        answers = np.asarray(getattr(pipeline, method)(features), dtype=np.float64)
    if task == "regression" and answers.shape == (len(features), 1):
        answers = answers[:, 0]  # as some networks answer
    rows, columns = answers.shape[:1], answers.shape[1:]
    right = columns == () if task == "regression" else len(columns) == 1 and (task == "multiclass" or columns == (2,))
    if rows != (len(features),) or not right:
        shown = "(rows,)" if task == "regression" else f"(rows, {'2' if task == 'binary' else 'classes'})"
        raise ConfigurationError(
            f"params.yaml: train: {estimator} answers {method} with shape {answers.shape} for {len(features):,} rows: "
            f"{shown} is needed"
        )
    return answers[:, 1] if task == "binary" else answers


def read_rows(settings: Settings, frame: Path, condition: str | None, *more: str, **marks: str) -> pd.DataFrame:
    """Rows of the prepared frame: key, label, features and the columns `more`, in the frame's order.

    Without a `condition` they are those that a model is fitted on. `marks` are columns that are computed here, by the
    SQL of each.
    """
    prepare = settings.prepare
    columns = dict.fromkeys([ROW_ID, *prepare.key, prepare.label, *prepare.features.names, *more])
    with reading() as connection:
        if condition is None:
            condition = sample.fitted_on(settings, frame, connection)
        names = ", ".join([*map(quoted, columns), *(f"({sql}) AS {quoted(name)}" for name, sql in marks.items())])
        rows: pd.DataFrame = connection.execute(f"SELECT {names} FROM {parquet_file(frame)} WHERE {condition}").df()
    return rows


def features_of(settings: Settings, rows: pd.DataFrame) -> pd.DataFrame:
    """The allow-list and nothing else."""
    return rows[settings.prepare.features.names]


def reach(settings: Settings, frame: Path) -> str:
    """From when to when the holdout and the frame's rows run, where rows are split by time."""
    side, time = sides(settings), settings.prepare.time
    if side.start is None or side.end is None or time is None:
        return ""
    with reading() as connection:
        ends = ", ".join(f"{end}({quoted(time)})::DATE::VARCHAR" for end in ("min", "max"))
        first, last = connection.execute(f"SELECT {ends} FROM {parquet_file(frame)}").fetchone() or ("?", "?")
    return (
        f": split.holdout and data.until set it from {side.start.date()} to {side.end.date()}, "
        f"the prepared rows run from {first} to {last}"
    )


def encode(task: str, labels: pd.Series[Any], known: list[Any] | None) -> tuple[NDArray[Any], list[Any]]:
    """The target as the metrics take it: codes 0..k-1 of the sorted classes, or floats.

    Parameters
    ----------
    known
        The classes that were trained on; None to learn them here. A label outside them is an error.
    """
    import numpy as np
    import pandas as pd

    if task == "regression":
        try:
            values = np.asarray(labels, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise DataError(f"{labels.name} must be a number in a regression: {error}") from None
        if not np.isfinite(values).all():
            raise DataError(f"{labels.name}: {int((~np.isfinite(values)).sum()):,} labels are infinite or no numbers")
        if known is None and len(values) and (values == values[0]).all():
            raise DataError(f"{labels.name} is {values[0]} in every training row: nothing to learn")
        return values, []
    classes = known if known is not None else sorted(pd.unique(labels).tolist())
    classes = [value.item() if hasattr(value, "item") else value for value in classes]
    if known is None and len(classes) == 1:
        raise DataError(f"{labels.name} is {classes[0]} in every training row: nothing to learn")
    if task == "binary" and (len(classes) != 2 or not set(classes) <= {0, 1}):
        shown = ", ".join(map(repr, classes[:5])) + (", …" if len(classes) > 5 else "")
        raise ConfigurationError(
            f"params.yaml: task: binary needs a label that is true or false (or 1 and 0); {labels.name} holds {shown}"
        )
    codes = pd.Index(classes).get_indexer(pd.Index(labels.tolist()))
    if (codes < 0).any():
        unknown = labels[codes < 0].iloc[0]
        raise DataError(f"{labels.name} holds the class {unknown!r}, which no training row has")
    return codes.astype(np.int64), classes


def build(train: Train, prepare: Prepare, rounds: int | None = None) -> Pipeline:
    """The unfitted pipeline: columns by their kind, then the estimator, with `rounds` in place of its own number."""
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

    features = prepare.features
    made = estimators.estimator(train, len(features.categorical), len(features.numeric), rounds)
    kind = frameworks.adapter_of(type(made))
    in_frame = train.categorical == "native" and kind is not None and kind.frame
    raw = kind is not None and kind.raw
    columns = ColumnTransformer(
        [
            ("categorical", "passthrough" if raw else categorical(train.categorical, in_frame), features.categorical),
            ("numeric", numeric(train.numeric), features.numeric),
        ],
        verbose_feature_names_out=False,
    )
    if in_frame or raw:
        columns.set_output(transform="pandas")
    return Pipeline([("columns", columns), ("estimator", made)])


def categorical(kind: str, integers: bool = False) -> Any:
    """A category that training has not seen, and one that is missing, get a code of their own.

    Native categories are codes as well; what is unknown or missing is NaN there, unless it must be an integer.
    """
    import numpy as np
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

    if kind == "onehot":
        return OneHotEncoder(handle_unknown="infrequent_if_exist", sparse_output=False, dtype=np.float32)
    if kind == "native" and not integers:
        return OrdinalEncoder(
            handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=np.nan, dtype=np.float32
        )
    if kind == "native":
        return OrdinalEncoder(
            handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2, dtype=np.int64
        )
    return OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2, dtype=np.float32
    )


def numeric(kind: str) -> Any:
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if kind == "passthrough":
        return "passthrough"
    return make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True), StandardScaler()
    )
