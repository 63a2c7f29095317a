"""A table's time that is computed: from seconds since 1970, or from columns of the year, the month and the day."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mainline.errors import ConfigurationError

if TYPE_CHECKING:
    from mainline.config.sources import Source

PER_SECOND = {"seconds": 1, "milliseconds": 1_000}


@dataclass(frozen=True)
class ComputedTime:
    """The setting `time_from`: what each column is, such as `{"seconds": "created"}`, and the name of the result."""

    name: str
    parts: Mapping[str, str]

    @property
    def type(self) -> str:
        """DuckDB's: a moment, or a day."""
        return "DATE" if {"year", "yyyymmdd"} & self.parts.keys() else "TIMESTAMP WITH TIME ZONE"

    @property
    def sql(self) -> str:
        """NULL where the columns are no time, which the data cutoff then refuses."""
        for unit, each in PER_SECOND.items():
            if unit in self.parts:
                return f"to_timestamp(TRY_CAST({quoted(self.parts[unit])} AS DOUBLE) / {each})"
        if "yyyymmdd" in self.parts:
            return f"try_strptime(TRY_CAST({quoted(self.parts['yyyymmdd'])} AS BIGINT)::VARCHAR, '%Y%m%d')::DATE"
        year, month, day = (
            f"TRY_CAST({quoted(self.parts[part])} AS INTEGER)" if part in self.parts else "1"
            for part in ("year", "month", "day")
        )
        return f"TRY_CAST({year} || '-' || {month} || '-' || {day} AS DATE)"

    def check(self, table: str, columns: Mapping[str, str]) -> None:
        """Refuse columns that the table does not have, and a name that it has."""
        where = f"data.sources.{table}"
        for part, column in self.parts.items():
            if column not in columns:
                near = difflib.get_close_matches(column, columns, n=1)
                said = f"did you mean {near[0]}?" if near else f"there are {', '.join(columns)}"
                raise ConfigurationError(f"{where}.time_from.{part}: there is no column {column}: {said}")
        if self.name in columns:
            raise ConfigurationError(
                f"{where}.time: the table has a column {self.name}: the time that time_from makes needs another name"
            )


def of_source(source: Source) -> ComputedTime | None:
    if source.time_from is None or source.time is None:
        return None
    return ComputedTime(source.time, source.time_from.model_dump(exclude_none=True))


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
