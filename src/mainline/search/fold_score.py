"""One fold of one trial, computed in a worker process: fit, score, and on the last fold what the gates limit."""

from __future__ import annotations

import contextlib
import functools
import time
from pathlib import Path
from typing import Any

from mainline.config import extensions, loader
from mainline.config.schema import Settings
from mainline.data.blocks import codes
from mainline.errors import DataError
from mainline.evaluation import metrics
from mainline.runtime.atomic_files import replacing
from mainline.search import folds as inner
from mainline.search import limits, space
from mainline.training import pipeline

LINUX_FIRST = "1000"  # of what Linux ends first where memory runs out: a trial, and not the search


def prepare(settings: str, file: str, frame: str) -> int:
    """Import and read what every trial needs; the number of training rows."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(LINUX_FIRST, encoding="ascii")
    extensions.load(loader.load(Path(file)))  # the metric may be the project's own
    pipeline.load_libraries()
    return len(folds_of(settings, frame).rows)


def score(
    settings: str, frame: str, trial: int, values: dict[str, Any], today: bool, fold: int, folder: str
) -> dict[str, Any]:
    """Fit on the rows of a fold's training and score the fold; its scores are kept in `folder`.

    Raises
    ------
    MainlineError
        Where the estimator does not fit, or the metric has no value there.
    """
    import numpy as np

    now = read(settings)
    made = folds_of(settings, frame)
    tried = now if today else space.applied(now, space.dimensions(now), values)
    train, rows = made.parts(fold)
    begun = time.process_time()
    fitted = pipeline.fit_rows(tried, train)
    # Other trials run at the same time: what the processor computed for this one, if that is less than what passed.
    seconds = min(fitted.seconds, (time.process_time() - begun) / tried.train.threads)
    answers = pipeline.predict(tried, fitted.pipeline, rows)
    y, _ = pipeline.encode(now.task, rows[now.prepare.label], known=fitted.classes)
    one = np.zeros(len(rows), dtype=np.intp)
    name = now.compare.metric
    counts = np.ones((1, 1), dtype=np.uint8)
    measured = metrics.measure(now.task, y, answers, one, counts, threshold=now.evaluate.threshold, only=[name])
    value = float(measured[name][0])
    if not np.isfinite(value):
        raise DataError(f"{name} has no value on fold {fold + 1}, such as where it lacks a class")
    with replacing(scores_file(Path(folder), trial, fold)) as unfinished, unfinished.open("wb") as file:
        np.save(file, answers)
    assert now.search
    last = fold == now.search.folds - 1
    measures = limits.measure(tried, fitted, rows, seconds * made.trained / len(train)) if last else {}
    return {"value": value, "seconds": round(fitted.seconds, 3), "limits": measures}


@functools.lru_cache(1)
def read(settings: str) -> Settings:
    return Settings.model_validate_json(settings)


@functools.lru_cache(1)
def folds_of(settings: str, frame: str) -> inner.Folds:
    now = read(settings)
    assert now.search
    return inner.folds(now, Path(frame), now.search.folds)


def scores_file(folder: Path, trial: int, fold: int) -> Path:
    return folder / f"{trial}-{fold}.npy"


def blocks_of(settings: Settings, rows: Any) -> Any:
    """The blocks of a fold's rows; without `compare.blocks`, each row is one."""
    import numpy as np

    by = settings.compare.blocks
    return codes(rows[by].astype(str).to_numpy()) if by else np.arange(len(rows))
