"""The sample of rows that bins and pairs of columns are found from; the same rows in every run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mainline.init.column_bins import Kind, read_sql
from mainline.init.proposal import Column

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

ROWS = 50_000  # a correlation of that many rows is known to 0.01
CELLS = 20_000_000  # of a very wide table fewer rows are taken


def sample_of(
    con: DuckDBPyConnection, relation: str, columns: Sequence[Column], kinds: Mapping[str, Kind], rows: int
) -> Any:
    """An Arrow table of about `ROWS` of `rows` rows, with the columns c0, c1, … as `Bins.codes` takes them.

    Rows are taken by a hash of all that is in them, so the page is the same for the same table.
    """
    chosen = ", ".join(f"{read_sql(column, kinds[column.name])} AS c{place}" for place, column in enumerate(columns))
    every = -(-rows // wanted(len(columns)))
    where = f" WHERE hash(*COLUMNS(*)) % {every} = 0" if every > 1 else ""
    return con.sql(f"SELECT {chosen} FROM (SELECT * FROM ({relation}){where})").to_arrow_table().combine_chunks()


def wanted(columns: int) -> int:
    return max(1_000, min(ROWS, CELLS // max(columns, 1)))
