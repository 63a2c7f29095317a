"""The inner folds: parts of the training rows on which trials are measured, so that the holdout is not asked.

Where the holdout is one of time, each fold is a stretch as long as the holdout, the last of them right before it, and
a model is trained on the rows before its fold. Where the split is by hash, each key or group is in one fold, and a
model is trained on the other folds.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.config.schema import Settings, Span
from mainline.data.frame_size import LOADED
from mainline.data.sources.duckdb_scan import connect, parquet_file
from mainline.data.split import ROW_ID, moment_sql, place_sql, sides
from mainline.errors import DataError
from mainline.training import early_stopping, pipeline, sample

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

LEAST = 2  # windows of training before the first fold; with less history the folds are shorter than the holdout


@dataclass(frozen=True)
class Folds:
    """`rows` are the labelled training rows; `fold` (n,) is the fold of each, -1 where it is only trained on.

    `place` (n,) is where each row stands: see `places`.
    """

    rows: pd.DataFrame
    fold: NDArray[Any]
    place: NDArray[Any]
    starts: tuple[dt.datetime, ...]  # of the folds, in the order of time; empty where the split is by hash
    count: int
    stop_at: Span | float | None  # the slice of `train.early_stopping`
    words: str  # how they were made, for a report
    trained: int  # rows that a run fits its model on: `rows` may be a sample of them

    def parts(self, number: int) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The rows that the model of a fold is trained on, and those of the fold."""
        train = self.fold < number if self.starts else self.fold != number
        rows = self.rows[train].reset_index(drop=True)
        if self.stop_at is not None:
            rows[early_stopping.MARK] = self.stopping_slice(self.place[train], number)
        return rows, self.rows[self.fold == number].reset_index(drop=True)

    def stopping_slice(self, place: NDArray[Any], number: int) -> NDArray[Any]:
        """Whether each row that a fold's model is trained on is in its early-stopping slice.

        The fold takes the place of the holdout: the slice ends where the fold begins, or is a share of the other keys.
        """
        if isinstance(self.stop_at, Span):
            begin: NDArray[Any] = place >= self.stop_at.before(self.starts[number]).timestamp()
            return begin
        left = place - (place >= number / self.count) / self.count  # the fold's own part is cut out
        share: NDArray[Any] = left < (self.stop_at or 0.0) * (1 - 1 / self.count)
        return share


def folds(settings: Settings, frame: Path, number: int) -> Folds:
    """The folds of the training rows of a prepared frame, in the order of time where they have one.

    Each of several processes holds them: of more than `LOADED` cells, they are made of a sample by a hash of the key.

    Raises
    ------
    DataError
        Where a fold would have no rows, or a model of one none to train on.
    """
    import numpy as np

    blocks = [settings.compare.blocks] if settings.compare.blocks else []
    trained, most = rows_fitted_on(settings, frame), max(1, LOADED // len(settings.prepare.features.names))
    few = settings.train.model_copy(update={"rows": most} if trained > most else {})
    rows = pipeline.training_rows(settings.model_copy(update={"train": few}), frame, *blocks)
    place = places(settings, frame, rows)
    holdout = settings.split.holdout
    starts: tuple[dt.datetime, ...] = ()
    if isinstance(holdout, Span):
        starts, words = in_time(settings, holdout, place, number)
        fold = np.searchsorted([start.timestamp() for start in starts], place, side="right") - 1
    else:
        fold = (place * number).astype(int).clip(0, number - 1)
        words = f"{number} parts by {settings.split.group or 'key'}, each scored by a model of the others"
    if trained > most:
        words += f"; on a sample of {len(rows):,} of the {trained:,} training rows, by a hash of their key"
    stopping = settings.train.early_stopping
    found = Folds(rows, fold, place, starts, number, stopping.slice if stopping else None, words, trained)
    for one in range(number):
        train, scored = found.parts(one)
        if train.empty or scored.empty:
            raise DataError(
                f"fold {one + 1} of {number} has {len(scored):,} labelled rows, and {len(train):,} to train on: there "
                "is too little training data for search.folds"
            )
    return found


def rows_fitted_on(settings: Settings, frame: Path) -> int:
    """How many rows a run fits its model on."""
    with connect() as connection:
        condition = sample.fitted_on(settings, frame, connection)
        found = connection.execute(f"SELECT count(*) FROM {parquet_file(frame)} WHERE {condition}").fetchone()
    return int(found[0]) if found else 0


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
        condition = sample.labelled(settings)
        found = connection.execute(
            f"SELECT {ROW_ID}, {value} AS place FROM {parquet_file(frame)} WHERE {condition}"
        ).df()
    place: NDArray[Any] = found.set_index(ROW_ID)["place"].reindex(rows[ROW_ID]).to_numpy()
    return place


def in_time(
    settings: Settings, length: Span, moments: NDArray[Any], number: int
) -> tuple[tuple[dt.datetime, ...], str]:
    """Where each fold begins; with too little history for whole windows, parts of equally many rows."""
    import numpy as np

    end = sides(settings).start
    assert end
    bounds = [end]
    for _ in range(number + LEAST):
        bounds.insert(0, length.before(bounds[0]))
    if moments.min() <= bounds[0].timestamp() + 86_400:
        words = f"{number} times {length} before the holdout, each scored by a model of the rows before it"
        return tuple(bounds[LEAST:-1]), words
    seconds = np.quantile(moments, [(LEAST + one) / (LEAST + number) for one in range(number)])
    words = f"{number} parts of equally many rows, each scored by a model of the rows before it"
    return tuple(dt.datetime.fromtimestamp(float(one), end.tzinfo) for one in seconds), words
