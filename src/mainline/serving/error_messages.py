"""Error messages for invalid requests: the decoder's error with its column and row."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from mainline.serving import row_keys
from mainline.serving.errors import Rejection, invalid
from mainline.serving.signature import Column, Key
from mainline.serving.spelling import NUMERIC

WHERE = re.compile(r" - at `(.*)`$", re.DOTALL)
RECORD = re.compile(r"^\$\.(\w+)\[(\d+)\](?:\.(.+))?$", re.DOTALL)
LIST = re.compile(r"^\$\.inputs\.(.+?)(?:\[(\d+)\])?$", re.DOTALL)
CELL = re.compile(r"^\$\[(\d+)\](?:\[(\d+)\])?$")
TYPES = re.compile(r"^Expected `(.+?)`, got `(\w+)`$")
FIELD = re.compile(r"^Object (missing required|contains unknown) field `(.*)`$", re.DOTALL)
LENGTH = re.compile(r"^Expected `array` of length (\d+)")
OUT_OF_RANGE = re.compile(r"^Expected `float` [<>]=")

WORDS = {
    "float": "a number",
    "int": "a number",
    "str": "text",
    "null": "null",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "int | str": "a whole number or text",
}


def of_syntax(error: Exception) -> Rejection:
    """For bytes that are not JSON."""
    if isinstance(error, RecursionError):
        return invalid("the body is nested too deeply", reason="nesting")
    if isinstance(error, UnicodeDecodeError):
        return invalid("the body is not UTF-8", reason="encoding")
    said = str(error).removeprefix("JSON is malformed: ")
    return invalid(f"the body is not JSON: {said[:1].lower()}{said[1:]}", reason="json")


def of_structure(said: str, columns: Sequence[Column | Key]) -> Rejection:
    """For JSON that is not a valid request to this model."""
    message, path = split(said)
    record = RECORD.match(path)
    if record and record[1] in ("dataframe_records", "instances"):
        return of_place(message, columns, record[3], int(record[2]))
    column = LIST.match(path)
    if column:
        return of_place(message, columns, column[1], int(column[2]) if column[2] else None)
    place = path.removeprefix("$").lstrip(".")
    missing = FIELD.match(message)
    if path != "$.inputs" and missing and missing[1] == "missing required":
        return invalid(f"{place}: {missing[2]} is missing", reason="structure")
    return of_place(message, columns if path == "$.inputs" else (), None, None, place)


def of_cells(said: str, columns: Sequence[Column | Key]) -> Rejection:
    """For `dataframe_split.data`, whose cells are identified by position."""
    message, path = split(said)
    cell = CELL.match(path)
    row = int(cell[1]) if cell else None
    if LENGTH.match(message):
        where = "dataframe_split.data" if row is None else f"row {row}"
        return invalid(f"{where}: {len(columns)} values are needed, one per column", row=row, reason="structure")
    name = columns[int(cell[2])].name if cell and cell[2] else None
    return of_place(message, columns, name, row, "dataframe_split.data")


def of_place(
    message: str, columns: Sequence[Column | Key], name: str | None, row: int | None, place: str = ""
) -> Rejection:
    """One error of the decoder, with its column and row where they are known."""
    at_row = f", row {row}" if row is not None else ""
    field = FIELD.match(message)
    if field:
        if field[1] == "missing required":
            kind = next((needed(column) for column in columns if column.name == field[2]), "it")
            return invalid(
                f"{field[2]}{at_row}: the column is missing: {kind} is needed",
                column=field[2],
                row=row,
                reason="missing_column",
            )
        if not columns:
            return invalid(
                f"{place + ': ' if place else ''}{shown(field[2])} is not a key of a request", reason="structure"
            )
        return unknown(field[2], [column.name for column in columns], row)
    column = next((column for column in columns if column.name == name), None)
    types = TYPES.match(message)
    if column and types:
        found = WORDS.get(types[2], types[2])
        wanted = "a list" if types[1] == "array" else needed(column)
        said = f"{name}{at_row}: {found} was sent, {wanted} is needed"
        if found == "null" and isinstance(column, Column):
            said += ": the column has no missing values in the training data"
        return invalid(said, column=name, row=row, reason="null" if found == "null" else "type")
    if isinstance(column, Column) and (OUT_OF_RANGE.match(message) or message == "Number out of range"):
        return invalid(f"{name}{at_row}: the number is too large for a 32-bit float", column=name, row=row)
    if isinstance(column, Key):
        return invalid(f"{name}{at_row}: {needed(column)} is needed", column=name, row=row)
    if column:
        return invalid(f"{name}{at_row}: {message[:1].lower()}{message[1:]}", column=name, row=row)
    if types:
        message = f"{WORDS.get(types[2], types[2])} was sent, {WORDS.get(types[1], types[1])} is needed"
    where = f"row {row}" if row is not None else place or "the body"
    return invalid(f"{where}: {message[:1].lower()}{message[1:]}", row=row, reason="structure")


def unknown(name: str, names: Sequence[str], row: int | None = None) -> Rejection:
    near = difflib.get_close_matches(name[:100], names, n=1)
    hint = f"did you mean {near[0]}?" if near else f"the columns are: {', '.join(names)}"
    at_row = f", row {row}" if row is not None else ""
    message = f"{shown(name) or 'the column without a name'}{at_row}: this model has no such column: {hint}"
    return invalid(message, column=shown(name), row=row, reason="unknown_column")


def of_label(rejection: Rejection, label: str) -> Rejection:
    """For the label among the columns of a request, as in the file that a model was trained on."""
    if not label or rejection.reason != "unknown_column" or rejection.column != label:
        return rejection
    message = f"{label} is what the model predicts: leave the column out (labels that arrive later go to /feedback)"
    return invalid(message, column=label, row=rejection.row, reason="unknown_column")


def names_of(given: Sequence[str], names: Sequence[str], extra: Sequence[Key], where: str) -> list[str]:
    """The columns that a header must contain: with the row's key if it contains any part of it."""
    if not any(key.name in given for key in extra):
        check_names(given, names, where)
        return list(names)
    for key in extra:
        if key.name not in given:
            raise row_keys.partial(key, extra)
    wanted = [*names, *(key.name for key in extra)]
    check_names(given, wanted, where)
    return wanted


def check_names(given: Sequence[str], names: Sequence[str], where: str) -> None:
    """Refuse a header that does not contain every column exactly once, in any order, and nothing else."""
    if len(given) == len(names) and set(given) == set(names):
        return
    known = set(names)
    for name in given:
        if name not in known:
            raise unknown(name, names)
    for name in names:
        if name not in given:
            raise invalid(f"{name}: the column is missing from {where}", column=name, reason="missing_column")
    twice = next(name for name in given if list(given).count(name) > 1)
    raise invalid(f"{twice} occurs twice in {where}", column=twice, reason="structure")


def needed(column: Column | Key) -> str:
    if isinstance(column, Key):
        return row_keys.needed(column)
    kind = "text" if column.kind == "categorical" else "a number"
    if column.written == "boolean":
        kind += " or a truth value"
    elif column.kind == "categorical" and column.written.startswith(NUMERIC):
        kind += " or a number"
    return f"{kind} or null" if column.nullable else kind


def shown(name: str) -> str:
    """A name from the request, cut to a length that fits an error message."""
    return name if len(name) <= 100 else f"{name[:100]}…"


def split(said: str) -> tuple[str, str]:
    where = WHERE.search(said)
    return (said[: where.start()], where[1]) if where else (said, "$")
