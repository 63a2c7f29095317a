"""The model in production compared with the frozen first model, on the same rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mainline.config.schema import Settings
from mainline.demo.replay import Answered
from mainline.evaluation.results import Metric


@dataclass(frozen=True)
class Month:
    """`metric` has production as candidate and the frozen model as baseline; None if there are too few labels."""

    name: str
    version: str
    rows: int
    labelled: int
    metric: Metric | None


def measured(settings: Settings, classes: list[Any], name: str, version: str, answered: Answered) -> Month:
    """Compare both models by `compare.metric`, with intervals from a paired bootstrap over days."""
    import numpy as np
    import pandas as pd

    from mainline.data.blocks import codes
    from mainline.evaluation import evaluate

    empty = Month(name, version, answered.rows, len(answered.labels), None)
    if len(set(answered.days)) < 2:
        return empty
    code_of = {value: code for code, value in enumerate(classes)}
    y = np.array([code_of[value] for value in answered.labels] if classes else answered.labels)
    served, frozen = (score(settings, np.array(values, dtype=float)) for values in (answered.served, answered.frozen))
    blocks = codes(answered.days)
    rows = evaluate.Labelled(y, served, frozen, blocks, pd.DataFrame(index=range(len(y))), classes)
    weights = evaluate.draw(settings, blocks)
    (metric,) = evaluate.paired(settings, rows, weights, only=[settings.compare.metric])
    return Month(name, version, answered.rows, len(y), metric)


def score(settings: Settings, answers: Any) -> Any:
    """The input of the metrics: with two classes, the probability of the second."""
    return answers[:, 1] if settings.task == "binary" else answers
