"""Training: any estimator with scikit-learn's interface, with its preprocessing inside the pipeline."""

from __future__ import annotations

import difflib
import hashlib
import inspect
import os
import pickle
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.config import user_code
from mainline.config.schema import Prepare, Settings, Train
from mainline.data.split import ROW_ID, quoted, sides
from mainline.errors import ConfigurationError, DataError, Refused

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray
    from sklearn.base import BaseEstimator
    from sklearn.pipeline import Pipeline


@dataclass(frozen=True)
class Fitted:
    """A pipeline as it was pickled: `digest` is the SHA-256 of `pickled`."""

    pipeline: Pipeline
    pickled: bytes
    digest: str
    classes: list[Any]
    seconds: float


def use_threads(number: int) -> None:
    """Fix the number of threads before any library that counts cores is loaded.

    Two threads waiting actively for each other beside a third, busy process collapse: wait passively.
    """
    os.environ["OMP_WAIT_POLICY"] = "passive"
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = str(number)


def load_libraries() -> None:
    """Import what a fit needs, a second's work, while something else computes."""
    import pandas  # noqa: F401
    import sklearn.compose
    import sklearn.impute
    import sklearn.pipeline
    import sklearn.preprocessing  # noqa: F401


def fit(settings: Settings, frame: Path) -> Fitted:
    """Fit the pipeline on the training rows of the prepared frame that have a label."""
    rows = read_rows(settings, frame, f"({sides(settings).train}) AND {quoted(settings.prepare.label)} IS NOT NULL")
    if rows.empty:
        raise DataError(f"no labelled row lies before the holdout: nothing to train on{reach(settings, frame)}")
    target, classes = encode(settings.task, rows[settings.prepare.label], known=None)
    pipeline = build(settings.train, settings.prepare)
    started = time.perf_counter()
    try:
        pipeline.fit(features_of(settings, rows), target)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"params.yaml: train: {settings.train.estimator} does not fit: {error}") from error
    seconds = time.perf_counter() - started
    pickled = pickle.dumps(pipeline, protocol=5)
    return Fitted(pipeline, pickled, hashlib.sha256(pickled).hexdigest(), classes, seconds)


def predict(settings: Settings, pipeline: Pipeline, rows: pd.DataFrame) -> NDArray[np.float64]:
    """Probability of the positive class (n,), of every class (n, k), or the predicted value (n,).

    Raises
    ------
    Refused
        Where an answer is not a finite number: such a model can be neither compared nor served.
    """
    import numpy as np

    answers = answers_of(settings.task, pipeline, features_of(settings, rows))
    finite = np.isfinite(answers.reshape(len(answers), -1)).all(axis=1)
    if not finite.all():
        first = rows.iloc[int(np.flatnonzero(~finite)[0])]
        where = ", ".join(f"{name}={first[name]}" for name in settings.prepare.key)
        raise Refused(
            f"the model answers NaN or infinity for {int((~finite).sum()):,} of {len(rows):,} rows, first {where}"
        )
    return answers


def answers_of(task: str, pipeline: Pipeline, features: pd.DataFrame) -> NDArray[np.float64]:
    import numpy as np

    if task == "regression":
        return np.asarray(pipeline.predict(features), dtype=np.float64)
    answers = np.asarray(pipeline.predict_proba(features), dtype=np.float64)
    return answers[:, 1] if task == "binary" else answers


def read_rows(settings: Settings, frame: Path, condition: str, *more: str) -> pd.DataFrame:
    """Rows of the prepared frame: key, label, features and the columns `more`, in the frame's order."""
    import duckdb

    prepare = settings.prepare
    columns = dict.fromkeys([ROW_ID, *prepare.key, prepare.label, *prepare.features.names, *more])
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        names = ", ".join(map(quoted, columns))
        rows: pd.DataFrame = connection.execute(f"SELECT {names} FROM read_parquet('{frame}') WHERE {condition}").df()
    return rows


def features_of(settings: Settings, rows: pd.DataFrame) -> pd.DataFrame:
    """The allow-list and nothing else."""
    return rows[settings.prepare.features.names]


def reach(settings: Settings, frame: Path) -> str:
    """From when to when the holdout and the frame's rows run, where rows are split by time."""
    import duckdb

    side, time = sides(settings), settings.prepare.time
    if side.start is None or side.end is None or time is None:
        return ""
    with duckdb.connect() as connection:
        ends = ", ".join(f"{end}({quoted(time)})::DATE::VARCHAR" for end in ("min", "max"))
        first, last = connection.execute(f"SELECT {ends} FROM read_parquet('{frame}')").fetchone() or ("?", "?")
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


def build(train: Train, prepare: Prepare) -> Pipeline:
    """The unfitted pipeline: columns by their kind, then the estimator."""
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

    columns = ColumnTransformer(
        [
            ("categorical", categorical(train.categorical), prepare.features.categorical),
            ("numeric", numeric(train.numeric), prepare.features.numeric),
        ],
        verbose_feature_names_out=False,
    )
    return Pipeline([("columns", columns), ("estimator", estimator(train))])


def categorical(kind: str) -> Any:
    """A category that training has not seen, and one that is missing, get a code of their own."""
    import numpy as np
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

    if kind == "onehot":
        return OneHotEncoder(handle_unknown="infrequent_if_exist", sparse_output=False, dtype=np.float32)
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


def estimator(train: Train) -> BaseEstimator:
    """An instance of the named class; a random state that `params.yaml` does not set is 0."""
    factory = estimator_class(train.estimator)
    params = dict(train.params)
    known = parameter_names(factory)
    if known is not None:
        for name in params:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(sorted(known))}"
                raise ConfigurationError(f"params.yaml: train.params: {train.estimator} takes no {name}: {hint}")
        if "random_state" in known:
            params.setdefault("random_state", 0)
    try:
        made: BaseEstimator = factory(**params)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"params.yaml: train.params: {train.estimator}: {error}") from error
    return made


def estimator_class(path: str) -> Any:
    found = user_code.imported("train.estimator", path)
    if not (callable(getattr(found, "fit", None)) and callable(getattr(found, "predict", None))):
        raise ConfigurationError(f"params.yaml: train.estimator: {path} is no estimator: it has no fit and predict")
    return found


def parameter_names(factory: Any) -> list[str] | None:
    """The constructor's parameters, or None where it takes any."""
    parameters: Mapping[str, inspect.Parameter] = inspect.signature(factory).parameters
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values()):
        return None
    return list(parameters)
