"""What becomes of each column: a numeric feature, a category, or left out with the reason."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

from mainline.init.guesses import names
from mainline.init.guesses.classes import Label
from mainline.init.guesses.table import Table
from mainline.init.guesses.times import Time
from mainline.init.kinds import is_integer, kind_of
from mainline.init.proposal import Column, Use

SENTENCE = 4.0  # words on average: more is free text
LONG = 200  # characters
THOUSANDS = 1000  # different texts: an identifier
ROWS_PER_CATEGORY = 10  # on average
SMALL_SET = 12  # values: categories even where few rows have each
MOST_CODES = 1000  # numbers that are categories by their name
MANY_NUMBERS = 2000  # that are dense and even: an identifier
NEARLY_ALL = 0.995


def guess(
    table: Table, label: Label, key: tuple[str, ...], time: Time | None, elsewhere: Mapping[str, str]
) -> dict[str, Use]:
    """The use of every column; `elsewhere` are the reasons of those that other guesses have left out."""
    found: dict[str, Use] = {}
    for name, column in table.columns.items():
        if name == label.column.name:
            found[name] = Use("label", "what is predicted")
        elif name in key:
            found[name] = Use("key", "identifies a row")
        elif time and name == time.name:
            found[name] = Use("time", "when a row is predicted")
        elif name in elsewhere:
            found[name] = Use("left out", elsewhere[name])
        else:
            found[name] = use_of(column, time)
    return found


def use_of(column: Column, time: Time | None) -> Use:
    kind, there = kind_of(column.type), column.rows - column.missing
    if kind == "other" and there:
        return Use("left out", f"{column.type} is no feature: take it apart in the preparation function")
    if not column.distinct:
        return Use("left out", "no row has a value")
    if column.distinct == 1 and not column.missing:
        return Use("left out", f"constant: {column.top[0][0] if column.top else column.minimum} in every row")
    if column.missing >= NEARLY_ALL * column.rows:
        return Use("left out", f"missing in {column.missing:,} of {column.rows:,} rows")
    if kind in ("time", "clock"):
        return Use("left out", "as it is: only parts of it can be features")
    if kind == "boolean":
        return Use("numeric", "true or false: 1 or 0")
    return of_text(column, there) if kind == "text" else of_number(column, there, time)


def of_text(column: Column, there: int) -> Use:
    distinct = column.distinct
    if column.top and all(is_json(value) for value, _ in column.top):
        return Use("left out", "JSON: take it apart in the preparation function, such as into a column for each key")
    if distinct == there and distinct > SMALL_SET:
        return Use("left out", f"an identifier or free text: each of {distinct:,} texts is different")
    if distinct > SMALL_SET and ((column.words >= SENTENCE and distinct > 0.1 * there) or column.longest > LONG):
        return Use("left out", f"free text: {column.words:.0f} words on average, {distinct:,} different texts")
    if distinct >= THOUSANDS:
        return Use("left out", f"an identifier: {distinct:,} different texts")
    if distinct > SMALL_SET and there < ROWS_PER_CATEGORY * distinct:
        return Use("left out", f"{distinct:,} different texts in {there:,} rows: too few rows each to learn from")
    if distinct > SMALL_SET and names.is_entity(column.name):
        return Use("left out", f"an identifier by its name: {distinct:,} different texts")
    return Use("categorical", f"{distinct:,} different texts")


def is_json(text: str) -> bool:
    """Whether a text is a JSON object or array."""
    if text.strip()[:1] not in ("{", "["):
        return False
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def of_number(column: Column, there: int, time: Time | None) -> Use:
    distinct = column.distinct
    if not (math.isfinite(column.minimum) and math.isfinite(column.maximum)):
        return Use("left out", "infinite in some rows: find the division that made it, and make it null there")
    whole = is_integer(column.type) or column.whole
    if not whole:
        return Use("numeric", "a number")
    if has_word_of_identifier(column) and distinct > SMALL_SET and (distinct > 0.01 * there or distinct > MOST_CODES):
        return Use("left out", f"an identifier by its name: {distinct:,} different whole numbers")
    if has_word_of_identifier(column) and distinct > 2 and there >= ROWS_PER_CATEGORY * distinct:
        return Use("categorical", f"an identifier by its name, of {distinct} things: a category")
    if distinct == column.rows and column.maximum - column.minimum == column.rows - 1 and column.rows > 50:
        return Use("left out", "it counts the rows")
    if is_even(column):
        return Use(
            "left out", f"an identifier: {distinct:,} whole numbers without gaps, each as frequent as the others"
        )
    if names.is_calendar(column.name):
        return Use("numeric", "a part of the calendar")
    is_code = names.says(column.name, names.CODE) and not names.is_identifier(column.name)
    if is_code and 2 < distinct <= MOST_CODES and there >= ROWS_PER_CATEGORY * distinct:
        return Use("categorical", f"a code by its name: {distinct:,} different whole numbers")
    if is_code and distinct > MOST_CODES:
        return Use("numeric", f"a whole number, with too many values ({distinct:,}) for a code")
    return Use("numeric", "a whole number" if distinct > 2 else "one of two numbers")


def has_word_of_identifier(column: Column) -> bool:
    return names.is_identifier(column.name) or names.is_entity(column.name)


def is_even(column: Column) -> bool:
    """Thousands of whole numbers without gaps and without a shape: drawn from a list, not measured."""
    if column.distinct < MANY_NUMBERS or column.mean is None or names.is_calendar(column.name):
        return False
    width = column.maximum - column.minimum + 1
    middle = (column.maximum + column.minimum) / 2
    return bool(column.distinct > 0.95 * width and abs(column.mean - middle) < 0.02 * width)
