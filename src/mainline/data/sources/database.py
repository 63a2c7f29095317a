"""Tables that are answers of a database: a SQL query over ADBC, streamed into a sorted Parquet file.

The data cutoff can be used in the query as `:until`. It is bound as a parameter, never pasted: in PostgreSQL it is a
`timestamptz`, in SQLite the text `YYYY-MM-DD HH:MM:SS` in UTC, as SQLite's `datetime()` writes it.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from mainline.data.sources.cache import keep
from mainline.data.sources.cutoff import Cut, check_time
from mainline.data.sources.declaration import Request, source
from mainline.data.sources.duckdb_scan import NO_ROOM, connect, first_line, name, text
from mainline.data.sources.formats import Files
from mainline.errors import ConfigurationError, DataError, ExternalError, MainlineError, MissingVariable

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from pyarrow import RecordBatchReader, Schema

    from mainline.config.schema import Source

# DuckDB sorts in this much memory and spills the rest to the cache's disk.
MEMORY = "512MB"

# The SQLite driver takes a column's type from its first batch: a larger batch is safer for mixed types.
SQLITE_BATCH_ROWS = 65_536

# A double tells every two numbers of this many digits apart. The file's metadata names the columns that have more.
DIGITS = 15
ROUNDED = "mainline.rounded"

# `:until`, and around it all that may hold one without meaning it: literals, quoted names, comments, casts.
TOKENS = re.compile(
    r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | --[^\n]* | /\*.*?\*/ | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$ |
    :: | (?P<until>:until\b)""",
    re.DOTALL | re.VERBOSE,
)


@dataclass(frozen=True)
class Query:
    """A SQL query of `data.sources`, and what of its answer is wanted."""

    table: str
    sql: str
    variable: str  # the environment variable that holds the database's URL
    until: dt.datetime  # the data cutoff
    time: str | None  # the column of the cutoff, its moment, and the zone of a date's midnight
    before: dt.datetime | None
    zone: str

    @property
    def where(self) -> str:
        return f"data.sources.{self.table}"


@source("query")
def collect(settings: Source, request: Request) -> Files:
    assert settings.query is not None
    assert settings.database is not None
    query = Query(
        request.table, settings.query, settings.database,
        request.until, request.time, request.before, request.timezone,
    )  # fmt: skip
    return queried_file(query, request.cache)


def queried_file(query: Query, cache: Path) -> Files:
    """Query the database, and keep the rows before the cutoff as a Parquet file that is named by its digest.

    The rows are sorted by all columns, so that the file is the same in whatever order the server
    sends them. PostgreSQL's `numeric` becomes a double, and the file says which columns were
    rounded by that; json becomes text; a type that Arrow has none for is refused and must be cast
    in the query. SQLite has no types of its own: a column
    is what its values are, and the column that is named in `time` may be ISO 8601 text.

    Raises
    ------
    ConfigurationError
        Where the variable is not set, its URL is of no known kind, or the query is wrong.
    DataError
        Where SQLite's values are of several types in one column, or a text in `time` is no time.
    ExternalError
        Where the database cannot be reached or breaks off, or the disk is full.
    """
    url_of(query)

    def write(part: Path) -> None:
        with asked(query, cache) as reader:
            _write_sorted(query, reader, part, cache)

    target = keep(cache / "database" / query.table, ".parquet", write)
    return Files(query.table, [target], "parquet", {target: f"the query against {query.variable}"})


def url_of(query: Query) -> str:
    url = os.environ.get(query.variable)
    if not url:
        raise MissingVariable(
            f"{query.where}.database: the environment variable {query.variable} is not set; "
            "it holds the database's URL, as in "
            "postgresql://user:password@host/name or sqlite:///file.db"  # pragma: allowlist secret
        )
    return url


def bound(sql: str, until: str) -> tuple[str, bool]:
    """The query with `until` where `:until` stands outside of quotes and comments, and whether it does anywhere."""
    found = any(token["until"] for token in TOKENS.finditer(sql))
    return TOKENS.sub(lambda token: until if token["until"] else token[0], sql).rstrip().rstrip(";"), found


@contextmanager
def asked(query: Query, cache: Path) -> Iterator[RecordBatchReader]:
    """The answer of the database, as it arrives."""
    url = url_of(query)
    kind = url.partition(":")[0].lower()
    ask = {
        "postgresql": _postgresql, "postgres": _postgresql, "sqlite": _sqlite, "mysql": _mysql, "mariadb": _mysql,
        "clickhouse": _clickhouse,
    }.get(kind)  # fmt: skip
    if ask is None:
        known = "postgresql://, mysql://, mariadb://, clickhouse:// or sqlite://"
        raise ConfigurationError(f"{query.where}.database: {query.variable} must be a URL that begins with {known}")
    try:
        with ask(query, url, cache / "spill") as reader:
            yield reader
    except ImportError as error:
        missing = f"{kind} needs a driver that is not installed"
        group = "mysql" if ask is _mysql else "database"
        raise ConfigurationError(f"{query.where}.database: {missing}; run `make install GROUPS={group}`") from error


@contextmanager
def _postgresql(query: Query, url: str, spill: Path) -> Iterator[RecordBatchReader]:
    from adbc_driver_postgresql import dbapi

    if "connect_timeout" not in url:
        url += ("&" if "?" in url else "?") + "connect_timeout=10"
    sql, uses_clock = bound(query.sql, "current_setting('mainline.until')::timestamptz")
    with closing(_connection(query, lambda: dbapi.connect(url))) as connection, closing(connection.cursor()) as cursor:
        with _answering(query):
            cursor.execute("SET TRANSACTION READ ONLY")
            cursor.execute("SET LOCAL TIME ZONE 'UTC'")
            if uses_clock:
                # COPY, by which the driver streams, takes no parameters: they are bound here and read there.
                cursor.execute("SELECT set_config('mainline.until', $1, true)", (query.until.isoformat(),))
            cursor.execute(f"{sql}\n")  # COPY appends a bracket, which must not become part of a comment
            reader = cursor.fetch_record_batch()
        yield reader


@contextmanager
def _sqlite(query: Query, url: str, spill: Path) -> Iterator[RecordBatchReader]:
    from adbc_driver_sqlite import dbapi

    path = Path(unquote(urlsplit(url).path.removeprefix("/")))
    if not path.is_file():
        raise ExternalError(f"{query.where}.database: {query.variable} names {path}, which does not exist")
    sql, uses_clock = bound(query.sql, "?1")
    until = f"{query.until.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S}"
    uri = f"{path.absolute().as_uri()}?mode=ro"
    options = {"adbc.sqlite.query.batch_rows": SQLITE_BATCH_ROWS}
    with (
        closing(_connection(query, lambda: dbapi.connect(uri))) as connection,
        closing(connection.cursor(adbc_stmt_kwargs=options)) as cursor,
    ):
        with _answering(query):
            cursor.execute(sql, (until,) if uses_clock else None)
            reader = cursor.fetch_record_batch()
        yield reader


@contextmanager
def _mysql(query: Query, url: str, spill: Path) -> Iterator[RecordBatchReader]:
    from mainline.data.sources.mysql import asked

    sql, uses_clock = bound(query.sql, "CAST(%s AS DATETIME(6))")
    sql = sql if uses_clock else query.sql.rstrip().rstrip(";")
    if uses_clock:
        # PyMySQL's own placeholders: any other percent sign of the query is doubled.
        sql = sql.replace("%", "%%").replace("CAST(%%s AS DATETIME(6))", "CAST(%s AS DATETIME(6))")
    until = f"{query.until.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S.%f}" if uses_clock else None
    with asked(query.where, query.variable, url, sql, until) as reader:
        yield reader


@contextmanager
def _clickhouse(query: Query, url: str, spill: Path) -> Iterator[RecordBatchReader]:
    from mainline.data.sources.clickhouse import asked

    sql, uses_clock = bound(query.sql, "{until:DateTime64(6, 'UTC')}")
    until = f"{query.until.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S.%f}" if uses_clock else None
    with asked(query.where, query.variable, url, sql, until, spill) as reader:
        yield reader


def _connection(query: Query, connect: Callable[[], Any]) -> Any:
    import adbc_driver_manager

    try:
        return connect()
    except adbc_driver_manager.Error as error:
        said = _said(error)
        if "connection option" in said or "URI" in said or "percent-encoded" in said:
            # libpq quotes what it could not read, which may be part of the password.
            raise ConfigurationError(
                f"{query.where}.database: {query.variable} is not a valid URL; "
                "special characters in the password are written percent-encoded, as in %2F for /"
            ) from None
        unreachable = f"the database of {query.variable} cannot be reached"
        raise ExternalError(f"{query.where}.database: {unreachable}: {said}") from None


@contextmanager
def _answering(query: Query) -> Iterator[None]:
    import adbc_driver_manager

    try:
        yield
    except adbc_driver_manager.Error as error:
        said = f"the database of {query.variable} says: {_said(error)}"
        state = getattr(error, "sqlstate", None) or ""
        if state.startswith("22"):
            raise DataError(f"{query.where}.query: {said}") from None
        if state == "25006" or "readonly database" in said:
            raise ConfigurationError(f"{query.where}.query: a source may only read; {said}") from None
        if isinstance(error, adbc_driver_manager.ProgrammingError) and state not in ("42501", "57014"):
            raise ConfigurationError(f"{query.where}.query: {said}") from None
        raise ExternalError(f"{query.where}.query: {said}") from None


def _said(error: Exception) -> str:
    shown = re.split(r"\n+Query was:|\nquery:|\. SQLSTATE", str(error))[0]
    return " ".join(re.sub(r"^[A-Z_]+: ", "", shown).split())


def _write_sorted(query: Query, reader: RecordBatchReader, part: Path, cache: Path) -> None:
    import duckdb

    with closing(connect()) as con:
        con.execute(f"SET memory_limit = '{MEMORY}'")
        con.execute(f"SET temp_directory = {text(str(cache / 'spill'))}")
        columns = ", ".join(_columns(query, reader.schema))
        con.register("answer", reader.schema.empty_table())
        types = {row[0]: row[1] for row in con.execute(f"DESCRIBE SELECT {columns} FROM answer").fetchall()}
        known = "true"
        if query.time is not None and query.before is not None:
            check_time(query.table, types, query.time)
            # A row without a time is kept here, to be refused with the others of its kind.
            known = f"{Cut(query.time, types[query.time], query.before, query.zone).sql} OR {name(query.time)} IS NULL"
        con.unregister("answer")
        con.register("answer", reader)
        numeric = [field.name for field in reader.schema if _kind(field) == "numeric"]
        try:
            rounded = _rounded(con, numeric)
            rows = f"FROM (SELECT {columns} FROM {'kept' if numeric else 'answer'}) WHERE {known} ORDER BY ALL"
            options = ["FORMAT parquet", "COMPRESSION zstd", "ROW_GROUP_SIZE 122880"]
            options += [f"KV_METADATA {{{name(ROUNDED)}: {text(json.dumps(rounded))}}}"] if rounded else []
            con.execute(f"COPY ({rows}) TO {text(str(part))} ({', '.join(options)})")
        except duckdb.Error as error:
            raise _broken_off(query, reader.schema, str(error)) from None


def _rounded(con: DuckDBPyConnection, numeric: list[str]) -> list[str]:
    """The columns of which a number has more digits than a double holds; the answer, a stream, is kept for that."""
    if not numeric:
        return []
    con.execute("CREATE TEMP TABLE kept AS FROM answer")
    digits = [f"ltrim(rtrim(regexp_replace({name(column)}, '[-.]', '', 'g'), '0'), '0')" for column in numeric]
    found = con.execute(f"SELECT {', '.join(f'max(length({each}))' for each in digits)} FROM kept").fetchone() or ()
    return [column for column, most in zip(numeric, found, strict=True) if (most or 0) > DIGITS]


def rounded_columns(paths: Iterable[Path]) -> set[str]:
    """The columns of kept answers whose numbers were rounded."""
    import duckdb

    found: set[str] = set()
    with closing(duckdb.connect()) as con:
        for path in paths:
            asked = "SELECT decode(value) FROM parquet_kv_metadata(?) WHERE decode(key) = ?"
            for (value,) in con.execute(asked, [str(path), ROUNDED]).fetchall():
                found |= {*json.loads(value)}
    return found


def _kind(field: Any) -> str:
    return str((field.metadata or {}).get(b"POSTGRESQL:type", b"").decode())


def _columns(query: Query, schema: Schema) -> list[str]:
    import pyarrow as pa

    twice = sorted({column for column in schema.names if schema.names.count(column) > 1})
    if twice:
        raise ConfigurationError(f"{query.where}.query: two columns are named {twice[0]}: rename one with AS")
    selected = []
    for field in schema:
        kind = _kind(field)
        if kind == "numeric":
            selected.append(f"CAST({name(field.name)} AS DOUBLE) AS {name(field.name)}")
        elif isinstance(field.type, pa.OpaqueType) or kind == "money":
            raise ConfigurationError(
                f"{query.where}.query: column {field.name} has the type {kind}, which cannot be read; "
                f"cast it in the query, as in {field.name}::text AS {field.name}"
            )
        elif isinstance(field.type, pa.JsonType):
            selected.append(f"CAST({name(field.name)} AS VARCHAR) AS {name(field.name)}")
        elif field.name == query.time and pa.types.is_string(field.type):
            selected.append(f"CAST({name(field.name)} AS TIMESTAMPTZ) AS {name(field.name)}")
        else:
            selected.append(name(field.name))
    return selected


def _broken_off(query: Query, schema: Schema, said: str) -> MainlineError:
    if any(words in said.lower() for words in NO_ROOM):
        return ExternalError(f"{query.where}: no space left for the answer: {first_line(said)}")
    mixed = re.search(r"Type mismatch in column (\d+): expected (\w+) but got ([\w/]+)", said)
    if mixed:
        column = schema.names[int(mixed[1])]
        return DataError(
            f"{query.where}.query: column {column} contains {mixed[2]} and later {mixed[3]}; "
            f"choose one in the query, such as CAST({column} AS TEXT) AS {column}"
        )
    if said.startswith("Conversion Error"):
        return DataError(f"{query.where}.time: column {query.time} is text that is not a time: {first_line(said)}")
    failed = re.search(r"Execution error \[PGRES_FATAL_ERROR\]: (ERROR: .*)", said)
    if failed and not re.search("canceling|terminating", failed[1]):
        return DataError(f"{query.where}.query: the database of {query.variable} says: {failed[1]}")
    return ExternalError(
        f"{query.where}.query: the connection to the database of {query.variable} was lost: {first_line(said)}"
    )
