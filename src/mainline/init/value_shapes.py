"""What the values of a text file's columns look like, before any of them is read as a number or a date."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mainline.data.sources.duckdb_scan import name, run, text
from mainline.data.sources.formats import Files

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# Words for a missing value, where all others in the column are numbers or dates.
MISSING = (
    "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "None", "none", "-", "--", "?", ".", "nil", "missing",
)  # fmt: skip
ALWAYS_MISSING = ("?", "#N/A", "NaN", "NULL")  # in a column of text too: these are no words
AT_ONCE = 200  # columns of one scan
NUMBER = r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?"
COMMA = r"[-+]?\d+(,\d+)?"
POINTS = r"[-+]?\d{1,3}(\.\d{3})+(,\d+)?"  # 1.234,50
COMMAS = r"[-+]?\d{1,3}(,\d{3})+(\.\d+)?"  # 1,234.50
MONTH = r"[A-Za-z]{3,9}"
DATED = (
    rf"(\d{{1,2}}([./-]\d{{1,2}}[./-]|[ -]{MONTH}[ -])|{MONTH} \d{{1,2}}, )\d{{2}}(\d{{2}})?(,? .*)?"
    rf"|\d{{4}}[-/]\d{{1,2}}|\d{{1,2}}[-/]\d{{4}}|{MONTH}[ -]\d{{2}}(\d{{2}})?"
)


@dataclass(frozen=True)
class Shape:
    """How many values of a column look like what."""

    values: int  # neither empty nor a word for missing
    words: tuple[str, ...]  # words for missing that occur
    number: int
    comma: int
    points: int
    commas: int
    dated: int

    @property
    def numeric(self) -> bool:
        return self.values > 0 and self.number == self.values

    @property
    def looks_numeric(self) -> bool:
        """With any separators."""
        return self.values in (self.number, self.comma + self.points, self.commas + self.number)


def column_shapes(con: DuckDBPyConnection, files: Files, rows: str, columns: Sequence[str]) -> dict[str, Shape]:
    missing = "[" + ", ".join(map(text, MISSING)) + "]"
    found: dict[str, Shape] = {}
    for start in range(0, len(columns), AT_ONCE):  # one scan for so many columns
        part = columns[start : start + AT_ONCE]
        counted = []
        for column in part:
            value = f"trim({name(column)})"
            known = f"{value} <> '' AND NOT list_contains({missing}, {value})"
            counted += [
                f"count(*) FILTER ({known})",
                f"list(DISTINCT {value}) FILTER (list_contains({missing}, {value}))",
            ]
            counted += [
                f"count(*) FILTER ({known} AND regexp_full_match({value}, '{shape}'))"
                for shape in (NUMBER, COMMA, POINTS, COMMAS, DATED)
            ]
        (answer,) = run(con, files, f"SELECT {', '.join(counted)} FROM {rows}")
        for place, column in enumerate(part):
            values, words, *counts = answer[7 * place : 7 * place + 7]
            found[column] = Shape(values, tuple(words or ()), *counts)
    return found


@dataclass(frozen=True)
class Text:
    """A text file's rows as they are written, and the shapes of its columns."""

    con: DuckDBPyConnection
    files: Files
    rows: str  # for DuckDB: a table function of it, with every value as text
    shapes: Mapping[str, Shape]

    def holds(self, condition: str) -> bool:
        """Whether no row breaks a condition."""
        (answer,) = run(self.con, self.files, f"SELECT count(*) = 0 FROM {self.rows} WHERE NOT ({condition})")
        return bool(answer[0])

    def first(self, value: str, condition: str) -> str:
        """The first value of a row that fulfils a condition; empty where none does."""
        found = run(self.con, self.files, f"SELECT {value} FROM {self.rows} WHERE {condition} LIMIT 1")
        return str(found[0][0]) if found else ""


def listed(columns: Sequence[str], most: int = 3) -> str:
    shown = ", ".join(columns[:most])
    return f"{shown} and {len(columns) - most} more" if len(columns) > most else shown
