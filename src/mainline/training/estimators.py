"""The estimator that `params.yaml` names: its class, its parameters, its seed."""

from __future__ import annotations

import contextlib
import difflib
import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mainline.config import user_code
from mainline.config.schema import Train
from mainline.errors import ConfigurationError
from mainline.training.frameworks import parameters as frameworks

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

SEEDS = ("random_state", "random_seed", "seed")  # what constructors call it


def estimator(train: Train, categorical: int = 0, numeric: int = 0, rounds: int | None = None) -> BaseEstimator:
    """An instance of the named class; a random state that `train.params` does not set is `train.seed`.

    Parameters
    ----------
    categorical, numeric
        How many columns it gets, for native categories.
    rounds
        Takes the place of its number of rounds.
    """
    factory = estimator_class(train.estimator)
    params = dict(train.params)
    known = parameter_names(factory)
    if known is not None:
        for name in params:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(sorted(known))}"
                raise ConfigurationError(f"params.yaml: train.params: {train.estimator} takes no {name}: {hint}")
    with user_code.calling(f"params.yaml: train: {train.estimator}"):
        own = frameworks.params_of(train, factory, categorical, numeric)
        params = {**own, **frameworks.with_classes(factory, params)}
    seed = seed_name(factory, train)
    if seed:
        params.setdefault(seed, train.seed)
    kind = frameworks.adapter_of(factory)
    if rounds is not None and kind is not None:
        params = frameworks.set_rounds(kind, params, rounds)
    with user_code.calling(f"params.yaml: train.params: {train.estimator}"):
        made: BaseEstimator = factory(**params)
    return made


def seed_name(factory: Any, train: Train) -> str | None:
    """The parameter for the seed: the one that `params.yaml` sets, else the first that the constructor names."""
    with contextlib.suppress(TypeError, ValueError):
        named = inspect.signature(factory).parameters
        return next((name for name in SEEDS if name in train.params), None) or next(
            (name for name in SEEDS if name in named), seed_of_framework(factory)
        )
    return None


def seed_of_framework(factory: Any) -> str | None:
    kind = frameworks.adapter_of(factory)
    return kind.seed if kind else None


def estimator_class(path: str) -> Any:
    found = user_code.imported("train.estimator", path)
    if not inspect.isclass(found) and callable(getattr(found, "fit", None)):
        raise ConfigurationError(
            f"params.yaml: train.estimator: {path} is an object: name its class, and its parameters in train.params"
        )
    if inspect.isroutine(found):
        raise ConfigurationError(
            f"params.yaml: train.estimator: {path} is no estimator: it has no fit and predict, it is a function. "
            "Name a class: one of your own can derive from the estimator that the function builds, and set its "
            "parameters in __init__"
        )
    if not (callable(getattr(found, "fit", None)) and callable(getattr(found, "predict", None))):
        raise ConfigurationError(f"params.yaml: train.estimator: {path} is no estimator: it has no fit and predict")
    return found


def parameter_names(factory: Any) -> list[str] | None:
    """The constructor's parameters, or None where it takes any or does not say."""
    try:
        parameters: Mapping[str, inspect.Parameter] = inspect.signature(factory).parameters
    except (TypeError, ValueError):
        return None
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values()):
        return None
    return list(parameters)
