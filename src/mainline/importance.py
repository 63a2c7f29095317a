"""Permutation importance, in a process of its own beside the comparison (`python -m mainline.importance`).

How far the headline metric falls on a sample of the holdout when one column is shuffled.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline import beside, metrics, params, training
from mainline.fingerprint import digest
from mainline.record import Record
from mainline.results import Importance
from mainline.rows import quoted, sides
from mainline.settings import Settings
from mainline.workspace import Workspace, write_text

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

REPEATS = 3


def work(jobs: Iterator[dict[str, Any]]) -> dict[str, Any]:
    first = next(jobs)
    settings = params.load(Path(first["root"]) / params.FILE).settings
    training.use_threads(settings.train.threads)
    second = next(jobs, None)
    if second is None or not settings.evaluate.importance_rows:
        return {"importance": []}
    workspace = Workspace.at(Path(first["root"]), Path(first["state"]))
    record = Record.read(Path(second["record"]))
    asked = digest(
        [record.fingerprint, settings.compare.metric, settings.evaluate.importance_rows, settings.evaluate.threshold]
    )
    kept = workspace.checks / f"importance-{asked[:32]}.json"
    if not kept.exists():
        found = measure(settings, record, Path(second["frame"]))
        write_text(kept, json.dumps([dataclasses.asdict(value) for value in found]))
    return {"importance": json.loads(kept.read_text(encoding="utf-8"))}


def answer(explainer: beside.Beside) -> list[Importance]:
    return [Importance(**value) for value in explainer.answer()["importance"]]


def measure(settings: Settings, record: Record, frame: Path) -> list[Importance]:
    """Three shuffles a column, the largest fall first; `low` and `high` are the smallest and the largest fall.

    Empty where the holdout has fewer than two labelled rows or a single class.
    """
    import numpy as np
    from sklearn.inspection import permutation_importance

    label = quoted(settings.prepare.label)
    rows = training.read_rows(settings, frame, f"({sides(settings).holdout}) AND {label} IS NOT NULL")
    size = min(settings.evaluate.importance_rows, len(rows))
    rows = rows.iloc[np.sort(np.random.default_rng(0).choice(len(rows), size, replace=False))] if size else rows
    y, _ = training.encode(settings.task, rows[settings.prepare.label], known=record.facts["classes"])
    if size < 2 or len(np.unique(y)) < 2:
        return []
    features = training.features_of(settings, rows)
    found = permutation_importance(
        record.model(), features, y, scoring=scorer(settings), n_repeats=REPEATS, random_state=0
    )
    falls = found["importances"]
    return [
        Importance(features.columns[i], float(falls[i].mean()), float(falls[i].min()), float(falls[i].max()))
        for i in np.argsort(-falls.mean(axis=1))
    ]


def scorer(settings: Settings) -> Any:
    """The headline metric as scikit-learn asks for one: greater is better."""
    import numpy as np

    metric = settings.compare.metric
    sign = 1 if metrics.GREATER_IS_BETTER[metric] else -1
    one = np.ones((1, 1), dtype=np.int64)

    def score(model: Pipeline, rows: pd.DataFrame, y: NDArray[Any]) -> float:
        answers = training.answers_of(settings.task, model, rows)
        found = metrics.measure(
            settings.task, y, answers, np.zeros(len(y), int), one, threshold=settings.evaluate.threshold, only=[metric]
        )
        return sign * float(found[metric][0])

    return score


if __name__ == "__main__":
    beside.serve(work)
