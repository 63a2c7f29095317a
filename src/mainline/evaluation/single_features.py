"""How far each feature gets alone: one that reaches the whole model knows the outcome, or makes the others needless.

A feature alone predicts the label's mean (or its classes' shares) in its bins, learnt on the training rows.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.config.schema import Settings
from mainline.data.sources.duckdb_scan import parquet_file, reading, text
from mainline.data.split import quoted, sides
from mainline.evaluation import metrics
from mainline.training import fingerprint
from mainline.training.frame_cache import FrameCache
from mainline.training.record import Record

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from duckdb import DuckDBPyConnection
    from numpy.typing import NDArray

REACHES = 0.98  # of what the model gains over a constant
MATTERS = 0.1  # of the way from a constant to a perfect model: below it, the model itself knows little
FEWEST = 200  # rows: with fewer, a feature reaches the model by chance
CONSTANT = ""  # the score of a model that knows no feature, among the scores of the features


def cached(cache: FrameCache, record: Record, frame: Path, rows: pd.DataFrame, y: NDArray[Any]) -> dict[str, float]:
    """As `scores`, once for all models of the frame: it and the settings decide about the rows and their labels."""
    given = fingerprint.digest([record.profile, list(map(str, record.facts.classes)), len(y)])
    found: dict[str, float] = cache.get("alone", lambda: scores(cache.settings, record, frame, rows, y), given)
    return found


def scores(settings: Settings, record: Record, frame: Path, rows: pd.DataFrame, y: NDArray[Any]) -> dict[str, float]:
    """The headline metric of every feature alone on `rows`, greater is better, and of a constant under `CONSTANT`."""
    import numpy as np

    label = quoted(settings.prepare.label)
    if settings.task == "multiclass":
        targets = [f"avg(({label}::VARCHAR = {text(str(value))})::INT)" for value in record.facts.classes]
    else:
        targets = [f"avg({label}::DOUBLE)"]
    found: dict[str, float] = {}
    with reading() as connection:
        source = f"{parquet_file(frame)} WHERE ({sides(settings).train}) AND {label} IS NOT NULL"
        ((*overall,),) = connection.execute(f"SELECT {', '.join(targets)} FROM {source}").fetchall()
        found[CONSTANT] = measured(settings, y, np.tile(overall, (len(y), 1)))
        for name in settings.prepare.features.names:
            edges = record.profile.get("numeric", {}).get(name, {}).get("edges")
            learnt = by_bin(connection, source, name, edges, targets)
            answers = np.array([learnt.get(bin_, overall) for bin_ in bins_of(rows[name], edges)], dtype=np.float64)
            found[name] = measured(settings, y, answers)
    return found


def by_bin(
    connection: DuckDBPyConnection, source: str, name: str, edges: list[float] | None, targets: list[str]
) -> dict[Any, list[float]]:
    column = quoted(name)
    if edges is None:
        bin_ = f"coalesce({column}::VARCHAR, '')"
    else:
        above = " + ".join([f"({column} > {edge!r}::FLOAT)::INT" for edge in edges] or ["0"])
        bin_ = f"CASE WHEN {column} IS NULL OR isnan({column}) THEN -1 ELSE {above} END"
    rows = connection.execute(f"SELECT {bin_}, {', '.join(targets)} FROM {source} GROUP BY 1").fetchall()
    return {value: list(means) for value, *means in rows}


def bins_of(values: pd.Series[Any], edges: list[float] | None) -> list[Any]:
    import numpy as np

    if edges is None:
        listed: list[Any] = values.fillna("").astype(str).tolist()
        return listed
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    places: list[Any] = np.where(np.isnan(numbers), -1, np.searchsorted(edges, numbers)).tolist()
    return places


def measured(settings: Settings, y: NDArray[Any], answers: NDArray[np.float64]) -> float:
    import numpy as np

    metric, one = settings.compare.metric, np.ones((1, 1), dtype=np.int64)
    score = answers if settings.task == "multiclass" else answers[:, 0]
    sign = 1 if metrics.greater_is_better(metric) else -1
    found = metrics.measure(
        settings.task, y, score, np.zeros(len(y), int), one, threshold=settings.evaluate.threshold, only=[metric]
    )
    return sign * float(found[metric][0])


def suffices(settings: Settings, alone: dict[str, float], name: str, reached: float) -> bool:
    """Whether a feature alone gains as much over a constant as the whole model, which is `reached`."""
    if len(alone) <= 2:  # the model has one feature, and says so
        return False
    constant = alone[CONSTANT]
    perfect = 1.0 if metrics.greater_is_better(settings.compare.metric) else 0.0
    gain = reached - constant
    return gain > MATTERS * abs(perfect - constant) and alone[name] - constant >= REACHES * gain
