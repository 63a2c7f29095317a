"""Columns that say what another one says."""

from __future__ import annotations

from mainline.data.split import quoted
from mainline.init.guesses.table import Context
from mainline.init.kinds import kind_of
from mainline.init.proposal import Column, Use

MOST_PAIRS = 300


def of_columns(context: Context, uses: dict[str, Use]) -> dict[str, Use]:
    """The uses, with features left out that have the values of an earlier one, under another name or in other words."""
    seen: dict[tuple[object, ...], list[str]] = {}
    pairs: list[tuple[str, str]] = []
    for name, use in uses.items():
        if use.role in ("numeric", "categorical"):
            alike = seen.setdefault(fingerprint(context.table.columns[name]), [])
            pairs += [(name, earlier) for earlier in alike]
            alike.append(name)
    changed = dict(uses)
    for name, earlier in pairs[:MOST_PAIRS]:
        if changed[name].role == "left out" or changed[earlier].role == "left out":
            continue
        how = same(context, name, earlier)
        if how:
            changed[name] = Use("left out", f"{how} {earlier}")
    return changed


def fingerprint(column: Column) -> tuple[object, ...]:
    """Equal for columns that may say the same: as many values, in as many rows each."""
    frequencies = tuple(count for _, count in column.top)
    if column.distinct > len(column.top):  # not all of them are known: the values themselves must agree
        return (kind_of(column.type), column.missing, column.distinct, column.minimum, column.maximum, frequencies)
    return (column.missing, column.distinct, frequencies)


def same(context: Context, name: str, other: str) -> str:
    """What two columns have in common, `` where nothing: first on a sample, since most differ at once."""
    a, b = quoted(name), quoted(other)
    equal = f"count(*) FILTER ({a}::VARCHAR IS DISTINCT FROM {b}::VARCHAR)"
    column = context.table.columns[name]
    if column.distinct <= 2 and kind_of(column.type) == "number":
        pairs_wanted = False  # two numbers each: flags that happen to agree are found as equal values
    else:
        pairs_wanted = column.distinct <= len(column.top)
    for table in (context.sample, context.table):
        (differ,) = table.one(equal)
        pairs = table.distinct([name, other]) if differ and pairs_wanted else 0
        each = table.distinct([name]) if pairs else -1
        if differ and not (pairs == each == table.distinct([other])):
            return ""
    return "the same values as" if not differ else "the same as"
