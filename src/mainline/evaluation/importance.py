"""Permutation importance, computed in the worker process while the models are compared.

The importance of a column is how far the headline metric falls on a sample of the holdout when it is shuffled.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.config import extensions, loader
from mainline.config.schema import Settings
from mainline.data.split import ROW_ID, quoted, sides
from mainline.evaluation import metrics, single_features
from mainline.evaluation.results import Importance
from mainline.runtime.atomic_files import write_text
from mainline.runtime.worker import Worker
from mainline.runtime.workspace import Workspace
from mainline.training import parts, pipeline
from mainline.training.fingerprint import digest
from mainline.training.record import Holdout, Record, align

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

REPEATS = 3
VERSION = 2  # of what is stored


def ask(worker: Worker, workspace: Workspace, record: Record, frame: Path) -> Callable[[], list[Importance]]:
    """Start it in the worker; the returned function waits for the result."""
    future = worker.submit(
        of_record,
        root=str(workspace.root),
        state=str(workspace.home),
        path=str(record.path),
        frame=str(frame),
    )
    return lambda: [Importance(**value) for value in future.result()]


def load_libraries() -> None:
    """Import what the importance needs before it is asked for."""
    pipeline.load_libraries()
    import sklearn.inspection  # noqa: F401


def of_record(root: str, state: str, path: str, frame: str) -> list[dict[str, Any]]:
    """The importance of every feature in the record at `path`, stored so that it is computed once."""
    workspace = Workspace.at(Path(root), Path(state))
    params = loader.load(workspace.params)
    settings = params.settings
    if not settings.evaluate.importance_rows:
        return []
    pipeline.use_threads(settings.train.threads)
    extensions.load(params)
    record = Record.read(Path(path))
    file = place(settings, workspace, record.fingerprint)
    if not file.exists():
        found = measure(record.settings(settings), record, Path(frame))
        write_text(file, json.dumps([dataclasses.asdict(value) for value in found]))
    answer: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
    return answer


def measure(settings: Settings, record: Record, frame: Path) -> list[Importance]:
    """Three shuffles of each column, the largest fall first; `low` and `high` are the smallest and largest fall.

    Empty where the holdout has fewer than two labelled rows or a single class.
    """
    import numpy as np
    from sklearn.inspection import permutation_importance

    label = quoted(settings.prepare.label)
    labelled = f"({sides(settings).holdout}) AND {label} IS NOT NULL"
    ids = np.concatenate([part[ROW_ID].to_numpy() for part in parts.read(settings, frame, labelled, ROW_ID)])
    size = min(settings.evaluate.importance_rows, len(ids))
    ids = ids[np.sort(np.random.default_rng(0).choice(len(ids), size, replace=False))] if size else ids
    listed = ", ".join(f"{row}::UBIGINT" for row in ids.tolist()) or "NULL"
    rows = pipeline.read_rows(settings, frame, f"{labelled} AND {ROW_ID} IN ({listed})")
    rows = rows.iloc[align(ids, Holdout(rows[ROW_ID].to_numpy(), np.empty(0), np.empty(0)))]
    y, _ = pipeline.encode(settings.task, rows[settings.prepare.label], known=record.facts.classes)
    if size < 2 or len(np.unique(y)) < 2:
        return []
    features = pipeline.features_of(settings, rows)
    found = permutation_importance(
        record.model(), features, y, scoring=scorer(settings), n_repeats=REPEATS, random_state=0
    )
    falls = found["importances"]
    alone = single_features.scores(settings, record, frame, rows, y) if size >= single_features.FEWEST else {}
    reached = scorer(settings)(record.model(), features, y)
    return [
        Importance(
            name,
            float(falls[i].mean()),
            float(falls[i].min()),
            float(falls[i].max()),
            alone.get(name),
            single_features.suffices(settings, alone, name, reached),
        )
        for i, name in ((i, str(features.columns[i])) for i in np.argsort(-falls.mean(axis=1)))
    ]


def kept(settings: Settings, workspace: Workspace, record: Record | None) -> dict[str, float] | None:
    """The importance of a record's features, where an earlier run has computed it."""
    path = place(settings, workspace, record.fingerprint) if record else None
    if path is None or not path.exists():
        return None
    return {found["feature"]: found["value"] for found in json.loads(path.read_text(encoding="utf-8"))}


def place(settings: Settings, workspace: Workspace, fingerprint: str) -> Path:
    evaluate = settings.evaluate
    asked = digest([fingerprint, settings.compare.metric, evaluate.importance_rows, evaluate.threshold, VERSION])
    return workspace.checks / f"importance-{asked[:32]}.json"


def scorer(settings: Settings) -> Any:
    """The headline metric as a scikit-learn scorer: greater is better."""
    import numpy as np

    metric = settings.compare.metric
    sign = 1 if metrics.greater_is_better(metric) else -1
    one = np.ones((1, 1), dtype=np.int64)

    def score(model: Pipeline, rows: pd.DataFrame, y: NDArray[Any]) -> float:
        answers = pipeline.answers_of(settings.task, model, rows)
        found = metrics.measure(
            settings.task, y, answers, np.zeros(len(y), int), one, threshold=settings.evaluate.threshold, only=[metric]
        )
        return sign * float(found[metric][0])

    return score
