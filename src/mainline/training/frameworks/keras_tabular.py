"""Keras 3 as an estimator, on whichever backend `KERAS_BACKEND` names (TensorFlow by default).

    train:
      estimator: mainline.training.frameworks.keras_tabular.KerasClassifier
      params: {epochs: 20, model: shop.net.build}   # without `model`: the ready network
      categorical: onehot
      numeric: standardize

A model of the project's own is a function that takes `X`, `y` and the `model_kwargs`, and returns a compiled model: of
a classifier with a probability per class (`y` is one column per class), of a regressor with one value.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # its order of additions depends on the number of threads

import keras
import numpy as np
from keras.wrappers import SKLearnClassifier, SKLearnRegressor


def build(X: Any, y: Any, hidden: Sequence[int] = (128, 64), dropout: float = 0.1, lr: float = 0.002) -> Any:
    """A network for tables: dense layers over standardized numbers and one-hot categories."""
    classifies = y.ndim == 2 and y.shape[1] > 1
    rows = keras.Input((X.shape[1],), name="rows")
    found = rows
    for width in hidden:
        found = keras.layers.Dense(width, activation="relu")(found)
        found = keras.layers.Dropout(dropout)(found)
    answers = keras.layers.Dense(y.shape[1] if classifies else 1, activation="softmax" if classifies else None)(found)
    model = keras.Model(rows, answers)
    loss = "categorical_crossentropy" if classifies else "mean_squared_error"
    model.compile(optimizer=keras.optimizers.Adam(lr), loss=loss)
    return model


class _Fitted:
    """What keras.wrappers leave open: epochs as a parameter, probabilities, a pickle without names that count up."""

    def fit(self, X: Any, y: Any, **more: Any) -> Any:
        net: Any = self
        keras.utils.clear_session()  # the names of layers count up within a process
        options = {"epochs": net.epochs, "batch_size": net.batch_size, "verbose": 0, **more}
        super().fit(np.asarray(X, dtype=np.float32), y, **options)  # type: ignore[misc]
        net.history_ = {name: [float(each) for each in values] for name, values in net.history_.history.items()}
        return self

    def __getstate__(self) -> dict[str, Any]:
        state = dict(self.__dict__)
        if "model_" in state:
            model = state.pop("model_")
            state["saved_"] = (keras.saving.serialize_keras_object(model), model.get_weights())
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        saved = state.pop("saved_", None)
        self.__dict__.update(state)
        if saved:
            config, weights = saved
            # The record's digest was checked before: its code is this project's own.
            self.model_ = keras.saving.deserialize_keras_object(config, safe_mode=False)
            self.model_.set_weights(weights)

    def answers(self, X: Any) -> Any:
        net: Any = self
        return net.model_.predict(np.asarray(X, dtype=np.float32), batch_size=4096, verbose=0)


class KerasClassifier(_Fitted, SKLearnClassifier):
    def __init__(
        self,
        model: Callable[..., Any] = build,
        epochs: int = 20,
        batch_size: int = 256,
        model_kwargs: dict[str, Any] | None = None,
        fit_kwargs: dict[str, Any] | None = None,
        warm_start: bool = False,
    ) -> None:
        self.epochs, self.batch_size = epochs, batch_size
        super().__init__(model, warm_start, model_kwargs, fit_kwargs)

    def predict_proba(self, X: Any) -> Any:
        return self.answers(X)

    def predict(self, X: Any) -> Any:
        return self.classes_[self.answers(X).argmax(axis=1)]


class KerasRegressor(_Fitted, SKLearnRegressor):
    """The target is standardized while it learns."""

    def __init__(
        self,
        model: Callable[..., Any] = build,
        epochs: int = 20,
        batch_size: int = 256,
        model_kwargs: dict[str, Any] | None = None,
        fit_kwargs: dict[str, Any] | None = None,
        warm_start: bool = False,
    ) -> None:
        self.epochs, self.batch_size = epochs, batch_size
        super().__init__(model, warm_start, model_kwargs, fit_kwargs)

    def fit(self, X: Any, y: Any, **more: Any) -> Any:
        mean, spread = float(np.mean(y)), float(np.std(y)) or 1.0
        if "validation_data" in more:
            rows, known = more["validation_data"]
            more["validation_data"] = (rows, (np.asarray(known) - mean) / spread)
        super().fit(X, (np.asarray(y) - mean) / spread, **more)
        # The exported graph has to answer in the target's unit too: as a layer of the model itself.
        scaled = keras.layers.Rescaling(spread, offset=mean, name="unit")(self.model_.outputs[0])
        self.model_ = keras.Model(self.model_.inputs, scaled)
        return self

    def predict(self, X: Any) -> Any:
        return self.answers(X)[:, 0]
