"""CSV bodies: a header with every column once, then one row per line; an empty cell is a missing value."""

from __future__ import annotations

import csv
import io
from typing import Any

from mainline.serving import row_keys
from mainline.serving.error_messages import names_of
from mainline.serving.errors import Rejection, invalid
from mainline.serving.json_input import Cell, Rows, refuse_nul, with_keys
from mainline.serving.row_keys import NUMBER
from mainline.serving.signature import LARGEST, Column, Key, Signature
from mainline.serving.spelling import FALSE, TRUE, Speller, number

WORDS = TRUE | FALSE


class CsvReader:
    """Reads CSV bodies of at most `most_rows` rows for one model."""

    def __init__(self, signature: Signature, most_rows: int) -> None:
        self.columns = {column.name: column for column in signature.columns}
        self.names = signature.names
        self.k = len(signature.categorical)
        self.extra = signature.extra_keys
        self.most_rows = most_rows
        self.spell = Speller(signature)
        self.nulls = frozenset(["", *signature.null_values])
        self.decimal = signature.decimal

    def __call__(self, body: bytes) -> Rows:
        """Raises Rejection for an input that does not match the model's signature."""
        try:
            # Spreadsheets begin with a byte-order mark.
            text = body.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise invalid("the body is not UTF-8", reason="encoding") from None
        lines = csv.reader(io.StringIO(text, newline=""), strict=True)
        rows: list[tuple[Cell, ...]] = []
        named: list[tuple[Any, ...] | None] = []
        try:
            header = next(lines, [])
            names = names_of(header, self.names, self.extra, "the header")
            place = {name: i for i, name in enumerate(header)}
            order = [(self.columns[name], place[name]) for name in self.names]
            key = [(part, place[part.name]) for part in self.extra] if len(names) > len(self.names) else []
            for cells in lines:
                if cells:
                    if key and len(cells) == len(header):
                        named.append(self._key(cells, key, len(rows)))
                    rows.append(self._row(cells, order, len(rows), len(header)))
        except csv.Error as error:
            raise invalid(f"the body is not CSV, line {lines.line_num}: {error}", reason="csv") from None
        if not rows:
            raise invalid("there are no rows below the header", reason="structure")
        if "\0" in text:
            refuse_nul(rows, self.names[: self.k])
        return with_keys(self.spell(rows) if self.spell.needed else rows, named or None)

    def _key(self, cells: list[str], key: list[tuple[Key, int]], number: int) -> tuple[Any, ...]:
        return row_keys.settled([row_keys.of_cell(cells[i], part, number) for part, i in key], self.extra, number)

    def _row(self, cells: list[str], order: list[tuple[Column, int]], number: int, width: int) -> tuple[Cell, ...]:
        if number >= self.most_rows:
            message = f"more than {self.most_rows:,} rows in one request: send several requests"
            raise Rejection(413, "rows", message)
        if len(cells) != width:
            message = f"row {number}: {len(cells)} values, the header has {width} columns"
            raise invalid(message, row=number, reason="structure")
        return tuple([self._cell(cells[i], column, number) for column, i in order])

    def _cell(self, text: str, column: Column, row: int) -> Cell:
        if text in self.nulls and text not in column.categories:
            if column.nullable:
                return None
            message = (
                f"{column.name}, row {row}: the cell is empty: the column has no missing values in the training data"
            )
            raise invalid(message, column=column.name, row=row, reason="null")
        if column.kind == "categorical":
            return text
        if column.written == "boolean" and text.lower() in WORDS:
            return number(text)
        if self.decimal != ".":
            text = text.replace(self.decimal, ".", 1)
        if not NUMBER.fullmatch(text):
            short = text if len(text) <= 40 else f"{text[:40]}…"
            wanted = "a number or an empty cell" if column.nullable else "a number"
            message = f"{column.name}, row {row}: {short!r} was sent, {wanted} is needed"
            raise invalid(message, column=column.name, row=row, reason="type")
        found = float(text)
        if abs(found) > LARGEST:
            message = f"{column.name}, row {row}: the number is too large for a 32-bit float"
            raise invalid(message, column=column.name, row=row)
        return found
