"""What a gate is: a name, its setting below `gates` in `params.yaml`, and a function that judges."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mainline.config.extensions import Declarations
from mainline.config.loader import Params
from mainline.evaluation import formatting
from mainline.evaluation.overlap import Copies
from mainline.evaluation.results import Coverage, Gap, Gate, Interval, Metric, Slice

NO_INTERVAL = "no value on these rows, or on too many of their resamples (a single block, or a class is missing)"


@dataclass(frozen=True)
class Measured:
    """What the gates judge. `compared` is false where the absolute gates alone decide."""

    compared: bool
    metrics: Sequence[Metric]
    lead: Interval | None
    slices: Sequence[Slice]
    gaps: Sequence[Gap]
    label_coverage: float
    train_seconds: float
    model_bytes: int
    drifted: Sequence[str] | None = None  # features whose holdout lies outside training; None: not measured
    coverage: Sequence[Coverage] = ()  # of labels, by side, month of training and slice
    overdue: tuple[int, int] | None = None  # rows still pending long after they were due, of all of that age
    copies: Copies | None = None  # holdout rows that are training rows under another key
    no_metrics: str | None = None  # why the model's metrics cannot be measured, if so
    no_comparison: str | None = None  # why the difference to main cannot be measured, if so


# From the setting, everything in params.yaml, and what was measured, to one result or several.
Judge = Callable[[Any, Params, Measured], Sequence[Gate]]


@dataclass(frozen=True)
class GateKind:
    """One gate. `relative`: it compares with main's model, and is left out where there is none to compare with."""

    name: str
    judge: Judge
    setting: Any  # the type of `gates.<name>`: a number, or a `mainline.config.schema.Section`
    relative: bool
    description: str


GATES: Declarations[GateKind] = Declarations("gate")


def gate(name: str, *, relative: bool = False, setting: Any = float, description: str = "") -> Callable[[Judge], Judge]:
    """Register the function below as the gate `name`: it judges where `gates.<name>` is set.

    Parameters
    ----------
    setting
        The type that the value of `gates.<name>` must have; of a built-in gate it stands in `config/schema.py`.
    description
        What the setting says, for the reference of `params.yaml`.
    """

    def register(function: Judge) -> Judge:
        GATES.add(name, GateKind(name, function, setting, relative, description), function.__module__)
        return function

    return register


def find(metrics: Sequence[Metric], name: str) -> Metric | None:
    return next((metric for metric in metrics if metric.name == name), None)


def unmeasured(measured: Measured, metric: Metric | None = None) -> str:
    """Why a gate cannot be measured; `metric` is the one that it asks for."""
    why = measured.no_metrics or measured.no_comparison or (no_value(metric) if metric else None)
    return f"not measurable: {why or NO_INTERVAL}"


def no_value(metric: Metric) -> str | None:
    """Which model has no value of a metric on these rows: precision, for example, where it predicts no positive."""
    sides = {"this model": metric.candidate, "main's model": metric.baseline}
    without = [name for name, found in sides.items() if found is not None and not math.isfinite(found.value)]
    return f"no value on these rows for {' and '.join(without)}" if without else None


def show(
    measured: Interval, judged: float | None, limit: float, write: Callable[[Interval], str] = formatting.difference
) -> str:
    """The value as the report writes it; with more decimals where rounding hides on which side of its limit it lies."""
    text = write(measured)
    if judged is None or formatting.score(judged) != formatting.score(limit) or judged == limit:
        return text
    decimals = 4 if f"{judged:.4f}" != f"{limit:.4f}" else 8
    return f"{text}, unrounded {judged:.{decimals}f}".replace("-", "−")
