"""How a text file writes dates that are not ISO 8601: day first or month first."""

from __future__ import annotations

from collections.abc import Sequence

from mainline.data.sources.duckdb_scan import name, run, text
from mainline.init.dialect import Dialect
from mainline.init.proposal import Finding
from mainline.init.value_shapes import MISSING, Text, listed

DAYS = (
    "%d.%m.%Y", "%d/%m/%Y", "%d-%m-%Y", "%m/%d/%Y", "%m-%d-%Y",
    "%d %b %Y", "%d-%b-%Y", "%b %d, %Y", "%d %B %Y", "%d-%B-%Y", "%B %d, %Y",
    "%d.%m.%y", "%d/%m/%y", "%d-%m-%y", "%m/%d/%y", "%m-%d-%y", "%y-%m-%d", "%d-%b-%y",
    "%Y-%m", "%Y/%m", "%m/%Y", "%m.%Y", "%b %Y", "%b-%Y", "%B %Y", "%b-%y",
)  # fmt: skip
TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", ", %H:%M", ", %H:%M:%S")
YEARS = (1000, 3000)  # `1/4711` is no month


def dates(found: Dialect, table: str, given: Text, delimiter: str) -> None:
    """Set the format of the dates; where day and month could be either, say why one was taken."""
    readings = {
        c: read for c, s in given.shapes.items() if s.values and s.dated == s.values if (read := formats(given, c))
    }
    if not readings:
        return
    certain = {day_of(read[0]) for read in readings.values() if len(read) == 1}
    kinds = {time_of(read[0]) for read in readings.values()}
    if len(kinds) > 1 and all(len(read) == 1 for read in readings.values()):
        return  # dates and times, each certain: they are inferred
    column, read = next(iter(readings.items()))
    decided = [one for one in read if day_of(one) in certain]  # what leaves no doubt decides for the others
    if len(read) == 1 or len(decided) == 1:
        format, reason = (decided or read)[0], f"{listed(list(readings))}: no other reading fits all values"
    else:
        format, reason, sure = chosen(found, given, column, read, delimiter)
        if not sure:
            question = f"{column} can be read day first or month first: {format} was taken ({reason}). Is that right?"
            found.findings.append(Finding("question", column, question))
    found.decide(table, "date_format", format, format, reason)
    others = [c for c, one in readings.items() if time_of(one[0]) != time_of(format)]
    if others:
        types = {**found.settings.get("types", {}), **dict.fromkeys(others, "VARCHAR")}
        found.decide(table, "types", types, "text", f"{listed(others)}: dates written otherwise than {format}")


def formats(given: Text, column: str) -> list[str]:
    """The formats that fit every value."""
    for time in TIMES:
        fitting = parsing(given, column, [day + time for day in DAYS])
        if fitting:
            return fitting
    return []


def chosen(found: Dialect, given: Text, column: str, read: Sequence[str], delimiter: str) -> tuple[str, str, bool]:
    """One of two formats that fit, why, and whether that is sure."""
    ordered = [one for one in read if in_order(given, column, one)]
    if len(ordered) == 1:
        return ordered[0], f"{column}: read so, the rows are in order", True
    if any("%y" in one for one in read):
        narrow = min(read, key=lambda one: years(given, column, one))
        return narrow, "so they lie in the fewest years", False
    european = delimiter == ";" or found.settings.get("decimal") == ","
    first = "%d" if european else "%m"
    why = "semicolons or decimal commas: a European file" if european else "no value says which"
    return next((one for one in read if one.startswith(first)), read[0]), why, False


def parsing(given: Text, column: str, formats: Sequence[str]) -> list[str]:
    """The formats by which every value is a date, in one scan; `%Y` has four digits, which DuckDB does not ask for."""
    missing = "[" + ", ".join(map(text, ("", *MISSING))) + "]"
    value = f"trim({name(column)})"
    known = f"{name(column)} IS NOT NULL AND NOT list_contains({missing}, {value})"
    fits = []
    for format in formats:
        moment = f"try_strptime({value}, {text(format)})"
        long = f"regexp_matches({value}, '\\d{{4}}')"
        year = long if "%Y" in format else f"NOT {long}"
        fit = f"{year} AND year({moment}) > {YEARS[0]} AND year({moment}) < {YEARS[1]}"
        fits.append(f"coalesce(bool_and(coalesce({fit}, false)), false)")
    (found,) = run(given.con, given.files, f"SELECT {', '.join(fits)} FROM {given.rows} WHERE {known}")
    return [format for format, fit in zip(formats, found, strict=True) if fit]


def in_order(given: Text, column: str, format: str) -> bool:
    moment = f"try_strptime({name(column)}, {text(format)})"
    steps = f"SELECT {moment} AS now, lag({moment}) OVER () AS before FROM {given.rows}"
    sql = f"SELECT coalesce(bool_and(now >= before), true) FROM ({steps}) WHERE before IS NOT NULL"
    return bool(run(given.con, given.files, sql)[0][0])


def years(given: Text, column: str, format: str) -> int:
    sql = f"SELECT count(DISTINCT year(try_strptime({name(column)}, {text(format)}))) FROM {given.rows}"
    return int(run(given.con, given.files, sql)[0][0])


def day_of(format: str) -> str:
    return format.removesuffix(time_of(format))


def time_of(format: str) -> str:
    return next((time for time in TIMES[1:] if format.endswith(time)), "")
