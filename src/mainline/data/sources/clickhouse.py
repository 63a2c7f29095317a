"""ClickHouse: a query's rows over its HTTP interface, as Parquet. No driver is needed for that.

The server answers when the whole result is ready (`wait_end_of_query`): an error in the middle is then a status, and
never the end of what looks like an answer.
"""

from __future__ import annotations

import http.client
import re
import shutil
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from mainline.errors import ConfigurationError, DataError, ExternalError, MainlineError
from mainline.runtime.atomic_files import scratch

if TYPE_CHECKING:
    from pyarrow import RecordBatchReader

PORT, TLS_PORT = 8123, 8443
ROWS = 65_536  # of a batch
MAGIC = b"PAR1"  # which a Parquet file begins with, and a whole one ends with
CONNECT_SECONDS = 10
STALL_SECONDS = 600  # without a byte: a query may compute that long before its answer begins
NUMERIC = {b"POSTGRESQL:type": b"numeric"}  # `database` reads it as a double, and says which were rounded
CODE = re.compile(r"Code: (\d+)\.")
READONLY = 164
# Of ClickHouse's ErrorCodes.cpp: what is wrong with a value, and what is no fault of the query.
OF_VALUES = (6, 26, 27, 38, 41, 53, 70, 72, 153, 321, 349, 395, 407)
OUTSIDE = (159, 192, 193, 194, 202, 209, 210, 241, 243, 394, 425, 497, 516, 999)


@contextmanager
def asked(
    where: str, variable: str, url: str, sql: str, until: str | None, folder: Path
) -> Iterator[RecordBatchReader]:
    """The answer to a query that may only read; `until` is bound to the query's `{until:…}`.

    The answer is in `folder` while it is read.

    Raises
    ------
    ConfigurationError
        Where the URL or the query is wrong, or the query would write.
    DataError
        Where a value cannot be what its column is.
    ExternalError
        Where the server cannot be reached, refuses the user or breaks off, or the disk is full.
    """
    request = _request(where, variable, url, sql, until)
    with scratch(folder, ".parquet") as part:
        _fetch(where, variable, request, part)
        yield _reader(where, variable, part)


def _request(where: str, variable: str, url: str, sql: str, until: str | None) -> urllib.request.Request:
    parts = urlsplit(url)
    secure = parse_qs(parts.query).get("secure", [""])[0] in ("true", "1")
    try:
        port = parts.port or (TLS_PORT if secure else PORT)
    except ValueError:
        raise ConfigurationError(f"{where}.database: {variable} is not a valid URL") from None
    options = {
        "database": unquote(parts.path.removeprefix("/")) or "default",
        "default_format": "Parquet",
        "wait_end_of_query": "1",
        "session_timezone": "UTC",
        "query": sql,
        **({"param_until": until} if until is not None else {}),
    }
    host = parts.hostname or "127.0.0.1"
    address = f"{'https' if secure else 'http'}://{f'[{host}]' if ':' in host else host}:{port}/?{urlencode(options)}"
    login = {
        "X-ClickHouse-User": unquote(parts.username or "default"),
        "X-ClickHouse-Key": unquote(parts.password or ""),
    }
    # ClickHouse lets a GET only read, whatever the user may do.
    return urllib.request.Request(address, headers=login, method="GET")  # noqa: S310 (http or https)


def _fetch(where: str, variable: str, request: urllib.request.Request, part: Path) -> None:
    # A login is in the headers: no proxy of the machine gets it, and no redirect is followed with it.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())
    try:
        _reach(request.full_url)
        with opener.open(request, timeout=STALL_SECONDS) as answer, open(part, "wb") as file:
            shutil.copyfileobj(answer, file, 1 << 20)
            promised = answer.headers.get("Content-Length")
            if promised is not None and file.tell() != int(promised):
                raise http.client.IncompleteRead(b"", int(promised) - file.tell())
    except urllib.error.HTTPError as error:
        said = error.read(100_000).decode("utf-8", "replace")
        raise _explained(where, variable, said or f"status {error.code}") from None
    except urllib.error.URLError as error:
        unreachable = f"the database of {variable} cannot be reached"
        raise ExternalError(f"{where}.database: {unreachable}: {error.reason}") from None
    except (http.client.HTTPException, ConnectionError, TimeoutError) as error:
        lost = f"the connection to the database of {variable} was lost"
        raise ExternalError(f"{where}.query: {lost}: {str(error) or type(error).__name__}") from None


def _reach(address: str) -> None:
    """Raises URLError where the server does not take a connection soon: its answer may take long, but not that."""
    parts = urlsplit(address)
    try:
        socket.create_connection((str(parts.hostname), int(parts.port or PORT)), CONNECT_SECONDS).close()
    except OSError as error:
        raise urllib.error.URLError(error) from None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def _explained(where: str, variable: str, text: str) -> MainlineError:
    code = int(match[1]) if (match := CODE.search(text)) else 0
    said = " ".join(text.split())
    shown = f"the database of {variable} says: {said[:500]}"
    if code == READONLY and "Cannot modify" in said:
        return ConfigurationError(
            f"{where}.database: the user of {variable} has readonly = 1, which does not let it set the time zone: "
            f"readonly = 2 reads only, too; {shown}"
        )
    if code == READONLY:
        return ConfigurationError(f"{where}.query: a source may only read; {shown}")
    if code in OF_VALUES:
        return DataError(f"{where}.query: {shown}")
    if code in OUTSIDE or not code:
        return ExternalError(f"{where}.query: {shown}")
    return ConfigurationError(f"{where}.query: {shown}")


def _reader(where: str, variable: str, part: Path) -> RecordBatchReader:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(part)
    except (pa.ArrowInvalid, OSError):
        if _begins(part):
            raise ExternalError(f"{where}.query: the connection to the database of {variable} was lost") from None
        raise ConfigurationError(
            f"{where}.query: the answer of {variable} is no table: write a SELECT, without FORMAT"
        ) from None
    schema = pa.schema([_field(field) for field in file.schema_arrow])

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in file.iter_batches(ROWS):
            yield pa.record_batch(
                [column if column.type == field.type else column.cast(field.type)
                 for column, field in zip(batch.columns, schema, strict=True)],
                schema=schema,
            )  # fmt: skip

    return pa.RecordBatchReader.from_batches(schema, batches())


def _field(field: Any) -> Any:
    """As ClickHouse writes it, but a number with decimals as its digits, and an Enum as its name."""
    import pyarrow as pa

    if pa.types.is_decimal(field.type):
        return pa.field(field.name, pa.string(), metadata=NUMERIC)
    if pa.types.is_binary(field.type):
        return pa.field(field.name, pa.string())
    return pa.field(field.name, field.type)


def _begins(part: Path) -> bool:
    with open(part, "rb") as file:
        return file.read(len(MAGIC)) == MAGIC
