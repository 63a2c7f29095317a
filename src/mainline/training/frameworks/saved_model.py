"""A SavedModel of TensorFlow that the project has, as an estimator that is not trained here.

    train:
      estimator: mainline.training.frameworks.saved_model.SavedModelClassifier
      params: {path: src/shop/model}
      categorical: native      # the network looks categories up itself
      numeric: passthrough     # and scales itself

The signature takes the features by their names: a categorical one as text (rows,) or (rows, 1), the empty text where
it is missing; a numeric one as 32- or 64-bit floats, NaN where it is missing. Without categorical features it may take
one matrix (rows, features) in place of that. Preprocessing that is fitted here has no place before a network that is
not: its inputs would change with every month of data, and the network would not.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # its order of additions depends on the number of threads

import numpy as np
import tensorflow
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from mainline.errors import ConfigurationError

SETTING = "params.yaml: train.params"
FILES = "tensorflow.saved_model"  # in a pickle: its name says what a model needs that no module of it names
BATCH = 8192  # rows of a call: memory does not grow with the holdout
LOOKED_AT = 1000  # training rows whose answers must be probabilities


class _SavedModel(BaseEstimator):
    """`fit` reads the folder and checks its signature against the features; the model stays as it is."""

    def __init__(self, path: str, signature: str = "serving_default", output: str | None = None) -> None:
        self.path = path
        self.signature = signature
        self.output = output

    def fit(self, X: Any, y: Any) -> Any:
        """Raises ConfigurationError where the SavedModel does not take these features, or answers in another shape."""
        self.files_ = read(self.path)
        self._called = self._load()
        self.inputs_ = inputs_of(self._called, [str(name) for name in X.columns], texts_of(X), self._named())
        self.output_ = output_of(self._called, self.output, self._named())
        return self

    def answers(self, X: Any) -> Any:
        """The output (rows, columns) for the features in a data frame."""
        if getattr(self, "_called", None) is None:
            self._called = self._load()
        parts = [self._answer(X.iloc[start : start + BATCH]) for start in range(0, len(X), BATCH)]
        found = np.concatenate(parts)
        return found.reshape(len(X), -1)

    def _answer(self, rows: Any) -> Any:
        given: dict[str, Any] = {}
        for name, columns in self.inputs_.items():
            spec = self._called.structured_input_signature[1][name]
            values = tensor_of(rows[columns], spec.dtype.as_numpy_dtype)
            given[name] = tensorflow.constant(values[:, 0] if spec.shape.rank == 1 else values, dtype=spec.dtype)
        return self._called(**given)[self.output_].numpy()

    def _load(self) -> Any:
        with tempfile.TemporaryDirectory(prefix="mainline-saved-model-") as folder:
            write(self.files_, Path(folder))
            try:
                loaded = tensorflow.saved_model.load(folder)
            except Exception as error:  # of many kinds, by what is damaged
                said = (str(error).strip() or type(error).__name__).splitlines()[0].replace(folder, self.path)
                raise ConfigurationError(f"{SETTING}: {self.path} cannot be loaded: {said}") from error
        there = dict(loaded.signatures)
        if self.signature not in there:
            raise ConfigurationError(f"{self._named()}: there is no such signature: there are {shown(there)}")
        called = there[self.signature]
        called.kept = loaded  # its variables go with it
        return called

    def _named(self) -> str:
        return f"{SETTING}: {self.path}, signature {self.signature}"

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        state.pop("_called", None)
        state[FILES] = state.pop("files_", None)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        files = state.pop(FILES, None)
        super().__setstate__(state)
        if files is not None:
            self.files_ = files


class SavedModelClassifier(ClassifierMixin, _SavedModel):
    """Answers (rows, classes) in the order of the sorted classes; of two also (rows,) or (rows, 1): the second's."""

    def fit(self, X: Any, y: Any) -> Any:
        self.classes_ = np.unique(y)
        super().fit(X, y)
        some = self.answers(X.iloc[:LOOKED_AT])
        wanted = len(self.classes_)
        if some.shape[1] != wanted and not (wanted == 2 and some.shape[1] == 1):
            raise ConfigurationError(
                f"{self._named()}: {self.output_} has {some.shape[1]} columns, and the label has {wanted} classes"
            )
        sums = some.sum(axis=1) if some.shape[1] > 1 else np.ones(len(some))
        if np.isfinite(some).all() and not (some.min() >= 0 and some.max() <= 1 and np.abs(sums - 1).max() < 1e-3):
            raise ConfigurationError(
                f"{self._named()}: {self.output_} holds no probabilities: values from {some.min():.3g} to "
                f"{some.max():.3g}, which add up to {sums.min():.3g} to {sums.max():.3g} in a row; export the model "
                "with its softmax or sigmoid"
            )
        return self

    def predict_proba(self, X: Any) -> Any:
        found = self.answers(X)
        return np.hstack([1 - found, found]) if found.shape[1] == 1 else found

    def predict(self, X: Any) -> Any:
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class SavedModelRegressor(RegressorMixin, _SavedModel):
    """Answers (rows,) or (rows, 1), in the unit of the label."""

    def fit(self, X: Any, y: Any) -> Any:
        super().fit(X, y)
        width = self.answers(X.iloc[:1]).shape[1]
        if width != 1:
            raise ConfigurationError(f"{self._named()}: {self.output_} has {width} columns, a regression has one")
        return self

    def predict(self, X: Any) -> Any:
        return self.answers(X)[:, 0]


def read(path: str) -> dict[str, bytes]:
    """The files of the SavedModel by their path in it.

    Raises
    ------
    ConfigurationError
        Where the folder is no SavedModel, or lies where its files are not in the fingerprint.
    """
    root, folder = Path.cwd().resolve(), Path(path)
    source = root / "src"
    if folder.is_absolute() or source not in (root / folder).resolve().parents:
        raise ConfigurationError(
            f"{SETTING}.path: {path} is not below src/: the files there are in the fingerprint, so that another model "
            "is another run. Put the SavedModel in the project's package, such as src/shop/model"
        )
    if not (root / folder / "saved_model.pb").is_file():
        raise ConfigurationError(f"{SETTING}.path: {path} is no SavedModel: there is no file {path}/saved_model.pb")
    found = sorted(file for file in (root / folder).rglob("*") if file.is_file())
    linked = next((file for file in found if file.is_symlink()), None)
    if linked:
        raise ConfigurationError(f"{SETTING}.path: {linked.relative_to(root)} is a link: copy the file in its place")
    return {file.relative_to(root / folder).as_posix(): file.read_bytes() for file in found}


def write(files: Mapping[str, bytes], folder: Path) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def texts_of(X: Any) -> list[str]:
    """The names of the categorical columns."""
    return [str(name) for name, kind in X.dtypes.items() if kind.kind not in "fiu"]


def inputs_of(called: Any, names: list[str], texts: list[str], where: str) -> dict[str, list[str]]:
    """The features of each input: one, or all where the signature takes a matrix."""
    inputs = called.structured_input_signature[1]
    for name, spec in inputs.items():
        rank = spec.shape.rank
        if rank not in (1, 2) or spec.shape[0] is not None:
            raise ConfigurationError(
                f"{where}: the input {name} has the shape {spec.shape}: (None,) or (None, columns) is needed, so that "
                "it takes any number of rows"
            )
    if not texts and len(inputs) == 1 and [*inputs] != names:
        (name, spec), *_ = inputs.items()
        if spec.shape.rank == 2 and spec.shape[1] == len(names) and spec.dtype.is_floating:
            return {name: names}
    if {*inputs} != {*names}:
        missing, more = [n for n in names if n not in inputs], [n for n in inputs if n not in names]
        parts = [f"it has no input for {shown(missing)}"] if missing else []
        parts += [f"no feature is called as its input {shown(more)}"] if more else []
        raise ConfigurationError(
            f"{where}: {'; '.join(parts)}: prepare.features and the inputs must have the same names"
        )
    for name, spec in inputs.items():
        right = spec.dtype == tensorflow.string if name in texts else spec.dtype in FLOATS
        if not right or (spec.shape.rank == 2 and spec.shape[1] != 1):
            wanted = "text" if name in texts else "32- or 64-bit floats"
            raise ConfigurationError(
                f"{where}: the input {name} is {spec.dtype.name} {spec.shape}: {wanted} of the shape (None,) or "
                "(None, 1) are needed"
            )
    return {name: [name] for name in names}


FLOATS = (tensorflow.float32, tensorflow.float64)


def output_of(called: Any, wanted: str | None, where: str) -> str:
    outputs = called.structured_outputs
    if wanted is None and len(outputs) == 1:
        return str(next(iter(outputs)))
    if wanted is None or wanted not in outputs:
        said = (
            f"there is no output {wanted}" if wanted else "it has several outputs, and train.params.output names none"
        )
        raise ConfigurationError(f"{where}: {said}: there are {shown(outputs)}")
    return wanted


def tensor_of(columns: Any, kind: Any) -> Any:
    """The columns (rows, columns) as the network takes them: the empty text where one is missing."""
    if kind is object or np.dtype(kind) == object:
        text = columns.astype(object)
        return text.where(text.notna(), "").to_numpy(dtype=object)
    # The server has 32 bits of a number, whatever the network takes.
    return columns.to_numpy(dtype=np.float32).astype(kind)


def shown(names: Any) -> str:
    return ", ".join(sorted(map(str, names))) or "none"
