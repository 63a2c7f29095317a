"""A network whose weights have 8 bits: a fitted estimator that answers by its ONNX graph, without its framework."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin


class EightBit(BaseEstimator):  # type: ignore[misc]
    """The graph takes the preprocessed rows (rows, columns) as 32-bit floats; it was fitted before it was made smaller.

    Parameters
    ----------
    graph
        The network alone, as ONNX.
    """

    def __init__(self, graph: bytes) -> None:
        self.graph = graph

    def fit(self, X: Any, y: Any) -> Any:
        raise TypeError("a network is fitted before its weights are written in 8 bits")

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def answers(self, X: Any) -> Any:
        if getattr(self, "_session", None) is None:
            self._session = session(self.graph)
        name = self._session.get_inputs()[0].name
        return self._session.run(None, {name: np.asarray(X, dtype=np.float32)})[0]

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in super().__getstate__().items() if name != "_session"}


class EightBitClassifier(ClassifierMixin, EightBit):  # type: ignore[misc]
    def __init__(self, graph: bytes, classes: Any) -> None:
        super().__init__(graph)
        self.classes = classes

    @property
    def classes_(self) -> Any:
        return np.asarray(self.classes)

    def predict_proba(self, X: Any) -> Any:
        return self.answers(X)

    def predict(self, X: Any) -> Any:
        return self.classes_[self.answers(X).argmax(axis=1)]


class EightBitRegressor(RegressorMixin, EightBit):  # type: ignore[misc]
    def predict(self, X: Any) -> Any:
        return self.answers(X).reshape(len(X))


def session(graph: bytes) -> Any:
    """On one thread, as the server does: the order of additions is the same."""
    import onnxruntime

    onnxruntime.set_default_logger_severity(4)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
