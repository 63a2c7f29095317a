"""A file to be scored: `given` is the table as it is, `typed` has types, `inputs` only the model's columns.

CSV is read as text and JSON as it is written, so that the columns next to the predictions are not changed:
neither a key that looks like a number, nor a time.
"""

from __future__ import annotations

import csv
import shutil
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.data.split import quoted
from mainline.errors import DataError
from mainline.serving.error_messages import check_names
from mainline.serving.errors import Rejection
from mainline.serving.row_keys import NUMBER
from mainline.serving.signature import Column, Signature
from mainline.serving.spelling import FALSE, TRUE

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# Types whose values have one text each, by which the frame has them.
ONE_TEXT = ("ENUM", "INTERVAL", "JSON", "BIT", "BLOB")
DELIMITERS = ",;\t|"
PARQUET = "read_parquet($file)"
CSV = """read_csv($file, auto_detect = false, header = true, delim = $delimiter, quote = '"', escape = '"',
    columns = $columns, nullstr = $nulls)"""
# Whatever the first rows say: every row is looked at, and nothing is made of what is inside.
JSON = """read_json($file, format = 'newline_delimited', records = 'true', maximum_depth = 1,
    map_inference_threshold = -1, sample_size = -1)"""


def load(connection: DuckDBPyConnection, file: Path, signature: Signature, shown: str | None = None) -> None:
    """Make `given`, `typed` and `inputs`; raises DataError for values that the model cannot use.

    `shown` is what messages call the file.
    """
    if not file.stat().st_size:
        raise DataError(f"{file} is empty")
    with tempfile.TemporaryDirectory() as folder:
        other = signature.encodings and file.suffix != ".parquet"
        made = in_utf8(file, signature.encodings, Path(folder)) if other else file
        read_file(connection, made, signature, Path(shown or file))


def in_utf8(file: Path, encodings: Sequence[str], folder: Path) -> Path:
    """The text file, or a copy of it in UTF-8 where it is written in an encoding of the sources."""
    copy = folder / f"file{file.suffix}"
    for encoding in ("utf-8", *encodings):
        try:
            with (
                file.open(encoding=encoding, newline="") as given,
                copy.open("w", encoding="utf-8", newline="") as made,
            ):
                shutil.copyfileobj(given, made)
        except UnicodeError:
            continue
        return copy
    raise DataError(f"{file} is not UTF-8, nor is it {' or '.join(encodings)}")


def read_file(connection: DuckDBPyConnection, file: Path, signature: Signature, shown: Path) -> None:
    arguments: dict[str, Any] = {"file": str(file)}
    if file.suffix == ".csv":
        delimiter, names = header(file, signature, shown)
        source, arguments = (
            CSV,
            {
                **arguments,
                "delimiter": delimiter,
                "columns": dict.fromkeys(names, "VARCHAR"),
                "nulls": ["", *signature.null_values],
            },
        )
    else:
        source = PARQUET if file.suffix == ".parquet" else JSON
    connection.execute(f"CREATE TEMP TABLE given AS SELECT * FROM {source}", arguments)
    types = {name: dtype for name, dtype, *_ in connection.execute("DESCRIBE given").fetchall()}
    read = reader(file.suffix, signature)
    try:
        check_names([name for name in types if name in signature.names], signature.names, str(shown))
    except Rejection as error:
        raise DataError(error.message) from None
    # Columns that the model does not read have no type in JSON and CSV; in other formats they become text.
    plain = "{} ->> '$'" if read is of_json else "{}"
    parts = {name: plain.format(quoted(name)) for name in types}
    parts |= {column.name: read(connection, column, types[column.name], shown) for column in signature.columns}
    selected = ", ".join(f"{part} AS {quoted(name)}" for name, part in parts.items())
    connection.execute(f"CREATE TEMP VIEW typed AS SELECT {selected} FROM given")
    inputs = ", ".join(map(quoted, signature.names))
    connection.execute(f"CREATE TEMP VIEW inputs AS SELECT {inputs} FROM typed")
    for column in signature.categorical:
        refuse(connection, column, "inputs", f"contains({quoted(column.name)}, chr(0))", shown, "text without a NUL")


def reader(suffix: str, signature: Signature) -> Callable[[DuckDBPyConnection, Column, str, Path], str]:
    if suffix == ".csv":
        return partial(of_text, decimal=signature.decimal)
    return of_type if suffix == ".parquet" else of_json


def header(file: Path, signature: Signature, shown: Path) -> tuple[str, list[str]]:
    """The file's delimiter and column names: the delimiter that yields most of the model's columns."""
    found: dict[str, list[str]] = {}
    for delimiter in DELIMITERS:
        try:
            with file.open(encoding="utf-8-sig", newline="") as text:
                found[delimiter] = next(csv.reader(text, delimiter=delimiter), [])
        except UnicodeDecodeError:
            raise DataError(f"{shown} is not UTF-8") from None
        except csv.Error as error:
            raise DataError(f"{shown} is not a CSV file: {error}") from None
    best = max(found, key=lambda delimiter: len(set(signature.names) & set(found[delimiter])))
    # For instance the index that pandas writes.
    names = [name or f"column{i}" for i, name in enumerate(found[best])]
    twice = next((name for i, name in enumerate(names) if name in names[:i]), None)
    if twice:
        raise DataError(f"{shown}: {twice} occurs twice in the header")
    return best, names


def of_type(connection: DuckDBPyConnection, column: Column, dtype: str, file: Path) -> str:
    """A column of a format with types."""
    name = quoted(column.name)
    if column.kind == "categorical" and dtype != "VARCHAR" and (column.written or dtype.startswith(ONE_TEXT)):
        return f"CAST({name} AS VARCHAR)"
    if column.kind == "numeric" and dtype == "BOOLEAN" and column.written == "boolean":
        return f"CAST({name} AS DOUBLE)"
    if column.kind == "numeric" and dtype == "VARCHAR" and column.written:
        return of_text(connection, column, dtype, file)
    number = dtype.startswith(("DECIMAL", "DOUBLE", "FLOAT")) or dtype.endswith(("INT", "INTEGER"))
    if not (dtype == "VARCHAR" if column.kind == "categorical" else number):
        # A column without values has no type.
        if connection.execute(f"SELECT count({name}) FROM given").fetchone() != (0,):
            wanted = "text is" if column.kind == "categorical" else "numbers are"
            raise DataError(f"{file}: {column.name} is {dtype}: {wanted} required")
        return f"CAST(NULL AS {'VARCHAR' if column.kind == 'categorical' else 'DOUBLE'})"
    return name


def of_text(connection: DuckDBPyConnection, column: Column, dtype: str, file: Path, decimal: str = ".") -> str:
    name = quoted(column.name)
    if column.kind == "categorical":
        return name
    plain = f"replace({name}, ',', '.')" if decimal == "," else name
    wrong = f"NOT regexp_full_match({plain}, '{NUMBER.pattern}')"
    number = f"CAST({plain} AS DOUBLE)"
    if column.written == "boolean":
        said, true, words = f"lower({name})", tuple(sorted(TRUE)), tuple(sorted(TRUE | FALSE))
        wrong = f"{said} NOT IN {words} AND {wrong}"
        number = f"CASE WHEN {said} IN {true} THEN 1 WHEN {said} IN {words} THEN 0 ELSE {number} END"
    refuse(connection, column, "given", wrong, file, "a number or an empty cell" if column.nullable else "a number")
    return number


def of_json(connection: DuckDBPyConnection, column: Column, dtype: str, file: Path) -> str:
    name = quoted(column.name)
    if column.kind == "categorical":
        if not column.written:
            refuse(connection, column, "given", f"json_type({name}) <> 'VARCHAR'", file, "text")
        return f"{name} ->> '$'"
    if column.written:
        text = f"({name} ->> '$')"
        said, true, words = f"lower({text})", tuple(sorted(TRUE)), tuple(sorted(TRUE | FALSE))
        wrong = f"{said} NOT IN {words} AND NOT regexp_full_match({text}, '{NUMBER.pattern}')"
        refuse(connection, column, "given", wrong, file, "a number")
        return f"CASE WHEN {said} IN {true} THEN 1 WHEN {said} IN {words} THEN 0 ELSE CAST({text} AS DOUBLE) END"
    number = f"json_type({name}) IN ('UBIGINT', 'BIGINT', 'HUGEINT', 'UHUGEINT', 'DOUBLE')"
    # DuckDB accepts NaN and Infinity, which JSON does not have.
    constant = f"regexp_full_match(CAST({name} AS VARCHAR), '-?(NaN|Infinity|nan|inf|Inf)')"
    refuse(connection, column, "given", f"{name} IS NOT NULL AND (NOT {number} OR {constant})", file, "a number")
    return f"CAST({name} AS DOUBLE)"


def refuse(connection: DuckDBPyConnection, column: Column, table: str, wrong: str, file: Path, wanted: str) -> None:
    """Raises DataError for the first row where `wrong` is true."""
    name = quoted(column.name)
    rows = f"(SELECT {name}, row_number() OVER () - 1 AS row FROM {table})"
    found = connection.execute(f"SELECT row, {name} FROM {rows} WHERE {wrong} ORDER BY row LIMIT 1").fetchone()
    if found:
        row, value = found
        said = repr(value) if len(str(value)) <= 40 else f"{str(value)[:40]!r}…"
        raise DataError(f"{file}: {column.name}, row {row} (from 0): {said} is not {wanted}")
