"""The types of the frame's columns before its features became text and 32-bit floats, in its file's metadata."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from mainline.data.sources.duckdb_scan import reading, text

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

KEY = "mainline_types"


def metadata(connection: DuckDBPyConnection, sql: str) -> str:
    """The entry of `KV_METADATA` by which DuckDB's COPY writes the types of a query's columns."""
    described = connection.execute(f"DESCRIBE {sql}").fetchall()
    return f"{KEY}: {text(json.dumps({name: kind for name, kind, *_ in described}))}"


def of_frame(path: Path) -> dict[str, str]:
    """What `metadata` wrote; empty for the frame of an earlier version."""
    with reading() as connection:
        found = connection.execute(
            f"SELECT decode(value) FROM parquet_kv_metadata({text(str(path))}) WHERE decode(key) = '{KEY}'"
        ).fetchone()
    return dict(json.loads(found[0])) if found else {}
