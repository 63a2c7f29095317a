"""The space of a search: what may change, its values as Optuna asks for them, and the settings of one trial.

Values of a list, such as encodings or layers, are known to Optuna by their JSON, since it takes no lists.
"""

from __future__ import annotations

import inspect
import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mainline.config.schema import Features, Range, Search, Settings
from mainline.data.feature_patterns import STAR, matched, with_features
from mainline.training import estimators

if TYPE_CHECKING:
    from optuna.trial import Trial

PARAMS, CATEGORICAL, NUMERIC, WITHOUT = "params.", "categorical", "numeric", "without"
DIGITS = 4  # of a number that lies between two bounds
LISTED = 10_000  # combinations of a finite space that are counted

Values = dict[str, Any]  # by the dimension's name, as Optuna has them


@dataclass(frozen=True)
class Dimension:
    """One thing that may change: a parameter (`params.learning_rate`), an encoding, the feature that is left out."""

    name: str
    values: Range | list[Any]

    @property
    def label(self) -> str:
        """What a report calls it."""
        return self.name.removeprefix(PARAMS)

    @property
    def codes(self) -> list[str]:
        """The values of a list, as Optuna has them."""
        assert isinstance(self.values, list)
        return [json.dumps(value) for value in self.values]

    def ask(self, trial: Trial) -> Any:
        if isinstance(self.values, list):
            return trial.suggest_categorical(self.name, self.codes)
        asked = self.values
        if asked.whole:
            return trial.suggest_int(
                self.name, int(asked.low), int(asked.high), step=int(asked.step or 1), log=asked.log
            )
        return trial.suggest_float(self.name, asked.low, asked.high, step=asked.step, log=asked.log)

    def holds(self, value: Any) -> bool:
        """Whether a value lies in it, as it is written in `params.yaml`."""
        if isinstance(self.values, list):
            return any(same(value, one) for one in self.values)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or (self.values.whole and value % 1):
            return False
        if not self.values.low <= value <= self.values.high:
            return False
        steps = (value - self.values.low) / (self.values.step or (1 if self.values.whole else math.inf))
        return self.values.step is None or math.isclose(steps, round(steps), abs_tol=1e-9)

    def code(self, value: Any) -> Any:
        """A value of `params.yaml` as Optuna has it."""
        if isinstance(self.values, list):
            return json.dumps(value)
        return int(value) if self.values.whole else float(value)

    def decode(self, code: Any) -> Any:
        """A value as `params.yaml` has it: numbers between two bounds with few digits, as a person would write them."""
        if isinstance(self.values, list):
            return json.loads(code)
        if self.values.whole:
            return int(code)
        return min(max(float(f"{code:.{DIGITS}g}"), self.values.low), self.values.high)

    def count(self) -> float:
        """How many values there are; infinity where they are not countable."""
        if isinstance(self.values, list):
            return len(self.values)
        step = self.values.step or (1 if self.values.whole else 0)
        return math.floor((self.values.high - self.values.low) / step) + 1 if step else math.inf

    def every(self) -> list[Any]:
        """All values of a finite one, as Optuna has them."""
        if isinstance(self.values, list):
            return list(self.codes)
        step = self.values.step or 1
        found = [self.values.low + place * step for place in range(int(self.count()))]
        return [int(value) if self.values.whole else float(value) for value in found]


def dimensions(settings: Settings) -> list[Dimension]:
    """What `search` in `params.yaml` lets change, in the order of the file."""
    search = settings.search
    assert search
    found = [Dimension(PARAMS + name, values) for name, values in search.params.items()]
    found += [Dimension(CATEGORICAL, list(search.categorical))] if search.categorical else []
    found += [Dimension(NUMERIC, list(search.numeric))] if search.numeric else []
    left_out = optional_features(settings.prepare.features, search)
    return [*found, *([Dimension(WITHOUT, [None, *left_out])] if left_out else [])]


def optional_features(features: Features, search: Search) -> list[str]:
    """The features that `search.without` names, by themselves or by a pattern."""
    listed = [name for name in features.names if STAR not in name]
    return list(dict.fromkeys(name for pattern in search.without for name in matched(pattern, listed)))


def today(settings: Settings, space: Sequence[Dimension]) -> Values:
    """Today's settings as values of the space; what lies outside it, or has no value today, is left out."""
    found: Values = {}
    for dimension in space:
        try:
            value = value_of(settings, dimension.name)
        except LookupError:
            continue
        if dimension.holds(value):
            found[dimension.name] = dimension.code(value)
    return found


def same(value: Any, other: Any) -> bool:
    """Whether an estimator takes them as one: to some, 1 is one feature and 1.0 is all of them."""
    return type(value) is type(other) and bool(value == other)


def value_of(settings: Settings, name: str) -> Any:
    """The value of a dimension in the settings; of a parameter that they do not set, the estimator's default.

    Raises
    ------
    LookupError
        Where nothing says what its value is.
    """
    train = settings.train
    if name == WITHOUT:
        return None
    if not name.startswith(PARAMS):
        return getattr(train, name)
    parameter = name.removeprefix(PARAMS)
    if parameter in train.params:
        return train.params[parameter]
    try:
        default = inspect.signature(estimators.estimator_class(train.estimator)).parameters[parameter].default
    except (TypeError, ValueError):
        raise LookupError(name) from None
    if default is inspect.Parameter.empty:
        raise LookupError(name)
    return default


def applied(settings: Settings, space: Sequence[Dimension], values: Mapping[str, Any]) -> Settings:
    """The settings of a trial: today's, with its values in their places."""
    decoded = {one.name: one.decode(values[one.name]) for one in space if one.name in values}
    train = settings.train
    params = {name.removeprefix(PARAMS): value for name, value in decoded.items() if name.startswith(PARAMS)}
    changed: dict[str, Any] = {"params": {**train.params, **params}}
    changed |= {name: decoded[name] for name in (CATEGORICAL, NUMERIC) if name in decoded}
    settings = settings.model_copy(update={"train": train.model_copy(update=changed)})
    if decoded.get(WITHOUT) is None:
        return settings
    features = settings.prepare.features
    kept = {
        kind: [name for name in getattr(features, kind) if name != decoded[WITHOUT]] for kind in (NUMERIC, CATEGORICAL)
    }
    return with_features(settings, Features(**kept))


def size(space: Sequence[Dimension]) -> float:
    """How many combinations there are."""
    return math.prod(dimension.count() for dimension in space)


def combinations(space: Sequence[Dimension]) -> Iterator[Values]:
    """All combinations of a finite space."""
    for chosen in itertools.product(*(dimension.every() for dimension in space)):
        yield dict(zip([dimension.name for dimension in space], chosen, strict=True))
