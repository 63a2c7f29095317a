"""The sample of rows that bins and pairs of columns are found from; the same rows in every run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mainline.init.column_bins import Bins, Kind, read_sql
from mainline.init.proposal import Column

if TYPE_CHECKING:
    import numpy as np
    from duckdb import DuckDBPyConnection
    from numpy.typing import NDArray

SAMPLE = "mainline_init_sample"
ROWS = 50_000  # a correlation of that many rows is known to 0.01
CELLS = 20_000_000  # of a very wide table fewer rows are taken


def sample_of(
    con: DuckDBPyConnection, table: str, columns: Sequence[Column], kinds: Mapping[str, Kind], rows: int, row: str
) -> Any:
    """An Arrow table of about `ROWS` of `rows` rows, with the columns c0, c1, … as `Bins.sql` takes them.

    Rows are taken by a hash of `row`, SQL for what tells them apart, so the page is the same for the same table.
    """
    chosen = ", ".join(f"{read_sql(column, kinds[column.name])} AS c{place}" for place, column in enumerate(columns))
    every = -(-rows // wanted(len(columns)))
    where = f" WHERE hash({row}) % {every} = 0" if every > 1 else ""
    return con.sql(f"SELECT {chosen} FROM {table}{where}").to_arrow_table().combine_chunks()


def wanted(columns: int) -> int:
    return max(1_000, min(ROWS, CELLS // max(columns, 1)))


def codes_of(
    con: DuckDBPyConnection, sample: Any, columns: Sequence[Column], bins: Mapping[str, Bins], names: Sequence[str]
) -> dict[str, NDArray[np.intp]]:
    """The codes of the sample's values in the columns called `names`."""
    import numpy as np

    if not names:
        return {}
    place = {column.name: number for number, column in enumerate(columns)}
    chosen = ", ".join(f"{bins[name].sql(f'c{place[name]}')} AS c{place[name]}" for name in names)
    con.register(SAMPLE, sample)
    try:
        found = con.sql(f"SELECT {chosen} FROM {SAMPLE}").to_arrow_table()
    finally:
        con.unregister(SAMPLE)
    return {name: found.column(number).to_numpy().astype(np.intp) for number, name in enumerate(names)}
