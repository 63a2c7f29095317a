"""Scoring: the columns as two matrices in, probabilities or values out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from mainline.serving.signature import MISSING, Signature

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TOO_LARGE = "it computes NaN or infinity, as from numbers that are far too large"


class Scorer(Protocol):
    def __call__(self, categorical: NDArray[np.object_], numeric: NDArray[np.float32]) -> NDArray[Any]:
        """Answers (n, classes), or (n,) of a regression.

        Parameters
        ----------
        categorical
            Text (n, k), with `MISSING` where there is none.
        numeric
            (n, m), with NaN where there is none.
        """


def load(signature: Signature, folder: Path) -> Scorer:
    """The scorer of an export whose digest was checked."""
    path = folder / signature.file
    return Onnx(path, signature) if signature.engine == "onnx" else Fitted(path, signature)


class Onnx:
    """ONNX Runtime on one thread: several requests are computed in parallel instead."""

    def __init__(self, model: Path | bytes, signature: Signature) -> None:
        os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # its telemetry is on by default on Linux too
        import onnxruntime

        onnxruntime.set_default_logger_severity(4)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # Memory use must not depend on the number of predictions.
        options.enable_cpu_mem_arena = False
        source = model if isinstance(model, bytes) else str(model)
        session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
        self.run = session.run
        self.output = [session.get_outputs()[-1].name]
        self.flat = signature.task == "regression"
        self.takes = {node.name for node in session.get_inputs()}

    def __call__(self, categorical: NDArray[np.object_], numeric: NDArray[np.float32]) -> NDArray[Any]:
        feed: dict[str, NDArray[Any]] = {}
        if "categorical" in self.takes:
            feed["categorical"] = categorical
        if "numeric" in self.takes:
            feed["numeric"] = numeric
        found: NDArray[Any] = self.run(self.output, feed)[0]
        return shaped(found, len(numeric), self.flat)


class Fitted:
    """The fitted pipeline itself, for a model whose ONNX conversion differs from it: needs scikit-learn and pandas."""

    def __init__(self, path: Path, signature: Signature) -> None:
        import pickle

        self.pipeline = pickle.loads(path.read_bytes())
        self.signature = signature

    def __call__(self, categorical: NDArray[np.object_], numeric: NDArray[np.float32]) -> NDArray[Any]:
        import numpy as np
        import pandas as pd

        columns: dict[str, Any] = {}
        for i, column in enumerate(self.signature.categorical):
            text = [None if value == MISSING else value for value in categorical[:, i]]
            columns[column.name] = pd.array(text, dtype="str")
        for i, column in enumerate(self.signature.numeric):
            columns[column.name] = numeric[:, i]
        predict = self.pipeline.predict if self.signature.task == "regression" else self.pipeline.predict_proba
        found: NDArray[Any] = np.asarray(predict(pd.DataFrame(columns)[self.signature.names]))
        return shaped(found, len(numeric), self.signature.task == "regression")


def unanswered(answers: NDArray[Any]) -> int | None:
    """The first row whose answer is NaN or infinite, as a network's for numbers that are far too large; else None."""
    import numpy as np

    finite = np.isfinite(answers)
    if finite.all():
        return None
    return int(np.flatnonzero(~finite.reshape(len(answers), -1).all(axis=1))[0])


def shaped(answers: NDArray[Any], rows: int, flat: bool) -> NDArray[Any]:
    """Answers (rows, classes) or (rows,): some estimators drop the dimension of a single row, or keep one too many."""
    if answers.shape == (rows,) if flat else answers.ndim == 2 and len(answers) == rows:
        return answers
    return answers.reshape(rows) if flat else answers.reshape(rows, -1)
