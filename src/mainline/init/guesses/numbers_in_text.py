"""Numbers that are text: `$1,234.50`, `180,92 €`, `12 %`, `(30.00)`, `1 234`, `12.5`. The preparation reads them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from mainline.data.split import quoted
from mainline.init.guesses import names
from mainline.init.guesses.table import Context, Table
from mainline.init.kinds import in_ibis, kind_of, literal
from mainline.init.proposal import Column, Derived, Use

BEFORE = r"[$€£¥₹]|EUR|USD|GBP|CHF|JPY|CNY|INR|PLN|SEK|NOK|DKK|CZK|kr|zł"  # a unit stands behind: m12 is a name
SIGN = BEFORE + r"|[%‰]|kg|g|km|m|cm|mm|mi|ft|lb|lbs|l|ml|h|min|s|°C|°F"
DIGITS = r"\d[\d.,'\s\x{00A0}\x{202F}]*"
WRITTEN = rf"[-(]?\s*({BEFORE})?\s*[-(]?{DIGITS}\s*({SIGN})?\s*\)?"
MISSING = r"(?i)|-+|\?|n/?a|#n/a|nan|null|none|nil|missing"
POINT = r"\d+(\.\d+)?|\d{1,3}(,\d{3})+(\.\d+)?"
COMMA = r"\d+(,\d+)?|\d{1,3}(\.\d{3})+(,\d+)?"
SPACE = r"[\s\x{00A0}\x{202F}']"
LONGEST = 40  # characters
FIRST = 20
FEWEST = 3  # different values: fewer are categories
PYTHON = re.compile(WRITTEN.replace(r"\x{00A0}", "\u00a0").replace(r"\x{202F}", "\u202f"))
GROUPED = rf"[-+]?\d{{1,3}}({SPACE}\d{{3}})+([.,]\d+)?"
SIGNLESS = rf"{GROUPED}|[-+]?\d+[.,]\d+([eE][-+]?\d+)?|[-+]?\d{{1,3}}([.,]\d{{3}})+([.,]\d+)?"
FEWEST_SIGNLESS = 13  # different values: a few such as 3.10 and 3.11 are names
MARKED = re.compile(r"[-+]?\d+([.,]\d+)+")
FRACTION = re.compile(r"[-+]?\d+[.,]\d+|[-+]?\d{1,3}([.,]\d{3})+([.,]\d+)?")
Style = Literal["point", "comma"]


def find(context: Context, uses: Mapping[str, Use]) -> tuple[dict[str, str], list[Derived]]:
    """The columns of text that are numbers, with why they are no features as text; and the numbers."""
    reasons: dict[str, str] = {}
    derived: list[Derived] = []
    for name, column in context.table.columns.items():
        if kind_of(column.type) != "text" or name not in uses or uses[name].role not in ("categorical", "left out"):
            continue
        if column.distinct < FEWEST or column.longest > LONGEST:
            continue
        values = [value for value, _ in column.top[:FIRST]] or first_values(context.sample, name)
        if not any(looks(value) or MARKED.fullmatch(value.strip()) for value in values):
            ask_of_digits(context, column)
            continue
        made = f"{name}_number"
        found = style_of(context, column)
        if found is None or made in context.table.columns:
            continue
        style, negative, example = found
        if style is None:
            reasons[name] = f"a number such as {example}, of which the decimal separator is not clear"
            context.told.ask(
                name, f"{name} holds numbers such as {example}: is the separator one of thousands? Left out"
            )
            continue
        reasons[name] = f"text such as {example}: {made} is its number"
        why = f"the number in {name}, which is written as {example}"
        derived.append(Derived(made, expression(name, style, negative), "numeric", why))
    return reasons, derived


def is_amount(table: Table, column: Column) -> bool:
    """Whether a column's first texts are numbers, some with a sign or a fraction: such a column names no row."""
    if kind_of(column.type) != "text" or column.longest > LONGEST:
        return False
    values = [value.strip() for value, _ in column.top] or first_values(table, column.name)
    marked = [bool(FRACTION.fullmatch(value) or looks(value)) for value in values]
    return any(marked) and all(FRACTION.fullmatch(value) or PYTHON.fullmatch(value) for value in values)


def first_values(table: Table, name: str) -> list[str]:
    value = quoted(name)
    return [
        row[0].strip() for row in table.all(f"{value}::VARCHAR", f"WHERE trim({value}::VARCHAR) <> '' LIMIT {FIRST}")
    ]


def looks(value: str) -> bool:
    """A number and a sign in a short text; the table's rows decide."""
    return any(sign.isdigit() for sign in value) and not value.strip().replace(".", "").replace(",", "").isdigit()


def style_of(context: Context, column: Column) -> tuple[Style | None, bool, str] | None:
    """How all values are written, whether some are negative, and one of them; None where they are no such numbers."""
    value = f"trim({quoted(column.name)}::VARCHAR)"
    known = f"({value} IS NOT NULL AND NOT regexp_full_match({value}, '{MISSING}'))"
    bare = f"regexp_replace(regexp_replace({value}, '{escaped(SPACE)}', '', 'g'), '[^0-9.,]', '', 'g')"
    signed = rf"{SIGN}|\("
    every = f"bool_and(regexp_full_match({value}, '{escaped(WRITTEN)}')) FILTER ({known})"
    if not context.sample.one(every)[0]:
        return None  # most columns of text, without a look at all of their rows
    counts: tuple[Any, ...] = context.table.one(
        f"count(*) FILTER ({known}), count(*) FILTER ({known} AND regexp_full_match({value}, '{escaped(WRITTEN)}')), "
        f"count(*) FILTER ({known} AND regexp_full_match({bare}, '{POINT}')), "
        f"count(*) FILTER ({known} AND regexp_full_match({bare}, '{COMMA}')), "
        f"count(*) FILTER ({known} AND regexp_full_match({bare}, '[0-9]+')), "
        f"count(DISTINCT regexp_extract({value}, '{SIGN}')) FILTER ({known}), "
        f"coalesce(bool_or(regexp_matches({value}, '[-(]')) FILTER ({known}), false), "
        f"min({value}) FILTER ({known}), "
        f"coalesce(bool_or(regexp_matches({value}, '{signed}')) FILTER ({known}), false), "
        f"count(*) FILTER ({known} AND regexp_full_match({value}, '{escaped(SIGNLESS)}')), "
        f"count(*) FILTER ({known} AND regexp_full_match({value}, '[-+]?[0-9]+'))"
    )
    rows, written, point, comma, whole, signs, negative, example, has_sign, signless, digits = counts
    if not has_sign and signless and signless + digits == rows and column.distinct >= FEWEST_SIGNLESS:
        has_sign = True  # their marks say that they are numbers
    if not rows or written < rows or not has_sign or signs > 2 or (signs == 2 and not negative):
        return None
    if whole == rows or (point == rows and comma < rows):
        return "point", negative, example
    if comma == rows and point < rows:
        return "comma", negative, example
    return (None, negative, example) if point == rows else None


def ask_of_digits(context: Context, column: Column) -> None:
    """Whole numbers as text are left as they are: a postcode is one, and an age that is text by mistake."""
    if column.distinct < FEWEST_SIGNLESS or column.longest > 9 or names.is_identifier(column.name):
        return
    value = f"trim({quoted(column.name)}::VARCHAR)"
    rows, digits, padded = context.table.one(
        f"count({value}), count(*) FILTER (regexp_full_match({value}, '-?[0-9]+')), "
        f"count(*) FILTER (regexp_full_match({value}, '0[0-9]+'))"
    )
    if rows and digits == rows and not padded and not names.says(column.name, names.CODE):
        context.told.ask(
            column.name,
            f"{column.name} holds whole numbers as text, and text is never read as a number. If it is a measure, "
            "convert it in the source's query or in the preparation",
        )


def escaped(pattern: str) -> str:
    return pattern.replace("'", "''")


def expression(name: str, style: Style, negative: bool) -> str:
    """The Ibis expression of the number; a text without a digit is missing, and one that is no number is refused."""
    column = in_ibis(name)
    kept = "[^0-9.]" if style == "point" else "[^0-9,]"
    text = f"{column}.re_replace({literal(kept)}, {literal('')})"
    if style == "comma":
        text += f".replace({literal(',')}, {literal('.')})"
    number = f"{text}.nullif({literal('')}).cast({literal('float64')})"
    return f"{number} * {column}.re_search({literal('[-(]')}).ifelse(-1, 1)" if negative else number
