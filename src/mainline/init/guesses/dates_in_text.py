"""Dates that the table does not hold as dates: `2024Q1`, `2024-W05`, ISO dates as text, a spreadsheet's day numbers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from mainline.data.split import quoted
from mainline.init.guesses import names
from mainline.init.guesses.features import SMALL_SET
from mainline.init.guesses.numbers_in_text import first_values
from mainline.init.guesses.table import Context
from mainline.init.kinds import kind_of
from mainline.init.proposal import Column, Use
from mainline.init.value_shapes import MONTH

YEAR = r"(19|20)\d\d"
WRITTEN = (
    rf"{YEAR}[-/ ]?[Qq][1-4]|[Qq][1-4][-/ ]?{YEAR}|{YEAR}[-/ ]?[Ww]\d\d?"
    rf"|{YEAR}[-/.](0?[1-9]|1[0-2])([-/.]\d\d?([ T].*)?)?"
    rf"|{YEAR}(0[1-9]|1[0-2])[0-3]\d[ T].*|\d\d?[./-]\d\d?[./-](\d\d)?\d\d(,? .*)?"
    rf"|\d\d?[ -]{MONTH}[ -](\d\d)?\d\d(,? .*)?|([A-Za-z]{{2,9}},? )?{MONTH} \d\d?,? {YEAR}.*|{MONTH}[ -](\d\d)?\d\d"
)
FEWEST = 3  # different ones
SPREADSHEET = (20_000, 60_000)  # 1954 to 2064, in days since 1899-12-30
DATE_WORDS = frozenset({"date", "datetime", "datum", "fecha", "timestamp"})


def find(context: Context, uses: Mapping[str, Use], *, split_by_time: bool) -> dict[str, str]:
    """Why such columns are no features as they are: the rows to come have values of them that training has not."""
    found: dict[str, str] = {}
    for name, use in uses.items():
        column = context.table.columns[name]
        if use.role not in ("categorical", "numeric", "left out") or column.distinct < FEWEST:
            continue
        if kind_of(column.type) == "text" and use.role != "numeric":
            example = written(context, column)
            if example:
                found[name] = f"a date that is written as text, such as {example}"
        elif use.role == "numeric" and is_spreadsheets(column):
            shown = dt.date(1899, 12, 30) + dt.timedelta(days=int(column.maximum))
            found[name] = f"a day as a spreadsheet counts them: {column.maximum:.0f} is {shown}"
    for name, reason in found.items():
        split = (
            "" if split_by_time else " Is it the rows' time? They are split by a hash until the table has it as a date."
        )
        context.told.ask(
            name,
            f"{name} looks like {reason}: left out, since new rows have values that training has not.{split} Write it "
            "as 2024-01-31 in the file, or as a date in the source's query",
        )
    return found


def written(context: Context, column: Column) -> str | None:
    """One of the dates, if every value is one."""
    known = names.is_calendar(column.name) or names.says(column.name, names.BEFORE | names.AFTER | names.BORN)
    if not known and column.distinct <= SMALL_SET:
        return None  # a few words such as 10-2000 and 11-3000
    value, (example, *_) = f"trim({quoted(column.name)}::VARCHAR)", first_values(context.sample, column.name) or [""]
    if not any(digit.isdigit() for digit in example):
        return None
    rows, dates = context.table.one(f"count({value}), count(*) FILTER (regexp_full_match({value}, '{WRITTEN}'))")
    return example if rows and rows == dates else None


def is_spreadsheets(column: Column) -> bool:
    low, high = SPREADSHEET
    named = names.says(column.name, DATE_WORDS)
    return bool(named and column.distinct >= FEWEST and low <= column.minimum and column.maximum <= high)
