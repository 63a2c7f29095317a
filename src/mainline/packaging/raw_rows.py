"""New rows in the form of a source, prepared as the training data were: by the project's own function.

The rows of the file join those that the source has, so that what a feature takes from other rows (a mean, a count, the
day before) is what it would be in training. All tables are read whole: what is after `data.until` is known now.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mainline.config.schema import Features, Settings
from mainline.data import content_key, conversion, lineage, prepare
from mainline.data.collect import Collected, collect, layout_of, relation_sql
from mainline.data.feature_patterns import with_features
from mainline.data.sources.columns import read_layout
from mainline.data.sources.computed_time import of_source
from mainline.data.sources.duckdb_scan import blaming, connect, parquet_file, plain, scan_sql, text
from mainline.data.sources.encoding import in_utf8
from mainline.data.sources.formats import Files, Reading, format_of
from mainline.data.split import ROW_ID, quoted, row_id_sql
from mainline.errors import ConfigurationError, DataError
from mainline.runtime.workspace import Workspace
from mainline.serving.signature import Signature

ITSELF = "1"  # RAW=1: the source that the rows of the frame come from
EVERYTHING = dt.date(9000, 1, 1)  # as data.until
PLACE = "mainline_row"  # a row's number in the file, from 0


@dataclass(frozen=True)
class RawRows:
    """A file of new rows, and the frame that was prepared of them."""

    table: Collected  # of the file
    source: str  # whose rows they are
    count: int
    traced: bool  # whether the frame's column `PLACE` says which row of the file each of its rows is

    def as_written(self, json: bool) -> str:
        """SQL of the file's rows with every value as it is written, and their `PLACE`."""
        kind = "JSON" if json else "VARCHAR"
        own = {c: type_ for c, type_ in self.table.columns.items() if c not in self.table.reading.computed}
        reading = dataclasses.replace(self.table.reading, computed={})
        table = dataclasses.replace(self.table, columns=own, reading=reading)
        layout = dataclasses.replace(layout_of(table), columns=dict.fromkeys(own, kind))
        typed = table.format == "parquet"
        rows = f"({relation_sql(table)})" if typed else scan_sql(table.paths, layout)
        return f"SELECT *, row_number() OVER () - 1 AS {PLACE} FROM {rows}"


def prepared(settings: Settings, workspace: Workspace, file: Path, source: str, model: Signature, to: Path) -> RawRows:
    """Prepare the rows of `file`, which has the columns of `source`, for a model, and write the frame to `to`.

    Columns that only the label or the status is made of may be missing.

    Raises
    ------
    ConfigurationError
        Where it is not clear which source the file stands for, or the function fails.
    DataError
        For a column that is missing, a value of the wrong type, rows that share their key, and where no row is left.
    """
    import duckdb

    settings = with_features(settings, features_of(model))
    tables = collect(settings.data.model_copy(update={"until": EVERYTHING}), workspace.root, workspace.cache)
    made = prepare.prepared(settings, tables)
    name = source_of_rows(settings, made, source)
    rows = rows_of(settings, made, name, file, workspace.cache)
    count = checked(rows, made.tables[name], file)
    made = prepare.prepared(settings, tables, added={name: rows})
    rows, connection = made.added[name], made.connection
    try:
        prepare.show(connection, made.tables, None, made.key, added=made.added, alone=True)
        connection.execute(f"CREATE TEMP TABLE _of_file AS SELECT {ROW_ID} FROM ({made.sql})")
        traced = trace(settings, made, name)
        prepare.show(connection, made.tables, None, made.key, added=made.added)
        connection.execute(
            f"COPY (SELECT * FROM ({made.sql}) SEMI JOIN _of_file USING ({ROW_ID}) LEFT JOIN _places USING ({ROW_ID}) "
            f"ORDER BY {PLACE}, {ROW_ID}) TO {text(str(to))} (FORMAT parquet)"
        )
    except duckdb.Error as error:
        raise conversion.refusal(connection, made.tables, settings.prepare, error) from error
    (left,) = connection.execute(f"SELECT count(*) FROM {parquet_file(to)}").fetchone() or (0,)
    if count and not left:
        raise DataError(
            f"{file}: {settings.prepare.function} returns none of its {count:,} rows; perhaps it leaves out rows "
            f"without a label: keep them, with {settings.prepare.label} empty"
        )
    try:
        if left:
            prepare.check_rows(connection, settings.prepare, to)
    except DataError as error:
        raise DataError(f"{file}, with the rows of data.sources.{name}: {error}") from None
    return RawRows(rows.table, name, count, traced)


def trace(settings: Settings, made: prepare.Prepared, name: str) -> bool:
    """Make the table `_places` of the file's rows by their ids; False where the key is not among its columns."""
    source, rows, key = made.tables[name], made.added[name], settings.prepare.key
    sql = rows.alone(relation_sql(source), source, f"row_number() OVER () - 1 AS {PLACE}")
    if name in made.key:
        sql = content_key.keyed(sql, made.key[name], source)
    made.connection.execute(f"CREATE TEMP TABLE _places ({ROW_ID} UBIGINT, {PLACE} BIGINT)")
    if name in made.key or set(key) <= set(rows.columns):
        made.connection.execute(f"INSERT INTO _places SELECT {row_id_sql(key)}, {PLACE} FROM ({sql})")
    found = made.connection.execute(f"SELECT count(*) FROM _of_file SEMI JOIN _places USING ({ROW_ID})").fetchone()
    return bool(found and found[0])


def features_of(model: Signature) -> Features:
    return Features(
        numeric=[column.name for column in model.numeric], categorical=[column.name for column in model.categorical]
    )


def source_of_rows(settings: Settings, made: prepare.Prepared, asked: str) -> str:
    """The source that the file stands for: the one that is asked for, or the one that the frame's rows come from."""
    there = list(settings.data.sources)
    if asked != ITSELF:
        if asked in there:
            return asked
        near = difflib.get_close_matches(asked, there, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(there)}"
        raise ConfigurationError(f"RAW={asked}: data.sources has no {asked}: {hint}")
    found = there[0] if len(there) == 1 else lineage.first_table(made.expression.op())
    if found not in there:
        raise ConfigurationError(
            f"RAW={ITSELF}: it is not clear which source {settings.prepare.function} takes its rows from: "
            f"name it, as in RAW={there[0]} (there are {', '.join(there)})"
        )
    return found


def rows_of(settings: Settings, made: prepare.Prepared, name: str, file: Path, cache: Path) -> prepare.Added:
    """The file as rows of a source, whose values are written as there."""
    source = made.tables[name]
    format = format_of(file.name)
    if format is None:
        raise ConfigurationError(f"{file}: the name must end in .parquet, .csv or .jsonl")
    own = format == source.format != "parquet"
    reading = dataclasses.replace(source.reading, types={}, partitions={}, computed={}) if own else Reading()
    time_from = of_source(settings.data.sources[name])
    files = Files(name, [file.absolute()], format, {file.absolute(): str(file)}, reading, time_from=time_from)
    encoding = settings.data.sources[name].encoding
    layout = read_layout(connect(), in_utf8(files, encoding, cache) if own and encoding else files)
    paths = in_utf8(files, encoding, cache).paths if own and encoding else files.paths
    outcome = outcome_columns(settings, made, name)
    for column in source.columns:
        if column not in layout.columns and column not in outcome:
            near = difflib.get_close_matches(column, list(layout.columns), n=1)
            hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(layout.columns)}"
            raise DataError(f"{file}: there is no column {column}, which data.sources.{name} has: {hint}")
    table = dataclasses.replace(
        source,
        paths=paths,
        format=format,
        columns=layout.columns,
        delimiter=layout.delimiter,
        reading=dataclasses.replace(
            layout.reading, types={c: kind for c, kind in source.reading.types.items() if c in layout.columns}
        ),
        odd=dict(layout.odd),
        time=None,
        before=None,
    )
    columns = [column for column in source.columns if column in layout.columns and column not in outcome]
    # Text is read with the types of the source, whatever these few rows look like.
    return prepare.Added(table, columns).as_read(source)


def outcome_columns(settings: Settings, made: prepare.Prepared, name: str) -> set[str]:
    """The columns of a source that the label or the status is made of, and nothing that a model is asked with."""
    import ibis.expr.operations as ops

    prepare = settings.prepare

    def of(columns: Iterable[str | None]) -> set[str]:
        found: set[str] = set()
        for column in columns:
            if column in made.expression.columns:
                origins = lineage.columns_of(ops.Field(made.expression.op(), column))
                found |= {own for table, own in origins if table == name}
        return found

    return of([prepare.label, prepare.status]) - of([*prepare.features.names, *prepare.key, prepare.time])


def checked(rows: prepare.Added, source: Collected, file: Path) -> int:
    """The number of rows, once every value has been read with the type of its column.

    Raises
    ------
    DataError
        With the column and the row of a value that has another type.
    """
    connection = connect()
    scan = relation_sql(rows.table)
    of_file = Files(source.name, rows.table.paths, rows.table.format, dict.fromkeys(rows.table.paths, str(file)))
    with blaming(of_file):
        every = ", ".join(f"max({quoted(column)}::VARCHAR)" for column in rows.columns)
        count, *_ = connection.execute(f"SELECT count(*), {every} FROM ({scan})").fetchone() or (0,)
    for column in rows.columns:
        name, kind = quoted(column), plain(source.columns[column])
        found = connection.execute(
            f"SELECT row, {name} FROM (SELECT {name}, row_number() OVER () - 1 AS row FROM ({scan})) "
            f"WHERE {name} IS NOT NULL AND TRY_CAST({name} AS {kind}) IS NULL ORDER BY row LIMIT 1"
        ).fetchone()
        if found:
            row, value = found
            raise DataError(
                f"{file}: {column}, row {row} (from 0): {value!r} is not {kind}, as in data.sources.{source.name}"
            )
    return int(count)
