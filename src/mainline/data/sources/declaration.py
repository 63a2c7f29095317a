"""What a source is: the setting of `data.sources.<name>` that chooses it, and a function that collects the table."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.config.extensions import Declarations
from mainline.data.sources.cache import keep

if TYPE_CHECKING:
    from pydantic import BaseModel

    from mainline.data.sources.formats import Files


@dataclass(frozen=True)
class Request:
    """Which table is asked for, and what of it can be left out."""

    table: str
    root: Path  # relative paths are below it
    cache: Path
    until: dt.datetime  # the data cutoff
    timezone: str  # whose midnight a date means
    time: str | None = None  # the column that the cutoff applies to
    before: dt.datetime | None = None  # rows whose time is this or later are not used; they may be left out

    def keep(self, write: Callable[[Path], object], ending: str = ".parquet") -> Path:
        """Have `write` make a file, and keep it in the cache under its digest: a run that reads it sees no change.

        Rows in the same order give the same file, and so the same fingerprint: sort them.
        """
        return keep(self.cache / "sources" / self.table, ending, write)


# From the settings of a source to its files: Parquet, CSV or JSON lines, which their names tell.
Collect = Callable[[Any, Request], "Files | Path | Sequence[Path]"]


@dataclass(frozen=True)
class SourceKind:
    """One kind of source, which `name` among the settings of `data.sources.<name>` chooses."""

    name: str
    collect: Collect
    settings: type[BaseModel] | None  # of a built-in kind they stand in `config/schema.py`
    description: str


SOURCES: Declarations[SourceKind] = Declarations("source")


def source(
    name: str, *, settings: type[BaseModel] | None = None, description: str = ""
) -> Callable[[Collect], Collect]:
    """Register the function below as a kind of source: it collects every table with the setting `name`.

    Parameters
    ----------
    settings
        The settings that it takes, `name` among them: a `mainline.config.schema.Section`.
    """

    def register(function: Collect) -> Collect:
        SOURCES.add(name, SourceKind(name, function, settings, description), function.__module__)
        return function

    return register
