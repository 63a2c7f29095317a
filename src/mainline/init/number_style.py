"""How a text file writes numbers: decimal and thousands separators, and words that mean a missing one."""

from __future__ import annotations

from mainline.data.sources.duckdb_scan import name
from mainline.data.sources.duckdb_scan import text as text_of
from mainline.init.dialect import Dialect
from mainline.init.proposal import Finding
from mainline.init.value_shapes import ALWAYS_MISSING, COMMA, COMMAS, MISSING, NUMBER, POINTS, Text, listed

FEW_ODD = 0.02  # of the values of a column: more are no slip


def numbers(found: Dialect, table: str, given: Text) -> None:
    """Set the separators, and the words for a missing value, where the columns leave no doubt."""
    separators(found, table, given)
    missing_words(found, table, given)
    odd_words(found, table, given)


def separators(found: Dialect, table: str, given: Text) -> None:
    columns = {c: s for c, s in given.shapes.items() if s.values and not s.numeric}
    comma = [c for c, s in columns.items() if s.comma + s.points == s.values]  # 17,2 and 1.234,50
    grouped = [c for c, s in columns.items() if s.commas and s.commas + s.number == s.values]  # 1,234.50
    decimals = [c for c in comma if c not in grouped]
    thousands = [c for c in grouped if c not in comma]
    pointed = [c for c, s in given.shapes.items() if s.numeric and has_fractions(given, c)]
    if decimals and not thousands and not pointed:
        found.decide(table, "decimal", ",", "a decimal comma", f"{listed(comma)}: every value is a number with one")
        pointed = [c for c in comma if columns[c].points]
        if pointed:
            why = f"{listed(pointed)}: values such as 1.234,50"
            found.decide(table, "thousands", ".", "a point between thousands", why)
        found.as_numbers(pointed)
    elif thousands or (grouped and not decimals):
        why = f"{listed(grouped)}: three digits follow every comma"
        found.decide(table, "thousands", ",", "a comma between thousands", why)
        found.as_numbers(grouped)
    elif decimals:
        others = listed([*thousands, *pointed])
        text = f"{listed(decimals)} has decimal commas, {others} decimal points: {listed(decimals)} is read as text"
        found.findings.append(Finding("risk", decimals[0], f"{text}. Write the file in one way"))


def missing_words(found: Dialect, table: str, given: Text) -> None:
    """An empty cell is missing without a setting; a word is, where all other values are numbers or dates."""
    numeric = [c for c, s in given.shapes.items() if s.values and (s.looks_numeric or s.dated == s.values)]
    words = sorted({word for c in numeric for word in given.shapes[c].words})
    words += [w for w in ALWAYS_MISSING if w not in words and any(w in s.words for s in given.shapes.values())]
    if words:
        where = [c for c, s in given.shapes.items() if set(s.words) & set(words)]
        found.decide(table, "null_values", words, f"{', '.join(words)} means missing", f"in {listed(where)}")


def odd_words(found: Dialect, table: str, given: Text) -> None:
    """Say that a column of numbers is read as text because of a few other values, such as a row of totals."""
    for column, shape in given.shapes.items():
        numbers = max(shape.number, shape.comma + shape.points, shape.commas + shape.number)
        odd = shape.values - numbers
        if not odd or odd > FEW_ODD * shape.values:
            continue
        value = f"trim({name(column)})"
        missing = ", ".join(map(text_of, MISSING))
        known = f"{value} <> '' AND NOT list_contains([{missing}], {value})"
        other = given.first(value, f"{known} AND NOT regexp_full_match({value}, '{NUMBER}|{POINTS}|{COMMAS}|{COMMA}')")
        rows = f"{odd:,} row{'s' if odd > 1 else ''}"
        text = (
            f"{column} is a number in {numbers:,} rows and something else in {rows}, such as {other!r}: all of it is "
            f"read as text. Remove the row, or name the value in data.sources.{table}.null_values if it means missing"
        )
        found.findings.append(Finding("risk", column, text))


def has_fractions(given: Text, column: str) -> bool:
    """Whether a column of numbers has decimal points: more than `1.234`, which may be a thousand."""
    value = f"trim({name(column)})"
    return not given.holds(f"NOT contains({value}, '.') OR regexp_full_match({value}, '{POINTS}')")
