"""Find out how a CSV file is written: encoding, separator, header, numbers, dates."""

from __future__ import annotations

import codecs
import gzip
import re
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from mainline.data.sources.duckdb_scan import Layout, connect, raw_sql
from mainline.data.sources.encoding import in_utf8
from mainline.data.sources.formats import Files
from mainline.data.sources.text_files import delimiter_of, header_names
from mainline.errors import DataError
from mainline.init import date_style, number_style
from mainline.init.dialect import Dialect
from mainline.init.proposal import Decision, Finding
from mainline.init.value_shapes import Text, column_shapes

CHUNK = 1 << 20
MARKS = {"\t": "a tab", ",": "a comma", ";": "a semicolon", "|": "a bar"}


def sniff(table: str, path: Path, cache: Path) -> Dialect:
    """The dialect of a CSV file.

    Raises
    ------
    DataError
        Where the file has no header, or is in no encoding that can be told.
    """
    found = Dialect()
    encoding = encoding_of(path)
    if encoding:
        found.decide(table, "encoding", encoding, encoding, "some bytes are no UTF-8")
        in_two_encodings(found, path, encoding)
    files = Files(table, [path], "csv", {path: path.name})
    if encoding:
        files = in_utf8(files, encoding, cache)
    (readable,) = files.paths
    delimiter = delimiter_of(readable)
    columns = header(readable, delimiter, path.name)
    if delimiter != ",":
        mark = MARKS.get(delimiter, delimiter)
        found.decisions.append(
            Decision(
                f"data.sources.{table}", f"columns end at {mark}", "most frequent in the header", "rewrite the file"
            )
        )
    given = as_text(files, columns, delimiter)
    number_style.numbers(found, table, given)
    date_style.dates(found, table, given, delimiter)
    return found


def encoding_of(path: Path) -> str | None:
    """None for UTF-8; else the encoding: by its byte order mark, or Windows' Latin-1, in which every text is one."""
    with opened(path) as file:
        start = file.read(4)
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        decoder = codecs.getincrementaldecoder("utf-8")()
        file.seek(0)
        try:
            while chunk := file.read(CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            pass
        else:
            return None
        file.seek(0)
        undefined = bytes([0x81, 0x8D, 0x8F, 0x90, 0x9D])  # of cp1252
        return (
            "latin-1" if any(set(undefined) & set(chunk) for chunk in iter(lambda: file.read(CHUNK), b"")) else "cp1252"
        )


def in_two_encodings(found: Dialect, path: Path, encoding: str) -> None:
    """Lines of one file that are UTF-8 and lines that are not: the former are read wrong."""
    if encoding.startswith("utf"):
        return
    counts = {True: 0, False: 0}
    with opened(path) as file:
        for line in file:
            if not line.isascii():
                counts[is_utf8(line)] += 1
    if counts[True]:
        found.findings.append(
            Finding(
                "risk", None,
                f"{path.name} is written in two encodings: {counts[True]:,} lines are UTF-8 and {counts[False]:,} are "
                f"not. All are read as {encoding}, which spells the former otherwise. Write the file in one",
            )
        )  # fmt: skip


def is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def opened(path: Path) -> IO[bytes]:
    return gzip.open(path) if path.suffix == ".gz" else open(path, "rb")  # type: ignore[return-value]


def header(path: Path, delimiter: str, shown: str) -> list[str]:
    """The column names of the first line.

    Raises
    ------
    DataError
        Where a column has no name that can be used, two have the same, or the first line holds values.
    """
    with opened(path) as file:
        line = file.readline(CHUNK).decode("utf-8-sig", errors="replace").rstrip("\r\n")
    names = header_names(line, delimiter, shown)
    if len(names) < 2:
        raise DataError(
            f"FILE: {shown} has a single column, {line[:60]!r}: columns end at a comma, semicolon, tab or bar, and "
            "the first line has their names"
        )
    if all(re.fullmatch(r"\s*[-+]?[\d.,]+(e[-+]?\d+)?\s*|\s*", one, re.IGNORECASE) for one in names) and any(names):
        raise DataError(
            f"FILE: {shown} has no header: its first line holds numbers ({line[:60]}); write the column names above it"
        )
    seen: dict[str, int] = {}
    for place, one in enumerate(names, 1):
        if one and one.lower() in seen:
            raise DataError(
                f"FILE: {shown}: columns {seen[one.lower()]} and {place} are both named {one}: rename one of them"
            )
        seen[one.lower()] = place
    return names


def as_text(files: Files, columns: Sequence[str], delimiter: str) -> Text:
    """The file with every value as it is written."""
    # The names that DuckDB gives to nameless columns do not matter here: it reads by place.
    named = [one or f"column{place}" for place, one in enumerate(columns)]
    con = connect()
    rows = raw_sql(files.paths, named, Layout("csv", dict.fromkeys(named, "VARCHAR"), delimiter))
    return Text(con, files, rows, column_shapes(con, files, rows, named))
