"""The prepared frame: the project's own function over the collected tables, written once, checked once."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import difflib
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from mainline.config import user_code
from mainline.config.schema import Prepare, Settings
from mainline.data import column_types, content_key, conversion, lineage
from mainline.data.as_written import as_written
from mainline.data.collect import Collected, as_of, naming_damage, relation_sql
from mainline.data.exact_numbers import check_exact
from mainline.data.lineage import Lineage
from mainline.data.sources.duckdb_scan import SPILLED, is_nan, no_room_to_spill, parquet_file, plain, text
from mainline.data.split import ROW_ID, quoted, row_id_sql
from mainline.errors import ConfigurationError, DataError, ExternalError, MainlineError
from mainline.runtime.atomic_files import replacing

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from ibis.expr.types import Table

    from mainline.data.spark.frame import Preparation

TRUE_WORDS, FALSE_WORDS = ("true", "yes", "t", "y"), ("false", "no", "f", "n")
NESTED = ("array", "struct", "map")
NO_TRUTH = "not true or false: "
MEMORY = 1200  # megabytes of DuckDB while it writes the frame, unless data.memory_megabytes says otherwise

KeyColumns = dict[str, list[str]]  # of the table of the rows: the columns that its key is made from


def build(
    settings: Settings, tables: Mapping[str, Collected], path: Path, unmoved: Callable[[], object] = lambda: None
) -> None:
    """Prepare the frame and write it to `path` as Parquet, sorted by its key, with a `row_id` for every row.

    Numeric features are written as 32-bit floats (the precision that a served model computes in)
    and categorical ones as text. `unmoved` raises where the tables are no longer what they were: the frame is then
    not kept.

    Raises
    ------
    ConfigurationError
        Where the project's function fails, or leaves out a column that `params.yaml` names.
    DataError
        For rows that share a key, and for infinite values.
    ExternalError
        Where the disk is full.
    """
    import duckdb

    made = prepared(settings, tables)
    connection = made.connection
    refuse_labels_without_time(settings, tables, made.lineage)
    try:
        with naming_damage(made.tables.values()):
            try:
                if not settings.data.memory_megabytes:
                    connection.execute(f"SET memory_limit = '{MEMORY}MB'")
                write(settings, made, path, unmoved)
            except duckdb.OutOfMemoryException:
                if settings.data.memory_megabytes:
                    raise
                connection.execute("RESET memory_limit")  # what cannot spill may have what the machine has
                write(settings, made, path, unmoved)
    except duckdb.OutOfMemoryException as error:
        raise out_of_memory(settings, path, error) from error
    except duckdb.IOException as error:
        full = no_room_to_spill(error)
        if full:
            raise ExternalError(f"{path} could not be prepared: {full}") from error
        raise ExternalError(f"{path} could not be written: {_reason(error)}") from error
    except (duckdb.ConversionException, duckdb.InvalidInputException, duckdb.OutOfRangeException) as error:
        if NO_TRUTH in str(error):
            raise ConfigurationError(
                "params.yaml: task: binary needs a label that is true or false (or yes and no, 1 and 0), or "
                f"prepare.label_values; {settings.prepare.label} holds {str(error).partition(NO_TRUTH)[2]!r}"
            ) from error
        raise conversion.refusal(connection, made.tables, settings.prepare, error) from error
    except duckdb.Error as error:
        raise ConfigurationError(f"{settings.prepare.function} cannot be computed: {_first_line(error)}") from error


@contextlib.contextmanager
def computed(settings: Settings, made: Prepared, place: Path, moment: dt.datetime | None = None) -> Iterator[str]:
    """SQL for `made.connection` of the frame's rows, computed by `data.engine`; ordered by key without a `moment`.

    Spark's are as of `moment`, and lie in files below `place` until the block ends; DuckDB's as of what it was shown.
    """
    if settings.data.engine == "duckdb":
        yield made.sql if moment else f"{made.sql} ORDER BY {', '.join(map(quoted, settings.prepare.key))}"
        return
    from mainline.data.spark import frame

    with frame.computed(settings, for_spark(settings, made), place, moment) as sql:
        yield sql


def for_spark(settings: Settings, made: Prepared) -> Preparation:
    from mainline.data.spark.frame import Preparation

    types = {name: str(dtype) for name, dtype in made.expression.schema().items()}
    return Preparation(
        made.connection, made.tables, made.key, made.expression, made.unconverted,
        finished=lambda sql: frame_sql(settings, sql, types),
        show=lambda tables: show(made.connection, tables, None, made.key),
    )  # fmt: skip


def write(settings: Settings, made: Prepared, path: Path, unmoved: Callable[[], object]) -> None:
    """Write the frame and check its rows; sorting and joining spill to disk beyond the memory limit."""
    with computed(settings, made, path.parent) as rows, replacing(path) as unfinished:
        metadata = ", ".join([lineage.metadata(made.lineage), column_types.metadata(made.connection, made.unconverted)])
        how = f"FORMAT parquet, COMPRESSION snappy, KV_METADATA {{{metadata}}}"
        made.connection.execute(f"COPY ({rows}) TO {text(str(unfinished))} ({how})")
        check_rows(made.connection, settings.prepare, unfinished)
        if settings.data.engine == "spark":
            from mainline.data.spark.compare import refuse_other_rows

            refuse_other_rows(settings, for_spark(settings, made), unfinished)
        unmoved()


@dataclass(frozen=True)
class Prepared:
    """The SQL of the prepared frame, and the connection in which the tables stand as it reads them."""

    connection: DuckDBPyConnection
    sql: str
    tables: Mapping[str, Collected]  # with the types that their columns are read with
    unconverted: str  # the SQL before the features get the types of the frame
    lineage: Lineage  # the tables that each column comes from
    key: KeyColumns  # where it is made from the content
    expression: Table
    added: Mapping[str, Added]


@dataclass(frozen=True)
class Added:
    """Rows of a file that join those of a source; of its columns only `columns` are taken."""

    table: Collected
    columns: list[str]

    def as_read(self, source: Collected) -> Added:
        """The same with the types of the source's columns, where the file is text."""
        if self.table.format == "parquet":
            return self
        types = {name: source.columns.get(name, kind) for name, kind in self.table.columns.items()}
        return dataclasses.replace(self, table=dataclasses.replace(self.table, columns=types))

    def rows(self, source: Collected, *more: str) -> str:
        """SQL of the rows with the types of the source, and the columns `more`."""
        cast = [f"CAST({quoted(c)} AS {plain(source.columns[c])}) AS {quoted(c)}" for c in self.columns]
        return f"SELECT {', '.join([*cast, *more])} FROM ({relation_sql(self.table)})"

    def joined(self, sql: str, source: Collected) -> str:
        """SQL of the source's rows and those of the file that it does not have already."""
        taken = ", ".join(map(quoted, self.columns))
        return f"{sql} UNION ALL BY NAME ({self.rows(source)} EXCEPT ALL SELECT {taken} FROM ({sql}))"

    def alone(self, sql: str, source: Collected, *more: str) -> str:
        """SQL of the file's rows, with all columns of the source."""
        return f"SELECT * FROM ({sql}) WHERE false UNION ALL BY NAME ({self.rows(source, *more)})"


def prepared(
    settings: Settings,
    tables: Mapping[str, Collected],
    moment: dt.datetime | None = None,
    added: Mapping[str, Added] = MappingProxyType({}),
) -> Prepared:
    """The prepared frame, from the tables as they stood at `moment`, and the rows that are added to them."""
    import ibis

    connection, call = calling(settings)
    key, expression = with_key(settings, tables, lambda place: call(tables, moment, {}, place))
    expression = call(tables, moment, key, None) if key else expression
    check_columns(settings, {name: str(dtype) for name, dtype in expression.schema().items()})
    check_exact(settings, tables, expression)
    changed = as_written(settings, tables, expression, connection, {n: rows.table for n, rows in added.items()})
    if changed:
        tables = {**tables, **changed}
        expression = call(tables, moment, key, None)
    types = {name: str(dtype) for name, dtype in expression.schema().items()}
    check_columns(settings, types)
    sql = ibis.to_sql(expression, dialect="duckdb")
    columns = lineage.of_expression(expression, tables)
    added = {name: rows.as_read(tables[name]) for name, rows in added.items()}
    return Prepared(connection, frame_sql(settings, sql, types), tables, sql, columns, key, expression, added)


Call = Callable[[Mapping[str, Collected], dt.datetime | None, KeyColumns, str | None], "Table"]


def calling(settings: Settings) -> tuple[DuckDBPyConnection, Call]:
    """A connection, and how the project's function is called with the tables as `show` shows them there."""
    import ibis

    backend = ibis.duckdb.connect()
    connection: DuckDBPyConnection = backend.con
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET enable_progress_bar = false")
    connection.execute(f"SET temp_directory = {text(str(Path(tempfile.gettempdir(), f'{SPILLED}-{os.getpid()}')))}")
    if settings.data.memory_megabytes:
        connection.execute(f"SET memory_limit = '{settings.data.memory_megabytes}MB'")

    def call(
        tables: Mapping[str, Collected], moment: dt.datetime | None, key: KeyColumns, placeholder: str | None
    ) -> Table:
        show(connection, tables, moment, key, placeholder)
        return user_code.prepare(settings.prepare.function, {name: backend.table(name) for name in tables})

    return connection, call


def with_key(
    settings: Settings, tables: Mapping[str, Collected], frame_with: Callable[[str | None], Table]
) -> tuple[KeyColumns, Table]:
    """The columns of the key, where it is made, and the frame with an empty place for it."""
    if not settings.prepare.by_content:
        return {}, frame_with(None)
    rows, frame = content_key.table_of_rows(settings.prepare, tables, frame_with)
    return {rows: content_key.columns_of_key(settings.prepare, rows, tables[rows], frame)}, frame


def columns_of_frame(settings: Settings, tables: Mapping[str, Collected]) -> list[str]:
    """The names of the columns that the project's function returns, in their order."""
    _, call = calling(settings)
    _, frame = with_key(settings, tables, lambda place: call(tables, None, {}, place))
    return list(frame.columns)


def refuse_labels_without_time(settings: Settings, tables: Mapping[str, Collected], columns: Lineage) -> None:
    """A split by time needs to know when each label was known: else labels from after `data.until` are used."""
    label = settings.prepare.label
    carriers = [name for name in columns.get(label, []) if name in tables]
    if settings.split.by != "time" or not carriers or any(tables[name].time for name in carriers):
        return
    if all(tables[name].known_ahead for name in carriers):
        return
    named = " and ".join(carriers)
    raise ConfigurationError(
        f"params.yaml: data.sources.{carriers[0]}: no time: the label {label} comes from {named}, so labels that were "
        "reported after data.until would be used, and the point-in-time check could not see it. Name the column that "
        "says since when a row is known (`time`), or split by hash"
    )


def show(
    connection: DuckDBPyConnection,
    tables: Mapping[str, Collected],
    moment: dt.datetime | None,
    key: KeyColumns,
    placeholder: str | None = None,
    added: Mapping[str, Added] = MappingProxyType({}),
    alone: bool = False,
) -> None:
    """Show every table as it was at `moment`, or as it is: one of them with its made key, or with a place for it.

    With the rows that are `added` to it, or with these `alone`.
    """
    for name, table in tables.items():
        sql = relation_sql(table if moment is None else as_of(table, moment))
        if name in added:
            sql = added[name].alone(sql, table) if alone else added[name].joined(sql, table)
        if name in key:
            sql = content_key.keyed(sql, key[name], table)
        elif name == placeholder:
            sql = f"SELECT *, {content_key.PLACE} FROM ({sql})"
        connection.execute(f"CREATE OR REPLACE TEMP VIEW {quoted(name)} AS {sql}")


def check_columns(settings: Settings, types: Mapping[str, str]) -> None:
    """Every column that `params.yaml` names must be in the frame."""
    prepare = settings.prepare
    named = {
        "prepare.key": prepare.key,
        "prepare.time": [prepare.time] if prepare.time else [],
        "prepare.label": [prepare.label],
        "prepare.status": [prepare.status] if prepare.status else [],
        "prepare.features": prepare.features.names,
        "split.group": [settings.split.group] if settings.split.group else [],
        "evaluate.slices": settings.evaluate.slices,
        "compare.blocks": [settings.compare.blocks] if settings.compare.blocks else [],
        "gates.lead.by": settings.gates.lead.by if settings.gates.lead else [],
    }
    problems = []
    for setting, columns in named.items():
        for column in columns:
            if column not in types:
                near = difflib.get_close_matches(column, list(types), n=1)
                hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(types)}"
                problems.append(f"params.yaml: {setting}: the prepared frame has no column {column}: {hint}")
    for setting, columns in (("prepare.key", prepare.key), ("prepare.features", prepare.features.names)):
        for column in columns:
            wrong = [c for c in column if ord(c) < 32 or (setting == "prepare.key" and c in '"\\')]
            if wrong:
                problems.append(f"params.yaml: {setting}: {column!r} contains {wrong[0]!r}: rename the column")
    for column in prepare.features.names:
        if types.get(column, "").startswith(NESTED):
            problems.append(
                f"params.yaml: prepare.features: {column} is {types[column]}, which no request can send: take it apart "
                "in the preparation function, such as into a column for each of its values"
            )
    if prepare.label in prepare.features.names:
        problems.append(f"params.yaml: prepare.features: {prepare.label} is the label itself")
    kind = types.get(prepare.time or "", "date")
    if not kind.lower().startswith(("date", "timestamp")):
        problems.append(f"params.yaml: prepare.time: {prepare.time} is {kind}, a date or a time is needed")
    if ROW_ID in types:
        problems.append(f"{prepare.function}: the column name {ROW_ID} is taken: Mainline adds it")
    if problems:
        raise ConfigurationError("\n".join(problems))


def check_kept(settings: Settings, path: Path) -> None:
    """As `check_columns`, for a frame that an earlier run has written: slices and blocks may be others now."""
    import duckdb

    with duckdb.connect() as connection:
        described = connection.execute(f"DESCRIBE SELECT * EXCLUDE ({ROW_ID}) FROM {parquet_file(path)}").fetchall()
    check_columns(settings, {name: dtype for name, dtype, *_ in described})


def out_of_memory(settings: Settings, path: Path, error: Exception) -> MainlineError:
    """What a person can do about it: the disk was full, or the limit is too small."""
    full = no_room_to_spill(error)
    if full:
        return ExternalError(f"{path} could not be prepared: {full}")
    return ConfigurationError(too_little(settings, _first_line(error)))


def too_little(settings: Settings, reason: str) -> str:
    limit = settings.data.memory_megabytes
    what = f"{settings.prepare.function} needs more memory than it may have ({reason})"
    if limit is None:
        return f"params.yaml: {what}: prepare fewer rows or columns, or run it on a machine with more memory"
    return (
        f"params.yaml: data.memory_megabytes: {limit}: {what}. Sorting, joining and grouping spill to disk; lists of "
        f"many values and some window functions do not: set it to {2 * limit} or more"
    )


def frame_sql(settings: Settings, sql: str, types: Mapping[str, str]) -> str:
    features = settings.prepare.features
    columns = []
    for name, given in types.items():
        column = quoted(name)
        is_text = given.startswith("string")
        if name == settings.prepare.label and given.startswith("float"):
            # Polars and Spark write NaN for a missing one.
            column = f"CASE WHEN {is_nan(column)} THEN NULL ELSE {column} END"
        if name in features.numeric:
            column = f"{truth(column, 1, 0, f'{column}::FLOAT')}::FLOAT" if is_text else f"{column}::FLOAT"
        elif name in features.categorical:
            column = f"{column}::VARCHAR"
        elif name == settings.prepare.label and settings.prepare.label_values:
            column = meaning(column, settings.prepare.label_values)
        elif name == settings.prepare.label and settings.task == "binary" and is_text:
            column = truth(column, "true", "false", f"error({text(NO_TRUTH)} || {column})")
        elif name == settings.prepare.label and settings.task == "multiclass":
            column = as_class(column, given)
        elif name in settings.prepare.key and given.startswith("decimal(38, 0"):
            column = (
                f"{column}::DECIMAL(38, 0)"  # Parquet has no integer of more than 64 bits: a double would be written
            )
        columns.append(f"{column} AS {quoted(name)}")
    return f"SELECT {', '.join(columns)}, {row_id_sql(settings.prepare.key)} AS {ROW_ID} FROM ({sql})"


def as_class(column: str, given: str) -> str:
    """SQL of a class that JSON can hold: a date, a time or a UUID as its text."""
    shown = given.startswith(("date", "time", "interval", "uuid", "json"))
    return f"{column}::VARCHAR" if shown else column


def truth(column: str, yes: object, no: object, otherwise: str) -> str:
    """SQL of text that says true or false; null stays null."""
    said = f"lower(trim({column}))"
    words = [f"WHEN {said} IN {tuple(known)} THEN {value}" for known, value in ((TRUE_WORDS, yes), (FALSE_WORDS, no))]
    return f"CASE WHEN {column} IS NULL THEN NULL {' '.join(words)} ELSE {otherwise} END"


def meaning(column: str, values: Mapping[str, bool]) -> str:
    """SQL of what a label's values mean, as params.yaml says; null stays null."""
    said = f"regexp_replace(trim({column}::VARCHAR), '[.]0$', '')"  # 1.0 is 1
    cases = []
    for meant in (True, False):
        listed = ", ".join(text(value.strip().removesuffix(".0")) for value, means in values.items() if means is meant)
        cases.append(f"WHEN {said} IN ({listed}) THEN {str(meant).lower()}")
    return (
        f"CASE WHEN {column} IS NULL THEN NULL {' '.join(cases)} ELSE error({text(NO_TRUTH)} || {column}::VARCHAR) END"
    )


def check_rows(connection: DuckDBPyConnection, prepare: Prepare, path: Path) -> None:
    """Refuse a frame with duplicate keys, or with values that cannot be used in computations."""
    source = parquet_file(path)
    infinite = [f"count(*) FILTER (isinf({quoted(name)}))" for name in prepare.features.numeric]
    counts = ["count(*)", f"count(DISTINCT {ROW_ID})", *infinite]
    if prepare.time:
        counts.insert(2, f"count(*) - count({quoted(prepare.time)})")
    found = connection.execute(f"SELECT {', '.join(counts)} FROM {source}").fetchone()
    assert found
    rows, distinct, *rest = found
    if not rows:
        raise DataError(f"{prepare.function} returned no rows: nothing to train on before data.until")
    if distinct != rows:
        key = ", ".join(map(quoted, prepare.key))
        twice = connection.execute(
            f"SELECT {key}, count(*) FROM {source} GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL LIMIT 1"
        ).fetchone()
        example = ", ".join(f"{n}={v}" for n, v in zip(prepare.key, twice or (), strict=False))
        raise DataError(f"prepared frame: {rows - distinct:,} rows share their key with another, first {example}")
    if prepare.time and rest.pop(0):
        raise DataError(f"prepared frame: rows without {prepare.time}: the time at which they are scored is unknown")
    for name, count in zip(prepare.features.numeric, rest, strict=True):
        if count:
            raise DataError(f"prepared frame: {count:,} infinite values in {name}: find the division that made them")


def _reason(error: Exception) -> str:
    """The system's words where DuckDB gives its number: File too large, No space left on device."""
    number = re.search(r'"errno":"(\d+)"', str(error))
    return os.strerror(int(number[1])) if number else _first_line(error)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
