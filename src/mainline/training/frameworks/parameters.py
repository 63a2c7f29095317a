"""Which adapter an estimator has, and the parameters that come from it."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, NoReturn

from mainline.errors import ConfigurationError
from mainline.training.frameworks.adapter import Adapter, Params
from mainline.training.frameworks.boosting import CATBOOST, LIGHTGBM, XGBOOST
from mainline.training.frameworks.networks import KERAS, SAVED_MODEL, SKORCH, resolved

if TYPE_CHECKING:
    from mainline.config.schema import Train

ADAPTERS = {adapter.module: adapter for adapter in (LIGHTGBM, XGBOOST, CATBOOST, SKORCH, KERAS, SAVED_MODEL)}


def adapter_of(factory: Any) -> Adapter | None:
    """The adapter of an estimator's class; None of scikit-learn's own and of any other."""
    for each in getattr(factory, "__mro__", ()):
        found = ADAPTERS.get(each.__module__) or ADAPTERS.get(each.__module__.partition(".")[0])
        if found:
            return found
    return None


def params_of(train: Train, factory: Any, categorical: int, numeric: int) -> Params:
    """The parameters that the machine sets; those of `params.yaml` come before them.

    Raises
    ------
    ConfigurationError
        Where a setting asks for what the framework, or this machine, does not have.
    """
    adapter = adapter_of(factory)
    if adapter is None:
        if train.categorical == "native":
            refuse(train, "categorical: native", "has no native categories here: ordinal or onehot is needed")
        if train.device == "gpu":
            refuse(train, "device: gpu", "is not known to run on a GPU")
        return {}
    found = adapter.defaults(train)
    if adapter.raw:
        as_they_are(train, categorical)
    elif train.categorical == "native":
        if adapter.native is None or (adapter is SKORCH and "categorical" not in inspect.signature(factory).parameters):
            refuse(train, "categorical: native", "has no native categories here: ordinal or onehot is needed")
        if adapter is XGBOOST and train.numeric != "passthrough":
            refuse(train, "numeric: standardize", "with native categories needs passthrough: trees need no scaling")
        found |= adapter.native(categorical, numeric)
    if train.device == "gpu" or asks_for_gpu(train.params):
        why = adapter.no_gpu()
        if why:
            raise ConfigurationError(
                f"params.yaml: train asks for a GPU, and {why}: set device: cpu, or run where there is one"
            )
        found |= adapter.gpu
    return found


def as_they_are(train: Train, categorical: int) -> None:
    """Refuse what would be fitted to the data before a network that is not."""
    why = "takes the features as they are, since what is fitted before it would change with the data"
    if categorical and train.categorical != "native":
        refuse(train, f"categorical: {train.categorical}", f"{why}: native is needed")
    if train.numeric != "passthrough":
        refuse(train, f"numeric: {train.numeric}", f"{why}: passthrough is needed")


def fit_params_of(train: Train, factory: Any, categorical: int) -> Params:
    """What is passed to `fit` beside the rows."""
    adapter = adapter_of(factory)
    return adapter.native_fit(categorical) if adapter and train.categorical == "native" and categorical else {}


def target_of(factory: Any, target: Any, task: str) -> Any:
    """The target as the framework wants it."""
    adapter = adapter_of(factory)
    return adapter.target(target, task) if adapter else target


def with_classes(factory: Any, params: Params) -> Params:
    """The parameters with the classes and functions that their import paths name."""
    adapter = adapter_of(factory)
    return resolved(params, adapter.named) if adapter else params


def tidy(estimator: Any) -> None:
    adapter = adapter_of(type(estimator))
    if adapter:
        adapter.tidy(estimator)


def asks_for_gpu(params: Params) -> bool:
    """Whether a parameter names one: some frameworks use the processor instead, with no more than a warning."""
    names = ("device", "device_type", "task_type", "tree_method")
    return any(word in str(params.get(name, "")).lower() for name in names for word in ("cuda", "gpu"))


def refuse(train: Train, setting: str, why: str) -> NoReturn:
    raise ConfigurationError(f"params.yaml: train.{setting}: {train.estimator} {why}")


def set_rounds(adapter: Adapter, params: Params, number: int) -> Params:
    """The parameters with another number of rounds, by whichever of its names they have."""
    kept = {name: value for name, value in params.items() if name not in adapter.rounds}
    return {**kept, adapter.rounds[0]: number}
