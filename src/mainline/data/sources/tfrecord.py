"""Tables that are TFRecord files of `tf.Example`: as Parquet, a column for each feature, read in parts.

A feature with no value is a missing one; with several it is no column. Texts are UTF-8; floats have 32 bits there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.data.sources import tf_example
from mainline.data.sources.duckdb_scan import name as quoted
from mainline.data.sources.duckdb_scan import parquet_file, text
from mainline.errors import ConfigurationError, DataError
from mainline.runtime.atomic_files import scratch

if TYPE_CHECKING:
    import pyarrow as pa

# `visits.tfrecord`, `visits.tfrecord.gz`, and what TFX writes: `data_tfrecord-00000-of-00001.gz`.
NAME = re.compile(r"tfrecords?(-[\w*?\[\]-]+)?(\.gz)?$", re.IGNORECASE)
ROWS = 50_000  # of a part


def is_tfrecord(name: str) -> bool:
    return bool(NAME.search(name.rpartition("/")[2]))


def write_parquet(path: Path, origin: str, types: Mapping[str, str], target: Path) -> None:
    """Write the records as a Parquet file.

    Parameters
    ----------
    types
        DuckDB's types by column, for what `tf.Example` has no kind of. Whole numbers that are to be times are seconds
        since 1970.

    Raises
    ------
    DataError
        For a damaged file, a feature with several values, or one that has two kinds of values.
    """
    import pyarrow.parquet as pq

    schema = schema_of(path, origin)
    strange = sorted(types.keys() - set(schema.names))
    if strange:
        raise ConfigurationError(f"{origin}: types: there is no feature {strange[0]}: {', '.join(schema.names)}")
    with scratch(target.parent, ".parquet") as written:
        with pq.ParquetWriter(written, schema, compression="zstd") as writer:
            for part in parts(path, origin):
                writer.write_table(table(part, schema, origin))
        if types:
            cast(written, schema, origin, types, target)
        else:
            os.replace(written, target)


def cast(written: Path, schema: pa.Schema, origin: str, types: Mapping[str, str], target: Path) -> None:
    """Write the file again with these types."""
    import duckdb
    import pyarrow as pa

    changed = []
    for name, type_ in types.items():
        column = quoted(name)
        seconds = schema.field(name).type == pa.int64() and type_.upper().startswith(("TIMESTAMP", "DATE"))
        changed.append(f"CAST({f'to_timestamp({column})' if seconds else column} AS {type_}) AS {column}")
    try:
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            query = f"SELECT * REPLACE ({', '.join(changed)}) FROM {parquet_file(written)}"
            connection.execute(f"COPY ({query}) TO {text(str(target))} (FORMAT parquet, COMPRESSION zstd)")
    except duckdb.Error as error:
        raise DataError(f"{origin}: types: {str(error).splitlines()[0]}") from None


def parts(path: Path, origin: str) -> Iterator[list[dict[str, Any]]]:
    """The rows, by parts; a record has a value, or none, for each of its features."""
    rows: list[dict[str, Any]] = []
    for number, content in enumerate(tf_example.records(path, origin), 1):
        try:
            rows.append(row(tf_example.decoded(content)))
        except ValueError as error:
            raise DataError(f"{origin}: record {number}: {error}") from None
        if len(rows) == ROWS:
            yield rows
            rows = []
    if rows:
        yield rows


def row(features: dict[str, list[Any]]) -> dict[str, Any]:
    found = {}
    for name, values in features.items():
        if len(values) > 1:
            raise ValueError(f"the feature {name} has {len(values)} values, and a table's column has one")
        found[name] = values[0] if values else None
    return found


def schema_of(path: Path, origin: str) -> pa.Schema:
    """The columns of a file in the order of their names, each of the one kind that its values have."""
    import pyarrow as pa

    kinds: dict[str, type | None] = {}
    start = 0
    for part in parts(path, origin):
        for number, values in enumerate(part, start + 1):
            for name, value in values.items():
                kind = kinds.get(name)
                if value is None:
                    kinds.setdefault(name, None)
                elif kind is None:
                    kinds[name] = type(value)
                elif kind is not type(value):
                    raise DataError(
                        f"{origin}: record {number}: the feature {name} is {type(value).__name__} there, and "
                        f"{kind.__name__} before"
                    )
        start += len(part)
    if not kinds:
        raise DataError(f"{origin}: the TFRecord file has no records")
    types: dict[type | None, pa.DataType] = {
        bytes: pa.string(),
        float: pa.float32(),
        int: pa.int64(),
        None: pa.string(),
    }
    return pa.schema([(name, types[kinds[name]]) for name in sorted(kinds)])


def table(rows: list[dict[str, Any]], schema: pa.Schema, origin: str) -> pa.Table:
    import pyarrow as pa

    columns = []
    for field in schema:
        values = [each.get(field.name) for each in rows]
        try:
            if field.type == pa.string():
                values = [None if value is None else value.decode("utf-8") for value in values]
        except UnicodeDecodeError:
            raise DataError(f"{origin}: the feature {field.name} holds bytes that are no UTF-8 text") from None
        columns.append(pa.array(values, field.type))
    return pa.table(columns, schema=schema)
