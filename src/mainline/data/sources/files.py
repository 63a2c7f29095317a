"""Tables that are files: a path, a glob or a URL; Parquet, CSV or JSON lines."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from mainline.data.sources import excel, links, partitions, tfrecord
from mainline.data.sources.cache import keep
from mainline.data.sources.declaration import Request, source
from mainline.data.sources.formats import Files, Format, Reading, format_of, one_format
from mainline.errors import ConfigurationError, DataError
from mainline.runtime.file_digests import expand

if TYPE_CHECKING:
    from mainline.config.schema import Source

How = TypeVar("How")  # what is to be known of the files of a kind


@source("path")
def collect(settings: Source, request: Request) -> Files:
    path = settings.path or ""
    if excel.is_workbook(path):
        return converted("excel", path, request, excel.write_parquet, settings.sheet)
    if settings.sheet is not None:
        raise ConfigurationError(f"data.sources.{request.table}.sheet: {path} is no Excel or OpenDocument file")
    if tfrecord.is_tfrecord(path):
        return converted("tfrecord", path, request, tfrecord.write_parquet, settings.types)
    if "://" in path:
        from mainline.data.sources.remote import remote_files

        return remote_files(request.table, path, settings.file_format, request.cache)
    return local_files(request.table, path, settings.file_format, request.root)


def converted(kind: str, path: str, request: Request, write: Callable[[Path, str, How, Path], None], how: How) -> Files:
    """Files that DuckDB does not read, such as workbooks: a Parquet file of each is kept in the cache and read instead.

    `write` is given a file, how to name it in a message, `how`, and the place of the Parquet file.
    """
    name = {"excel": "a workbook is", "tfrecord": "TFRecord files are"}[kind]
    if "://" in path:
        raise ConfigurationError(f"data.sources.{request.table}.path: {path}: {name} read from this checkout only")
    found = local_files(request.table, path, "parquet", request.root)
    origins = {}
    for one in found.paths:
        kept = request.cache / kind / request.table / one.name
        origins[keep(kept, ".parquet", partial(write, one, found.origin(one), how))] = found.origins[one]
    return Files(request.table, list(origins), "parquet", origins, found.reading, typed=kind == "tfrecord")


def files_of(table: str, found: Path | Sequence[Path]) -> Files:
    """The files that a project's own source has collected.

    Raises
    ------
    DataError
        Where there is none, or one of them does not exist.
    """
    paths = [found] if isinstance(found, Path) else [Path(path) for path in found]
    gone = [path for path in paths if not path.is_file()]
    if gone or not paths:
        raise DataError(f"data.sources.{table}: its source collected {gone[0] if gone else 'no file'}, not a file")
    names = {path: path.name for path in paths}
    return Files(table, paths, one_format(table, list(names.values())), names)


def local_files(table: str, path: str, format: Format | None, root: Path) -> Files:
    """The files below `root` (or anywhere, for an absolute path) that a path or glob names.

    Raises
    ------
    DataError
        Where there is none; the nearest that exists is named.
    ConfigurationError
        Where the path is a folder, or the format cannot be told from the names.
    """
    paths = expand(path, root)
    if not paths and (root / path).is_dir():
        raise ConfigurationError(
            f"data.sources.{table}.path: {path} is a folder: name its files, such as {in_folder(path, root)}"
        )
    links.check(table, path, root, paths)
    if not paths:
        raise DataError(f"data.sources.{table}.path: no file matches {path}{nearest(path, root)}")
    origins = {found: os.path.relpath(found, root) if found.is_relative_to(root) else str(found) for found in paths}
    kind = format or one_format(table, [str(found) for found in paths])
    # A folder that the path itself names is the same for all files: only those that it leaves open are partitions.
    fixed = (root / re.split(r"[*?\[]", path)[0]).parent if re.search(r"[*?\[]", path) else root / path
    below = [found.relative_to(fixed) if found.is_relative_to(fixed) else Path(found.name) for found in paths]
    return Files(table, paths, kind, origins, Reading(partitions=partitions.types_of(below)))


def in_folder(path: str, root: Path) -> str:
    """A glob for the files that are in a folder, or in the folders below it."""
    below = [file for file in sorted((root / path).rglob("*")) if file.is_file() and format_of(file.name)]
    ending = "".join(below[0].suffixes[-2:]) if below and below[0].suffix == ".gz" else below[0].suffix if below else ""
    deep = "**/" if below and below[0].parent != root / path else ""
    return f"{path.rstrip('/')}/{deep}*{ending or '.parquet'}"


def nearest(path: str, root: Path) -> str:
    """The existing file with the most similar name, as the end of a sentence; empty where none is similar."""
    folder = (root / re.split(r"[*?\[]", path)[0]).parent
    while not folder.is_dir():
        folder = folder.parent
    there = [os.path.relpath(found, root) for depth in ("*", "*/*") for found in expand(depth, folder)]
    near = difflib.get_close_matches(path, there, n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else f" (looked in {os.path.relpath(folder, root)})"
