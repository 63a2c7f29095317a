"""Which share of the rows has a label: of either side, of every month of training, of every slice.

Labels that are missing at random cost rows; labels that are missing with a reason change what is learnt.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mainline.config.schema import Settings
from mainline.data.sources.duckdb_scan import parquet_file, reading, text
from mainline.data.split import ROW_ID, quoted, sides
from mainline.training.frame_cache import FrameCache

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Coverage = dict[str, list[int]]  # labelled rows and all rows, by part such as `training 2013-02`


def cached(cache: FrameCache, frame: Path) -> Coverage:
    """As `measure`, once for all models of the frame."""
    found: Coverage = cache.get("coverage", lambda: measure(cache.settings, frame))
    return found


def measure(settings: Settings, frame: Path) -> Coverage:
    label, side = quoted(settings.prepare.label), sides(settings)
    found: Coverage = {}
    with reading() as connection:
        connection.execute(
            f"CREATE TEMP VIEW labelled AS SELECT *, CASE WHEN {side.holdout} THEN 'holdout' ELSE 'training' END "
            f"AS _side, {label} IS NOT NULL AS _labelled FROM {parquet_file(frame)}"
        )

        def count(by: Sequence[str], where: str = "true", name: str = "") -> None:
            keys = ", ".join(by)
            for *values, known, rows in connection.execute(
                f"SELECT {keys}, count(*) FILTER (_labelled), count(*) FROM labelled WHERE {where} "
                f"GROUP BY {keys} ORDER BY {keys}"
            ).fetchall():
                part, *rest = map(str, values)
                found[f"{part} {name}{rest[0]}" if rest else part] = [known, rows]

        count(["_side"])
        if settings.prepare.time:
            zone = text(settings.data.timezone)
            kind = connection.execute(
                f"SELECT typeof({quoted(settings.prepare.time)}) FROM labelled LIMIT 1"
            ).fetchone()
            time = quoted(settings.prepare.time)
            local = time if kind and kind[0] == "DATE" else f"timezone({zone}, {time}::TIMESTAMPTZ)"
            count(["_side", f"strftime({local}, '%Y-%m')"], "_side = 'training'")
        for column in settings.evaluate.slices:
            count(["_side", f"coalesce({quoted(column)}::VARCHAR, '(missing)')"], name=f"{column}=")
    return found


def without_label_for_good(settings: Settings, frame: Path, pending: str) -> NDArray[np.uint64]:
    """Row ids of the unlabelled holdout rows with a status other than `pending`; none without `prepare.status`."""
    import numpy as np

    prepare = settings.prepare
    if not prepare.status:
        return np.empty(0, dtype=np.uint64)
    with reading() as connection:
        found = connection.execute(
            f"SELECT {ROW_ID} FROM {parquet_file(frame)} WHERE ({sides(settings).holdout}) "
            f"AND {quoted(prepare.label)} IS NULL AND {quoted(prepare.status)}::VARCHAR <> {text(pending)}"
        ).fetchnumpy()
    ids: NDArray[np.uint64] = found[ROW_ID]
    return ids


def overdue(settings: Settings, frame: Path, status: str, days: float) -> tuple[int, int] | None:
    """Rows older than `days` before the cutoff that still have this status, and all of that age."""
    import datetime as dt

    prepare = settings.prepare
    if not prepare.status or not prepare.time:
        return None
    before = (settings.data.cutoff - dt.timedelta(days=days)).isoformat()
    with reading() as connection:
        row = connection.execute(
            f"SELECT count(*) FILTER ({quoted(prepare.label)} IS NULL AND {quoted(prepare.status)}::VARCHAR = "
            f"{text(status)}), count(*) FROM {parquet_file(frame)} "
            f"WHERE {quoted(prepare.time)}::TIMESTAMPTZ < TIMESTAMPTZ '{before}'"
        ).fetchone()
    return (row[0], row[1]) if row else None
