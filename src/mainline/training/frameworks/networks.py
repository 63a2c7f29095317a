"""PyTorch through skorch, Keras through its wrappers for scikit-learn, and a SavedModel of TensorFlow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mainline.config import user_code
from mainline.training.frameworks.adapter import Adapter, Data, Params

if TYPE_CHECKING:
    from mainline.config.schema import Train

NAMED = ("module", "criterion", "optimizer")  # parameters of skorch that are classes: import paths in params.yaml


def resolved(params: Params, names: tuple[str, ...]) -> Params:
    """The parameters with what import paths name in their place."""
    return {
        name: user_code.imported(f"train.params.{name}", value) if name in names and isinstance(value, str) else value
        for name, value in params.items()
    }


def torch_defaults(train: Train) -> Params:
    """skorch would hold out a random fifth of the rows, and print a table."""
    return {"verbose": 0, "train_split": None, "device": "cpu", "iterator_train__shuffle": True}


def torch_target(target: Any, task: str) -> Any:
    return target.astype("float32").reshape(-1, 1) if task == "regression" else target


def torch_stop(estimator: Any, data: Data, rounds: int, more: Params) -> int:
    from skorch.callbacks import EarlyStopping
    from skorch.dataset import Dataset
    from skorch.helper import predefined_split

    estimator.set_params(
        train_split=predefined_split(Dataset(data.stop_x, data.stop_y)),
        callbacks=[*(estimator.callbacks or []), ("early_stopping", EarlyStopping(patience=rounds))],
    )
    estimator.fit(data.fit_x, data.fit_y, **more)
    losses = [epoch["valid_loss"] for epoch in estimator.history]
    return int(losses.index(min(losses))) + 1


def torch_tidy(estimator: Any) -> None:
    """The history has the seconds of each epoch, a callback the time; and the optimizer is twice the network's size."""
    for epoch in estimator.history_:
        epoch.pop("dur", None)
    estimator.callbacks_ = []
    estimator.optimizer_ = None


def torch_without_gpu() -> str | None:
    import torch

    return None if torch.cuda.is_available() else f"PyTorch {torch.__version__} finds none here"


SKORCH = Adapter(
    module="skorch",
    title="PyTorch",
    defaults=torch_defaults,
    # Only the ready network has a parameter for it: see `Adapter.embeds`.
    native=lambda categorical, numeric: {"categorical": categorical},
    stop=torch_stop,
    rounds=("max_epochs",),
    tidy=torch_tidy,
    named=NAMED,
    target=torch_target,
    gpu={"device": "cuda"},
    no_gpu=torch_without_gpu,
)


def keras_stop(estimator: Any, data: Data, rounds: int, more: Params) -> int:
    import keras
    import numpy as np

    def one_column_per_class(target: Any) -> Any:
        return np.eye(int(data.fit_y.max()) + 1)[target] if hasattr(estimator, "predict_proba") else target

    estimator.fit(
        data.fit_x,
        data.fit_y,
        validation_data=(np.asarray(data.stop_x, dtype=np.float32), one_column_per_class(data.stop_y)),
        callbacks=[keras.callbacks.EarlyStopping(patience=rounds)],
        **more,
    )
    losses = estimator.history_["val_loss"]
    return int(losses.index(min(losses))) + 1


def keras_without_gpu() -> str | None:
    import keras

    if keras.backend.backend() == "torch":
        return torch_without_gpu()
    return tensorflow_without_gpu()


def tensorflow_without_gpu() -> str | None:
    import tensorflow

    return None if tensorflow.config.list_physical_devices("GPU") else "TensorFlow finds none here"


KERAS = Adapter(
    module="keras",
    title="Keras",
    stop=keras_stop,
    rounds=("epochs",),
    named=("model",),
    no_gpu=keras_without_gpu,
)

SAVED_MODEL = Adapter(
    module="mainline.training.frameworks.saved_model",
    title="SavedModel",
    raw=True,
    no_gpu=tensorflow_without_gpu,
)
