"""The rows of a frame one part after the other: what a model is fitted on and what it scores, in bounded memory."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mainline.config.schema import Settings
from mainline.data.frame_size import LOADED
from mainline.data.sources.duckdb_scan import connect, parquet_file, reading
from mainline.data.split import ROW_ID, quoted
from mainline.training import pipeline, sample

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

VECTOR = 2048  # rows: DuckDB hands over whole vectors


def read(
    settings: Settings, frame: Path, condition: str | None, *columns: str, ids: NDArray[np.uint64] | None = None
) -> Iterator[pd.DataFrame]:
    """Parts of the rows that meet `condition`, in the frame's order, each of at most `LOADED` cells.

    Without a `condition` they are those that a model is fitted on; with `ids`, those of them with one of these row ids.
    A frame without such rows has one part, without rows.
    """
    import pandas as pd

    wanted = list(dict.fromkeys(columns))
    with reading() if ids is None else connect() as connection:
        if condition is None:
            condition = sample.fitted_on(settings, frame, connection)
        if ids is not None:
            connection.execute("SET threads = 1")  # several would hand the rows of a join over in any order
            connection.register("wanted", pd.DataFrame({ROW_ID: ids}))
            condition = f"({condition}) AND {ROW_ID} IN (SELECT {ROW_ID} FROM wanted)"
        names = ", ".join(map(quoted, wanted))
        found = connection.execute(f"SELECT {names} FROM {parquet_file(frame)} WHERE {condition}")
        vectors = max(1, LOADED // (len(wanted) * VECTOR))
        first = True
        while True:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # DuckDB's own use of pandas
                part: pd.DataFrame = found.fetch_df_chunk(vectors)
            if not first and part.empty:
                return
            first = False
            yield part


def scored(
    settings: Settings, model: Pipeline, frame: Path, condition: str, wanted: NDArray[np.uint64] | None = None
) -> tuple[NDArray[np.uint64], NDArray[np.float64]]:
    """Ids and scores of the rows that meet `condition`; of these only `wanted`, where it is given."""
    import numpy as np

    by_spark = scored_by_spark(settings, model, frame, condition)
    if by_spark is not None:
        there = np.concatenate([part[ROW_ID].to_numpy() for part in read(settings, frame, condition, ROW_ID)])
        chosen = np.isin(there, wanted) if wanted is not None else np.ones(len(there), bool)
        return there[chosen], by_spark[chosen]
    ids, scores = [], []
    prepare = settings.prepare
    for part in read(settings, frame, condition, ROW_ID, *prepare.key, *prepare.features.names, ids=wanted):
        if len(part):
            ids.append(part[ROW_ID].to_numpy())
            scores.append(pipeline.predict(settings, model, part))
    return (np.concatenate(ids), np.concatenate(scores)) if ids else (np.empty(0, np.uint64), np.empty(0))


def scored_by_spark(settings: Settings, model: Pipeline, frame: Path, condition: str) -> NDArray[np.float64] | None:
    """The scores of all rows that meet `condition`, in the frame's order; None where they are computed here."""
    if settings.data.engine == "duckdb":
        return None
    from mainline.training import spark_scores

    if not spark_scores.wanted(settings, frame):
        return None
    return spark_scores.scores(settings, model, frame, condition, read)
