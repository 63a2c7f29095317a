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

# A row's place in the order of the sample. It is computed from the row's id and independent of the id's size, which
# decides about the split and the folds: the multiplier is that of Knuth's MMIX generator.
PLACE = f"(({ROW_ID}::HUGEINT * 6364136223846793005) % {2**64})::UBIGINT"


def labelled(settings: Settings) -> str:
    """SQL condition of the training rows that have a label."""
    return f"({sides(settings).train}) AND {quoted(settings.prepare.label)} IS NOT NULL"


def fitted_on(settings: Settings, frame: Path, connection: DuckDBPyConnection) -> str:
    """SQL condition of the rows that a model is fitted on."""
    whole, wanted = labelled(settings), settings.train.rows
    if wanted is None:
        return whole
    found = connection.execute(
        f"SELECT {PLACE} AS place FROM {parquet_file(frame)} WHERE {whole} ORDER BY place LIMIT 1 OFFSET {wanted - 1}"
    ).fetchone()
    return whole if found is None else f"{whole} AND {PLACE} <= {found[0]}::UBIGINT"
