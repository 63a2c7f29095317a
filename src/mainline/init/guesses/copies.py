"""Rows that occur twice: on both sides of the split they would be learnt by heart."""

from __future__ import annotations

from collections.abc import Sequence

from mainline.config.schema import CONTENT
from mainline.data.split import quoted
from mainline.init.guesses import key as keys
from mainline.init.guesses.table import Context
from mainline.init.guesses.times import Time
from mainline.init.kinds import kind_of

COINCIDENCE = 20  # times as many combinations of values as rows: below it, equal rows are no wonder
ALLOWED = 0.005  # of the rows: half of what `gates.overlap` allows of the holdout


def keyed(context: Context, by: tuple[str, ...], time: Time | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The key, and the columns that are left out of it since they only count the rows.

    Where rows are equal but for their number, the key is made from their content: all of them are on one side then.
    """
    told, table = context.told, context.table
    alike = rows_alike(context, by)
    if not alike:
        return by, ()
    counter = keys.counter(table, by)
    shown = f"{alike:,} of {table.rows:,} rows are equal to another in every column"
    if time or by == (CONTENT,):
        if alike > ALLOWED * table.rows:
            told.risk(None, f"{shown}{'' if by == (CONTENT,) else ' but the key'}. Is it one thing, written twice?")
        return by, ()
    if counter and not context.wishes.key:
        told.risk(None, f"{shown} but {counter}. The key is made from their content, which keeps them on one side")
        reason = f"{counter} counts the rows, and {alike:,} of them are equal otherwise: equal rows stay on one side"
        told.decide("prepare.key", CONTENT, reason, f"KEY={counter}")
        told.reasons["prepare", "key"] = reason
        told.reasons["prepare", "key_columns"] = f"all but {counter}, which counts the rows, and the label"
        return (CONTENT,), (counter,)
    if alike > ALLOWED * table.rows:
        told.leak(
            None,
            f"{shown} but the key: copies on both sides of the split are learnt by heart, and gates.overlap refuses "
            "more than 1 % of them. Remove them, or find out what they are",
        )
    return by, ()


def rows_alike(context: Context, but: Sequence[str]) -> int:
    """Rows that are equal to an earlier one in all columns `but` some, where that can hardly be chance."""
    table = context.table
    listed = [name for name in table.columns if name not in but and kind_of(table.columns[name].type) != "other"]
    combinations = 1.0
    for name in listed:
        combinations *= max(1, table.columns[name].distinct)
    if not listed or combinations < COINCIDENCE * table.rows:
        return 0
    different = "hash(" + ", ".join(map(quoted, listed)) + ")"
    (count,) = table.one(f"count(DISTINCT {different})")
    return table.rows - int(count)
