"""Bring the table in: where it is, how it is written, and its rows as they will be read from now on."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mainline.config.schema import Data
from mainline.data.collect import Collected, collect
from mainline.data.sources.formats import format_of
from mainline.errors import ConfigurationError
from mainline.init import hidden_time
from mainline.init.dialect import Dialect
from mainline.init.hidden_time import HiddenTime
from mainline.init.origin import RAW, VARIABLE, Origin, find
from mainline.init.proposal import Decision, Finding, Wishes
from mainline.init.sniff import sniff
from mainline.runtime.file_digests import expand
from mainline.runtime.workspace import Workspace

RAGGED = (
    "Each row needs as many values as the header has names: look for text above or below the table, for a value with "
    "an unquoted separator, and for a quote that is not closed"
)
FAR = dt.date(9999, 1, 1)  # no row lies behind it


@dataclass(frozen=True)
class Reading:
    """The tables, in the order of `FILE` and `LABELS`, with what params.yaml will say of their sources."""

    tables: Mapping[str, Collected]
    sources: Mapping[str, Mapping[str, Any]]
    decisions: tuple[Decision, ...]
    findings: tuple[Finding, ...]
    brought: Mapping[Path, Path]  # below the root: where the file waits that goes there
    hidden: HiddenTime | None = None  # of the rows: their time is computed


def read(wishes: Wishes, workspace: Workspace, *, database: str = VARIABLE) -> Reading:
    """The tables that the person named.

    Raises
    ------
    ConfigurationError
        Where a file is not there, or of no kind that can be read.
    DataError
        Where a file is no table, or broken: it is named, with the line or the column.
    ExternalError
        Where a server cannot be reached.
    """
    root, waiting = workspace.root, folder(workspace)
    shutil.rmtree(waiting, ignore_errors=True)
    origins = [find(wishes.file, root, table=None, database=database)]
    if wishes.labels:
        second = find(wishes.labels, root, database=database)
        same = second.table == origins[0].table
        origins.append(find(wishes.labels, root, table=f"{second.table}_labels") if same else second)
    tables: dict[str, Collected] = {}
    sources: dict[str, Mapping[str, Any]] = {}
    decisions: list[Decision] = []
    findings: list[Finding] = []
    brought: dict[Path, Path] = {}
    hidden: HiddenTime | None = None
    for origin in origins:
        moved = bring(origin, root, waiting)
        brought |= moved
        dialect = dialect_of(origin, root, waiting, moved, workspace.cache)
        source = {**origin.source, **dialect.settings}

        found = collected(origin.table, waited(source, moved, root, waiting), workspace)
        decisions += [*origin.decisions, *dialect.decisions]
        if origin is origins[0] and "path" in source:
            hidden = hidden_time.find(found[origin.table], wishes)
        if hidden and origin is origins[0]:
            source = {**source, **hidden.settings}
            found = collected(origin.table, waited(source, moved, root, waiting), workspace)
            decisions.append(hidden.decision)
        tables |= found
        sources[origin.table] = source
        findings += dialect.findings
    return Reading(tables, sources, tuple(decisions), tuple(findings), brought, hidden)


def collected(table: str, source: Mapping[str, Any], workspace: Workspace) -> dict[str, Collected]:
    data = Data.model_validate({"until": FAR, "sources": {table: source}})
    return collect(data, workspace.root, workspace.cache)


def folder(workspace: Workspace) -> Path:
    """Where files wait until everything about them is known."""
    return workspace.state / "brought"


def bring(origin: Origin, root: Path, waiting: Path) -> dict[Path, Path]:
    """Copy or write the origin's files to where they wait; by their place below the root."""
    moved = {}
    for target, what in origin.brought.items():
        place = waiting / target.relative_to(RAW)
        place.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(what, Path):
            shutil.copyfile(what, place)  # a link would change with the original
        else:
            what(place)
        if (root / target).exists() and not same_file(root / target, place):
            raise ConfigurationError(f"{target} is there already, with other content: rename one of them, or remove it")
        moved[target] = place
    return moved


def same_file(one: Path, other: Path) -> bool:
    import filecmp

    return filecmp.cmp(one, other, shallow=False)


def dialect_of(origin: Origin, root: Path, waiting: Path, moved: Mapping[Path, Path], cache: Path) -> Dialect:
    path = str(origin.source.get("path", ""))
    if "://" in path or not path or (origin.source.get("format") or format_of(path)) != "csv":
        return Dialect()
    files = list(moved.values()) or expand(path, root)
    return sniff(origin.table, files[0], cache) if files else Dialect()


def waited(source: Mapping[str, Any], moved: Mapping[Path, Path], root: Path, waiting: Path) -> dict[str, Any]:
    """The source with its path where the files wait."""
    if not moved:
        return dict(source)
    below = Path(os.path.relpath(waiting, root))
    return {**source, "path": (below / Path(source["path"]).relative_to(RAW)).as_posix()}


def shown(error_text: str, workspace: Workspace) -> str:
    """A message about a waiting file, in terms of the file that the person named: no params.yaml names it yet."""
    waiting = Path(os.path.relpath(folder(workspace), workspace.root)).as_posix()
    text = re.sub(r"^data\.sources\.\w+: ", "", error_text.replace(waiting, RAW.as_posix()))
    return f"{text.rstrip('.')}. {RAGGED}" if "Expected Number of Columns" in text else text


@contextlib.contextmanager
def placed(reading: Reading, root: Path) -> Iterator[None]:
    """Move the waiting files to their places; those that this brought are removed again where the block fails."""
    made: list[Path] = []
    folders: list[Path] = []
    try:
        for target, place in reading.brought.items():
            there = root / target
            if not there.exists():
                missing = [parent for parent in there.parents if not parent.exists()]
                there.parent.mkdir(parents=True, exist_ok=True)
                folders += missing
                made.append(there)
                shutil.copyfile(place, there)
        yield
    except BaseException:
        for path in made:
            path.unlink(missing_ok=True)
        for path in sorted(folders, key=lambda one: len(one.parts), reverse=True):
            with contextlib.suppress(OSError):
                path.rmdir()
        raise
