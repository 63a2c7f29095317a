"""A row's side of the split: by time, or by a stable hash of its key. It never changes between two commits."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from mainline.config.schema import CONTENT_KEY, Settings, Span

ROW_ID = "row_id"
SEPARATOR = "\x1f"


@dataclass(frozen=True)
class Sides:
    """SQL conditions over the prepared frame; `start` and `end` are the holdout's where it is one of time."""

    train: str
    holdout: str
    start: dt.datetime | None
    end: dt.datetime | None


def row_id_sql(key: list[str]) -> str:
    """64 bits of the MD5 of the key's values as text: the same on every machine and in every version.

    Rows of equal content follow each other in a key that is made from it: all of them are on one side of the split.
    """
    if key == [CONTENT_KEY]:
        digest, number = (f"split_part({quoted(CONTENT_KEY)}, '-', {part})" for part in (1, 2))
        follows = f"coalesce(TRY_CAST({number} AS HUGEINT) - 1, 0)"
        return f"((md5_number_lower({digest})::HUGEINT + {follows}) % {2**64})::UBIGINT"
    values = ", ".join(f"coalesce({quoted(column)}::VARCHAR, '')" for column in key)
    return f"md5_number_lower(concat_ws('{SEPARATOR}', {values}))"


def sides(settings: Settings) -> Sides:
    """Where the prepared frame is split into training and holdout rows."""
    holdout = settings.split.holdout
    if isinstance(holdout, Span):
        assert settings.prepare.time  # settings refuse a split by time without it
        end = settings.data.cutoff
        start = holdout.before(end)
        before = before_sql(settings, start)
        return Sides(before, f"NOT ({before})", start, end)
    condition = f"{place_sql(settings.split.group)} < {int(holdout * 2**64)}::UBIGINT"
    return Sides(f"NOT ({condition})", condition, None, None)


def before_sql(settings: Settings, moment: dt.datetime) -> str:
    """SQL that says whether a row lies before the moment."""
    # In UTC a date is compared as its midnight there, and Parquet's statistics can be used.
    time = quoted(settings.prepare.time or "") if settings.data.timezone == "UTC" else moment_sql(settings)
    return f"{time} < TIMESTAMPTZ '{moment.isoformat()}'"


def place_sql(group: str | None) -> str:
    """64 bits that place a row on a side: its id, or those of its group; a row without a group stands for itself."""
    if group is None:
        return ROW_ID
    return f"CASE WHEN {quoted(group)} IS NULL THEN {ROW_ID} ELSE md5_number_lower({quoted(group)}::VARCHAR) END"


def moment_sql(settings: Settings, table: str = "") -> str:
    """SQL for the moment of a row's `prepare.time`: a date begins at midnight in `data.timezone`."""
    time, zone = f"{table}{quoted(settings.prepare.time or '')}", settings.data.timezone
    return f"(CASE typeof({time}) WHEN 'DATE' THEN timezone('{zone}', {time}::TIMESTAMP) ELSE {time}::TIMESTAMPTZ END)"


def quoted(name: str) -> str:
    """A column's name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'
