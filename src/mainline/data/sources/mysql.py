"""MySQL and MariaDB: a query's rows as Arrow batches. There is no ADBC driver on PyPI: PyMySQL streams them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from mainline.errors import ConfigurationError, DataError, ExternalError, MainlineError

if TYPE_CHECKING:
    from pyarrow import RecordBatchReader

ROWS = 16_384  # of a batch
CONNECT_SECONDS = 10
BINARY = 63  # the character set of bytes that are no text
NUMERIC = {b"POSTGRESQL:type": b"numeric"}  # `database` reads it as a double, and says which were rounded
DENIED = (1044, 1045, 1142, 1143, 3159)
CANCELLED = (1205, 1213, 1317, 1927, 3024)


@contextmanager
def asked(where: str, variable: str, url: str, sql: str, until: str | None) -> Iterator[RecordBatchReader]:
    """The answer to a query that may only read; `until` is bound where the query has a `%s` for it.

    Raises
    ------
    ConfigurationError
        Where the URL or the query is wrong, or the query would write.
    DataError
        Where a value cannot be what its column is.
    ExternalError
        Where the server cannot be reached, refuses the user or breaks off.
    """
    import pymysql

    connection = _connected(where, variable, url)
    try:
        with connection.cursor(pymysql.cursors.SSCursor) as cursor:
            try:
                cursor.execute("SET time_zone = '+00:00'")
                cursor.execute("START TRANSACTION READ ONLY")
                cursor.execute(sql, (until,) if until is not None else None)
            except pymysql.MySQLError as error:
                raise _explained(where, variable, error) from None
            yield _reader(where, cursor)
    finally:
        connection._force_close()  # without reading what is left of the answer


def _connected(where: str, variable: str, url: str) -> Any:
    import pymysql

    parts = urlsplit(url)
    try:
        port = parts.port or 3306
    except ValueError:
        raise ConfigurationError(f"{where}.database: {variable} is not a valid URL") from None
    authority = parse_qs(parts.query).get("ssl-ca")
    try:
        return pymysql.connect(
            host=parts.hostname or "127.0.0.1",
            port=port,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            database=unquote(parts.path.removeprefix("/")) or None,
            charset="utf8mb4",
            connect_timeout=CONNECT_SECONDS,
            ssl={"ca": authority[0]} if authority else None,
        )
    except (pymysql.MySQLError, OSError) as error:
        said = f"the database of {variable} cannot be reached: {_said(error)}"
        raise ExternalError(f"{where}.database: {said}") from None


def _explained(where: str, variable: str, error: Exception) -> MainlineError:
    import pymysql

    code = int(error.args[0]) if error.args and isinstance(error.args[0], int) else 0
    said = f"the database of {variable} says: {_said(error)}"
    if code == 1792:
        return ConfigurationError(f"{where}.query: a source may only read; {said}")
    if isinstance(error, pymysql.err.DataError):
        return DataError(f"{where}.query: {said}")
    outside = code in (*DENIED, *CANCELLED) or 2000 <= code < 3000
    return ExternalError(f"{where}.query: {said}") if outside else ConfigurationError(f"{where}.query: {said}")


def _said(error: Exception) -> str:
    return " ".join(str(error.args[-1] if error.args else error).split())


def _reader(where: str, cursor: Any) -> RecordBatchReader:
    import pyarrow as pa

    if cursor.description is None:
        raise ConfigurationError(f"{where}.query: it returns no rows: write a SELECT")
    schema = pa.schema([_field(where, each) for each in cursor._result.fields])

    def batches() -> Iterator[pa.RecordBatch]:
        while rows := cursor.fetchmany(ROWS):
            columns = zip(*rows, strict=True)
            yield pa.record_batch(
                [pa.array([_plain(value) for value in values], field.type)
                 for values, field in zip(columns, schema, strict=True)],
                schema=schema,
            )  # fmt: skip

    return pa.RecordBatchReader.from_batches(schema, batches())


def _field(where: str, column: Any) -> Any:
    import pyarrow as pa
    from pymysql.constants import FIELD_TYPE as KIND

    types: dict[int, Any] = {
        **dict.fromkeys((KIND.TINY, KIND.SHORT, KIND.LONG, KIND.INT24, KIND.LONGLONG, KIND.YEAR), pa.int64()),
        KIND.FLOAT: pa.float32(), KIND.DOUBLE: pa.float64(), KIND.DATE: pa.date32(), KIND.NEWDATE: pa.date32(),
        KIND.TIMESTAMP: pa.timestamp("us", "UTC"), KIND.DATETIME: pa.timestamp("us"), KIND.BIT: pa.binary(),
        KIND.NULL: pa.null(),
    }  # fmt: skip
    if column.type_code in (KIND.DECIMAL, KIND.NEWDECIMAL):
        return pa.field(column.name, pa.string(), metadata=NUMERIC)
    if column.type_code in (KIND.TIME, KIND.GEOMETRY):
        raise ConfigurationError(
            f"{where}.query: column {column.name} has a type that cannot be read; cast it in the query, as in "
            f"CAST({column.name} AS CHAR) AS {column.name}"
        )
    text = pa.binary() if column.charsetnr == BINARY and column.type_code != KIND.JSON else pa.string()
    return pa.field(column.name, types.get(column.type_code, text))


def _plain(value: Any) -> Any:
    from decimal import Decimal

    if isinstance(value, Decimal):
        return format(value, "f")
    return value.replace(tzinfo=None) if isinstance(value, dt.datetime) else value
