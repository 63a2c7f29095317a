"""The number of trees of an ensemble: which parameter sets it, and the settings with another one."""

from __future__ import annotations

from mainline.config.schema import Settings
from mainline.training import estimators
from mainline.training.frameworks import parameters

HISTOGRAMS = "sklearn.ensemble.HistGradientBoosting"


def parameter(settings: Settings) -> str | None:
    """The parameter of the estimator that is its number of trees; None where it has none, or does not keep to it."""
    path = settings.train.estimator
    if path.startswith(HISTOGRAMS):
        return "max_iter"
    factory = estimators.estimator_class(path)
    adapter = parameters.adapter_of(factory)
    if adapter is not None:
        boosts = adapter.module in ("lightgbm", "xgboost", "catboost")
        named = (name for name in adapter.rounds if name in settings.train.params)
        return next(named, adapter.rounds[0]) if boosts else None
    known = estimators.parameter_names(factory) or []
    return "n_estimators" if path.startswith("sklearn.ensemble.") and "n_estimators" in known else None


def number(settings: Settings) -> int | None:
    """How many trees (of boosting, rounds) the settings ask for; None where that is not known."""
    name = parameter(settings)
    if name is None:
        return None
    features = settings.prepare.features
    made = estimators.estimator(settings.train, len(features.categorical), len(features.numeric))
    found = made.get_params().get(name, settings.train.params.get(name))
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def with_trees(settings: Settings, count: int) -> Settings:
    """The settings with this number of trees, also where early stopping would find one."""
    name = parameter(settings)
    assert name
    params = {**settings.train.params, name: count}
    train = settings.train.model_copy(update={"params": params, "early_stopping": None})
    return settings.model_copy(update={"train": train})
