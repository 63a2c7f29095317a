"""Which training rows a model is fitted on: all that have a label, or the sample of them that `train.rows` states.

The sample goes by the key alone. A table that grows exchanges few of its rows, and no other machine takes others.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mainline.config.schema import Settings
from mainline.data.sources.duckdb_scan import parquet_file
from mainline.data.split import ROW_ID, quoted, sides

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# A row's place in the order of the sample. It is computed from the lower half of the row's id, since the upper one
# decides about the split and the folds. Ids that follow each other are far apart: the multiplier is Knuth's, the golden
# ratio of 2^32. Nothing here has more than 64 bits, which takes a fiftieth of the time.
PLACE = f"((({ROW_ID} & {2**32 - 1}) * 2654435761) & {2**32 - 1})"


def labelled(settings: Settings) -> str:
    """SQL condition of the training rows that have a label."""
    return f"({sides(settings).train}) AND {quoted(settings.prepare.label)} IS NOT NULL"


def fitted_on(settings: Settings, frame: Path, connection: DuckDBPyConnection) -> str:
    """SQL condition of the rows that a model is fitted on."""
    whole, wanted = labelled(settings), settings.train.rows
    if wanted is None:
        return whole
    last = connection.execute(
        f"SELECT {PLACE} AS place, {ROW_ID} FROM {parquet_file(frame)} WHERE {whole} "
        f"ORDER BY ALL LIMIT 1 OFFSET {wanted - 1}"
    ).fetchone()
    if last is None:
        return whole
    place, row = (f"{value}::UBIGINT" for value in last)  # many rows may have one place
    return f"{whole} AND ({PLACE} < {place} OR ({PLACE} = {place} AND {ROW_ID} <= {row}))"
