"""Numbers that stand for a missing value, such as -999: a model takes them for measurements."""

from __future__ import annotations

from collections.abc import Mapping

from mainline.data.split import quoted
from mainline.init.guesses.table import Context
from mainline.init.kinds import kind_of
from mainline.init.proposal import Use

NINES = ("9", "99", "999", "9999", "99999", "999999", "9999999")
FEWEST = 5  # rows


def warn(context: Context, uses: Mapping[str, Use]) -> None:
    """Say which features have one: nines that repeat, and lie further from the other values than these are wide."""
    table = context.table
    for name, column in table.columns.items():
        if uses[name].role not in ("numeric", "label") or kind_of(column.type) != "number" or column.distinct < 5:
            continue
        for end in (column.minimum, column.maximum):
            if end is None or str(abs(int(end)) if float(end).is_integer() else "") not in NINES:
                continue
            at = quoted(name)
            rows, low, high = table.one(
                f"count(*) FILTER ({at} = {end}), min({at}) FILTER ({at} <> {end}), max({at}) FILTER ({at} <> {end})"
            )
            apart = (low - end) if end < low else (end - high)
            alone = end < 0 <= low and abs(end) >= 99  # all others are positive
            if rows >= FEWEST and (alone or (apart > high - low and abs(end) >= 99)):
                context.told.risk(
                    name,
                    f"{name} is {end:g} in {rows:,} rows and {low:g} to {high:g} in the others: if that means missing, "
                    f"name it in data.sources.{table.name}.null_values (CSV), or make it null in the preparation",
                )
