"""What is wrong with a space: parameters and features that do not exist, or that must not be searched."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence

from mainline.config import loader
from mainline.config.extensions import hint
from mainline.config.loader import Key, Params
from mainline.data.feature_patterns import STAR, matched
from mainline.errors import ConfigurationError
from mainline.training import estimators

EXAMPLE = "search: {params: {max_iter: {low: 50, high: 400}}}"


def check(params: Params) -> None:
    """Raises ConfigurationError where there is nothing to search, or the estimator does not take it, with the line."""
    if params.settings.search is None:
        raise ConfigurationError(
            f"{params.file}: there is no section `search`: it says what may change, such as {EXAMPLE} (docs/search.md)"
        )
    loader.refuse(params, of_parameters(params))


def check_features(params: Params, columns: Sequence[str]) -> None:
    """As `check`, for the features that may be left out; `columns` are those of the prepared frame."""
    loader.refuse(params, of_features(params, columns))


def of_parameters(params: Params) -> Iterator[tuple[Sequence[Key], str]]:
    search, train = params.settings.search, params.settings.train
    assert search
    if not search.params:
        return
    known = estimators.parameter_names(estimators.estimator_class(train.estimator))
    for name in search.params:
        at = ("search", "params", name)
        if name in estimators.SEEDS:
            yield at, f"{'.'.join(at)}: the best of several seeds is luck, which no other row repeats: leave it out"
        elif known is not None and name not in known:
            yield at, f"{'.'.join(at)}: {train.estimator} takes no {name}: {hint(name, sorted(known))}"


def of_features(params: Params, columns: Sequence[str]) -> Iterator[tuple[Sequence[Key], str]]:
    """Only a feature that is written by its own name can be taken out of the file. One that is out already is none."""
    search, features = params.settings.search, params.settings.prepare.features
    assert search
    listed = [name for name in features.names if STAR not in name]
    patterns = [name for name in features.names if STAR in name]
    for place, name in enumerate(search.without):
        at = ("search", "without", place)
        known = [*listed, *(column for column in columns if not any(matched(one, [column]) for one in patterns))]
        if matched(name, known):
            continue
        if STAR not in name and any(matched(pattern, [name]) for pattern in patterns):
            yield at, f"search.without: {name} is listed by a pattern among prepare.features: list it by its name"
            continue
        near = difflib.get_close_matches(name, listed, n=1)
        there = f"did you mean {near[0]}?" if near else f"there are: {', '.join(listed)}"
        yield at, f"search.without: prepare.features has no {name}: {there}"
