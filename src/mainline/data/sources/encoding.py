"""Text files in another encoding than UTF-8: a copy in UTF-8 is kept in the cache, and read instead."""

from __future__ import annotations

import codecs
import dataclasses
import gzip
import shutil
from pathlib import Path

from mainline.data.sources import partitions
from mainline.data.sources.cache import keep
from mainline.data.sources.formats import Files
from mainline.errors import ConfigurationError, DataError


def in_utf8(files: Files, encoding: str, cache: Path) -> Files:
    """The files as UTF-8; raises DataError with the line of a byte that the encoding does not have."""
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise ConfigurationError(
            f"data.sources.{files.table}.encoding: there is no {encoding}; use one such as cp1252, latin-1 or utf-16"
        ) from None
    # Below folders of the same names: some of the columns may stand there.
    names = {path: partitions.folders(path, files.reading.partitions) / path.name for path in files.paths}
    copies = {path: _copy(files, path, encoding, cache / "utf-8" / files.table / names[path]) for path in files.paths}
    origins = {copy: files.origins[path] for path, copy in copies.items()}
    return dataclasses.replace(files, paths=list(copies.values()), origins=origins)


def _copy(files: Files, path: Path, encoding: str, folder: Path) -> Path:
    def write(part: Path) -> None:
        with _open(path, encoding) as given, open(part, "w", encoding="utf-8", newline="") as made:
            shutil.copyfileobj(given, made)

    ending = ".csv" if files.format == "csv" else ".jsonl"
    try:
        return keep(folder, ending, write)
    except UnicodeError as error:
        raise DataError(f"{files.origin(path)}, line {_line(path, encoding)}: not {encoding}: {error}") from None


def _open(path: Path, encoding: str):  # type: ignore[no-untyped-def]
    open_ = gzip.open if path.suffix == ".gz" else open
    return open_(path, "rt", encoding=encoding, newline="")


def _line(path: Path, encoding: str) -> int:
    with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as file:
        content = file.read()
    try:
        content.decode(encoding)
    except UnicodeDecodeError as error:
        return content[: error.start].count(b"\n") + 1
    return 1
