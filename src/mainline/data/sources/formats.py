"""The files of one table, and their format as their names say it: Parquet, CSV or JSON lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import urlsplit

from mainline.data.messages import Messages
from mainline.data.sources.computed_time import ComputedTime
from mainline.errors import ConfigurationError

Format = Literal["parquet", "csv", "jsonl"]

ENDINGS: dict[str, Format] = {
    ".parquet": "parquet", ".pq": "parquet",
    ".csv": "csv", ".tsv": "csv", ".csv.gz": "csv", ".tsv.gz": "csv",
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".jsonl.gz": "jsonl", ".ndjson.gz": "jsonl",
}  # fmt: skip


@dataclass(frozen=True)
class Reading:
    """How the values of text files are written, where it is not as DuckDB expects."""

    types: Mapping[str, str] = field(default_factory=dict)  # name: DuckDB's type, as params.yaml sets it
    date_format: str | None = None
    timestamp_format: str | None = None
    decimal: str = "."
    thousands: str | None = None
    null_values: list[str] = field(default_factory=list)
    partitions: Mapping[str, str] = field(default_factory=dict)  # columns in the folders' names, with their types
    computed: Mapping[str, str] = field(default_factory=dict)  # columns that no file has, with the SQL of each


@dataclass(frozen=True)
class Files:
    """One table's files on this machine, in the order of their names at the source."""

    table: str
    paths: list[Path]
    format: Format
    origins: dict[Path, str]  # what a reader knows each file by: its path below the root, or its URL
    reading: Reading = field(default_factory=Reading)
    typed: bool = False  # the setting `types` is in the files already
    time_from: ComputedTime | None = None
    messages: Messages | None = None  # of a stream: what was read of it

    def origin(self, path: Path) -> str:
        return f"data.sources.{self.table}: {self.origins.get(path, path)}"


def one_format(table: str, names: list[str]) -> Format:
    """The format that all names end in."""
    found: set[Format] = set()
    for name in names:
        known = format_of(name)
        if known is None:
            raise ConfigurationError(
                f"data.sources.{table}: the format of {name} is not clear from its name; "
                f"add `format:` ({', '.join(get_args(Format))})"
            )
        found.add(known)
    if len(found) > 1:
        several = " and ".join(sorted(found))
        raise ConfigurationError(f"data.sources.{table}: the files have several formats ({several}): use one")
    return found.pop()


def format_of(name: str) -> Format | None:
    path = urlsplit(name).path.lower() if "://" in name else name.lower()
    return next((found for ending, found in ENDINGS.items() if path.endswith(ending)), None)
