"""What a column's type means: a number, a text, a time; and its name in the words that it is made of."""

from __future__ import annotations

import keyword
import re
from functools import cache
from typing import Literal

Kind = Literal["number", "boolean", "time", "clock", "text", "other"]

WHOLE = (
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "UHUGEINT",
)
WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W\d_a-zA-Z]+")


def kind_of(type_: str) -> Kind:
    """The kind of one of DuckDB's types."""
    if type_ in WHOLE or type_ in ("FLOAT", "DOUBLE") or type_.startswith("DECIMAL"):
        return "number" if not type_.endswith("]") else "other"
    if type_ == "BOOLEAN":
        return "boolean"
    if type_.endswith("]") or type_.startswith(("STRUCT", "MAP", "UNION")):
        return "other"
    if type_ == "DATE" or type_.startswith("TIMESTAMP"):
        return "time"
    if type_.startswith("TIME"):
        return "clock"
    return "text" if type_ in ("VARCHAR", "UUID", "JSON") or type_.startswith("ENUM") else "other"


def is_integer(type_: str) -> bool:
    return type_ in WHOLE or (type_.startswith("DECIMAL") and type_.endswith(",0)"))


@cache
def words(name: str) -> tuple[str, ...]:
    """The words of a column's name, in lower case: `CustomerID`, `customer_id` and `customer id` have the same."""
    return tuple(word.lower() for word in WORD.findall(name) if not word.isdigit())


@cache
def _taken() -> frozenset[str]:
    import ibis

    return frozenset(dir(ibis.expr.types.Table))


def in_ibis(name: str) -> str:
    """A column as an Ibis expression names it: `_.amount`, or `_["odd name"]`."""
    plain = name.isidentifier() and name.isascii() and not keyword.iskeyword(name) and not name.startswith("_")
    return f"_.{name}" if plain and name not in _taken() else f"_[{literal(name)}]"


def literal(text: str) -> str:
    """A text as Python code, in double quotes where that is possible."""
    shown = repr(text)
    return f'"{shown[1:-1]}"' if shown[0] == "'" and '"' not in shown and "\\'" not in shown else shown
