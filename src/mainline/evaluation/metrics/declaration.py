"""What a metric is: a name, a task, a direction, a display name, and a function of rows and their resamples.

Importing this, and the modules that declare metrics, does not import NumPy: names are checked before anything heavy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mainline.config.extensions import Declarations
from mainline.errors import ConfigurationError

if TYPE_CHECKING:
    from mainline.evaluation.bootstrap import FloatArray
    from mainline.evaluation.metrics.resampled import Resampled

Task = Literal["binary", "multiclass", "regression"]
# Answers with (1 + resamples,) values, the first on the rows as they are; NaN where it cannot be measured.
Measure = Callable[["Resampled"], "FloatArray"]


@dataclass(frozen=True)
class MetricKind:
    """One metric of one task. `greater_is_better` is None where zero is best: nothing can be gated on it."""

    name: str
    task: Task
    title: str
    greater_is_better: bool | None
    measure: Measure


METRICS: dict[str, Declarations[MetricKind]] = {
    "binary": Declarations("metric of a binary task"),
    "multiclass": Declarations("metric of a multiclass task"),
    "regression": Declarations("metric of a regression task"),
}

# What Fairlearn measures of a slice, with its display name.
GAP_METRICS: dict[str, dict[str, str]] = {
    "binary": {
        "selection_rate": "share predicted positive",
        "recall": "recall",
        "false_positive_rate": "false positive rate",
    },
    "multiclass": {"accuracy": "accuracy"},
    "regression": {"bias": "bias", "mae": "MAE"},
}


def metric(
    name: str, *, task: Task, greater_is_better: bool | None, title: str | None = None
) -> Callable[[Measure], Measure]:
    """Register the function below as a metric of a task: it is measured, compared, shown, and can be gated on.

    Parameters
    ----------
    greater_is_better
        None where zero is best: such a metric is shown, and cannot be judged by.
    title
        What a report calls it; the name with spaces where not given.

    Raises
    ------
    ConfigurationError
        Where the task has a metric of this name, or another task has one with another direction or title.
    """

    def register(function: Measure) -> Measure:
        kind = MetricKind(name, task, title or name.replace("_", " "), greater_is_better, function)
        for other in kinds(name) if name not in METRICS[task] else ():
            if (other.greater_is_better, other.title) != (greater_is_better, kind.title):
                raise ConfigurationError(f"the metric {name} has another direction or title in a {other.task} task")
        METRICS[task].add(name, kind, function.__module__)
        return function

    return register


def kinds(name: str) -> Iterator[MetricKind]:
    """The metrics of this name, of every task."""
    for declared in METRICS.values():
        if name in declared:
            yield declared[name]


def greater_is_better(name: str) -> bool:
    return bool(next(kinds(name)).greater_is_better)


def is_directed(name: str) -> bool:
    """Whether a higher or a lower value of it is better; of a name that is not known, as of most, it is."""
    return all(kind.greater_is_better is not None for kind in kinds(name))


def added_titles(task: str) -> dict[str, str]:
    """The display names of the metrics that the project added to a task."""
    return {name: METRICS[task][name].title for name in METRICS[task].added()}


def title_of(name: str) -> str | None:
    """The display name of a metric, or of what Fairlearn measures of a slice; None where it is not known."""
    found = next((kind.title for kind in kinds(name)), None)
    return found or next((titles[name] for titles in GAP_METRICS.values() if name in titles), None)
