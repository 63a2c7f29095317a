"""The inner folds: parts of the training rows on which trials are measured, so that the holdout is not asked.

Where the holdout is one of time, each fold is a stretch as long as the holdout, the last of them right before it, and
a model is trained on the rows before its fold. Where the split is by hash, each key or group is in one fold, and a
model is trained on the other folds.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.config.schema import Settings, Span
from mainline.data.sources.duckdb_scan import parquet_file
from mainline.data.split import ROW_ID, moment_sql, place_sql, sides
from mainline.errors import DataError
from mainline.training import pipeline
from mainline.training.train import labelled_training_rows

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

LEAST = 2  # windows of training before the first fold; with less history the folds are shorter than the holdout


@dataclass(frozen=True)
class Folds:
    """`rows` are the labelled training rows; `fold` (n,) is the fold of each, -1 where it is only trained on."""

    rows: pd.DataFrame
    fold: NDArray[Any]
    ordered: bool  # by time: a fold is trained on earlier rows alone
    words: str  # how they were made, for a report

    def parts(self, number: int) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The rows that the model of a fold is trained on, and those of the fold."""
        train = self.fold < number if self.ordered else self.fold != number
        return self.rows[train].reset_index(drop=True), self.rows[self.fold == number].reset_index(drop=True)


def folds(settings: Settings, frame: Path, number: int) -> Folds:
    """The folds of the training rows of a prepared frame, in the order of time where they have one.

    Raises
    ------
    DataError
        Where a fold would have no rows, or a model of one none to train on.
    """
    blocks = [settings.compare.blocks] if settings.compare.blocks else []
    rows = pipeline.training_rows(settings, frame, *blocks)
    place = places(settings, frame, rows)
    holdout = settings.split.holdout
    if isinstance(holdout, Span):
        fold, words = in_time(settings, holdout, place, number)
    else:
        fold = (place * number).astype(int).clip(0, number - 1)
        words = f"{number} parts by {settings.split.group or 'key'}, each scored by a model of the others"
    found = Folds(rows, fold, isinstance(holdout, Span), words)
    for one in range(number):
        train, scored = found.parts(one)
        if train.empty or scored.empty:
            raise DataError(
                f"fold {one + 1} of {number} has {len(scored):,} labelled rows, and {len(train):,} to train on: there "
                "is too little training data for search.folds"
            )
    return found


def places(settings: Settings, frame: Path, rows: pd.DataFrame) -> NDArray[Any]:
    """Where each row stands: its moment in seconds since 1970, or by hash a share between 0 and 1."""
    import duckdb

    if isinstance(settings.split.holdout, Span):
        value = f"epoch({moment_sql(settings)})"
    else:
        # The training side begins where the holdout ends: see `data.split`.
        start = settings.split.holdout
        value = f"({place_sql(settings.split.group)}::DOUBLE / {2.0**64!r} - {start!r}) / {1 - start!r}"
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        condition = labelled_training_rows(settings)
        found = connection.execute(
            f"SELECT {ROW_ID}, {value} AS place FROM {parquet_file(frame)} WHERE {condition}"
        ).df()
    place: NDArray[Any] = found.set_index(ROW_ID)["place"].reindex(rows[ROW_ID]).to_numpy()
    return place


def in_time(settings: Settings, length: Span, moments: NDArray[Any], number: int) -> tuple[NDArray[Any], str]:
    """The fold of each row by its time; with too little history for whole windows, parts of equally many rows."""
    import numpy as np

    end = sides(settings).start
    assert end
    bounds = [end]
    for _ in range(number + LEAST):
        bounds.insert(0, length.before(bounds[0]))
    if moments.min() <= bounds[0].timestamp() + 86_400:
        starts = np.array([bound.timestamp() for bound in bounds[LEAST:-1]])
        words = f"{number} times {length} before the holdout, each scored by a model of the rows before it"
    else:
        starts = np.quantile(moments, [(LEAST + one) / (LEAST + number) for one in range(number)])
        words = f"{number} parts of equally many rows, each scored by a model of the rows before it"
    return np.searchsorted(starts, moments, side="right") - 1, words
