"""What a table's columns must hold, from the facts that were measured of them: critical, or a warning."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mainline.data.feature_patterns import STAR, matched
from mainline.init.proposal import Column, Proposal, Role, Use

CRITICAL, WARNING = "critical", "warning"
WIDE = 200  # columns; beyond it those of one kind share a rule
SHARED = 300  # columns; beyond it they have no rule: a rule is checked column by column, in 40 ms each
FEW = 50  # values of a category, of which `Column.top` then holds every one
KINDS = {
    "VARCHAR": "text", "BOOLEAN": "boolean", "DATE": "date", "TIMESTAMP WITH TIME ZONE": "timestamp",
    "FLOAT": "number", "DOUBLE": "number", "DECIMAL": "number",
    **dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"), "integer"),
    **dict.fromkeys(("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"), "integer"),
}  # fmt: skip
USED: tuple[Role, ...] = ("label", "numeric", "categorical")


@dataclass(frozen=True)
class Rule:
    """One expectation of a suite; `notes` says why it holds."""

    type: str
    kwargs: Mapping[str, Any]
    notes: str
    severity: str = CRITICAL
    held: bool = False  # its bounds come from its own examination of these rows


def of_columns(proposal: Proposal, columns: Sequence[str], rows: int) -> Iterator[Rule]:
    """The rules of the proposal's table, which has `columns` and `rows` before the data cutoff."""
    facts = [column for column in proposal.columns if column.name in columns]
    shared = patterns([column for column in facts if proposal.uses[column.name].role in ("numeric", "left out")])
    grouped = {name for names in shared.values() for name in names}
    alone = [column for column in facts if column.name not in grouped]
    named = [column.name for column in alone] if shared else columns
    yield from of_table(columns, named, rows, "time" in source_of(proposal))
    yield from of_key(proposal, columns)
    for column in alone:
        yield from of_column(column, proposal.uses[column.name], proposal.settings["task"])
    by_name = {column.name: column for column in facts}
    for pattern, names in shared.items():
        if len(names) <= SHARED:
            yield from of_group(pattern, [by_name[name] for name in names])


def source_of(proposal: Proposal) -> Mapping[str, Any]:
    found: Mapping[str, Any] = proposal.settings["data"]["sources"][proposal.table]
    return found


def of_table(columns: Sequence[str], named: Sequence[str], rows: int, grows: bool) -> Iterator[Rule]:
    """The set of columns, and how many rows there are at least."""
    if len(named) == len(columns):
        notes = "A renamed, missing or extra column means that the source has changed its format."
        yield Rule("expect_table_columns_to_match_set", {"column_set": list(columns), "exact_match": True}, notes)
    else:
        yield Rule("expect_table_column_count_to_equal", {"value": len(columns)}, "The source has changed its format.")
        if named:
            kwargs = {"column_set": list(named), "exact_match": False}
            yield Rule("expect_table_columns_to_match_set", kwargs, "None of these may be missing or renamed.")
    least = max(rows // 10 if grows else rows // 2, 1)
    notes = f"{rows:,} rows were here first. A file that was cut off has far fewer."
    yield Rule("expect_table_row_count_to_be_between", {"min_value": least}, notes)


def of_key(proposal: Proposal, columns: Sequence[str]) -> Iterator[Rule]:
    """A key is unique and never missing; nor is the time by which rows are known."""
    key = key_of(proposal, columns)
    times = [proposal.settings["prepare"].get("time"), source_of(proposal).get("time")]
    for name in dict.fromkeys([*key, *(each for each in times if each in columns)]):
        notes = "The key." if name in key else "Without it nobody knows when the row was known."
        yield Rule("expect_column_values_to_not_be_null", {"column": name}, notes)
    yield from unique(key)


def key_of(proposal: Proposal, columns: Sequence[str]) -> list[str]:
    """The columns of the key, where all of them are in the table; none where the key is made from the content."""
    key = proposal.settings["prepare"].get("key", ())
    return list(key) if not isinstance(key, str) and set(key) <= set(columns) else []


def unique(key: Sequence[str]) -> Iterator[Rule]:
    notes = "The key. Rows that are delivered twice break it."
    if len(key) == 1:
        yield Rule("expect_column_values_to_be_unique", {"column": key[0]}, notes)
    elif key:
        yield Rule("expect_compound_columns_to_be_unique", {"column_list": list(key)}, notes)


def of_column(column: Column, use: Use, task: str) -> Iterator[Rule]:
    """What is known of a column that stands for itself; of one that no feature needs, its kind alone."""
    kind = KINDS.get(column.type.partition("(")[0])
    if kind and column.distinct:
        yield Rule("expect_column_kind_to_be", {"column": column.name, "kind": kind}, meaning(use))
    if use.role not in USED or not column.distinct:
        return
    yield from nulls(column)
    measured = use.role == "numeric" or (use.role == "label" and task == "regression")
    if column.distinct <= FEW and len(column.top) == column.distinct and not measured:
        yield from values(column, use, kind)
    elif kind in ("integer", "number") and all(math.isfinite(float(end)) for end in (column.minimum, column.maximum)):
        yield between(column.name, [column])


def meaning(use: Use) -> str:
    said = {"label": "The label.", "key": "The key.", "time": "The time of the row.", "left out": "No feature."}
    return said.get(use.role, f"A {use.role} feature.")


def nulls(column: Column) -> Iterator[Rule]:
    """No more missing values than were observed; one in a hundred more is no news."""
    if not column.missing:
        yield Rule(
            "expect_column_values_to_not_be_null", {"column": column.name}, "None was missing at first.", WARNING
        )
        return
    share = column.missing / column.rows
    room = max(0.01, 3 * math.sqrt(share * (1 - share) / column.rows))
    least = math.floor(1000 * (1 - share - room)) / 1000
    if least > 0:
        kwargs = {"column": column.name, "mostly": least}
        notes = f"{percent(share)} were missing at first."
        yield Rule("expect_column_values_to_not_be_null", kwargs, notes, WARNING)


def percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 0.995 else f"{100 * share:.4g} %"


def values(column: Column, use: Use, kind: str | None) -> Iterator[Rule]:
    """The values of a category, and of a label: with another one the task is another."""
    found: list[Any] = sorted(value for value, _ in column.top)
    if kind == "integer":
        found = sorted(map(int, found))
    elif kind != "text":
        return
    label = use.role == "label"
    notes = "The classes of the label." if label else "The model does not know other values."
    kwargs = {"column": column.name, "value_set": found}
    yield Rule("expect_column_values_to_be_in_set", kwargs, notes, CRITICAL if label else WARNING)


def between(name: str, columns: Sequence[Column]) -> Rule:
    """The range that was observed with a tenth of room at each end; what was never negative stays so."""
    low, high = (float(min(c.minimum for c in columns)), float(max(c.maximum for c in columns)))
    room = (high - low) / 10
    least, most = outward(low - room, -1), outward(high + room, 1)
    if low >= 0:
        least = max(least, 0)
    kwargs = {"column": name, "min_value": least, "max_value": most}
    notes = f"{span(low, high)} at first."
    return Rule("expect_column_values_to_be_between", kwargs, notes, WARNING)


def outward(value: float, direction: int) -> float | int:
    """Rounded to two digits, away from the range: up with 1, down with -1."""
    if value == 0 or not math.isfinite(value):
        return 0 if value == 0 else value
    step = 10.0 ** (math.floor(math.log10(abs(value))) - 1)
    found = float(f"{(math.ceil(value / step) if direction > 0 else math.floor(value / step)) * step:.6g}")
    return int(found) if found == int(found) and abs(found) < 1e15 else found


def shown(value: float) -> str:
    return f"{value:,.0f}" if math.isfinite(value) and value == int(value) and abs(value) < 1e15 else f"{value:.4g}"


def span(low: float, high: float) -> str:
    return f"{shown(low)} to {shown(high)}" if shown(low) != shown(high) else shown(low)


def of_group(pattern: str, columns: Sequence[Column]) -> Iterator[Rule]:
    """One rule for many columns of one kind: `pixel_*`."""
    kinds = {KINDS.get(column.type.partition("(")[0]) for column in columns}
    number = kinds <= {"integer", "number"}
    if all(column.distinct for column in columns) and (number or len(kinds) == 1) and None not in kinds:
        kind = "number" if len(kinds) > 1 else kinds.pop()
        notes = f"{len(columns):,} columns of one kind."
        yield Rule("expect_column_kind_to_be", {"column": pattern, "kind": kind}, notes)
    if number and all(column.minimum is not None for column in columns):
        yield between(pattern, columns)


def patterns(columns: Sequence[Column]) -> dict[str, list[str]]:
    """In a wide table, the names that share their text before a number, by a pattern that no other name fits."""
    if len(columns) <= WIDE:
        return {}
    names = [column.name for column in columns]
    stems = {name: re.split(r"\d", name)[0] for name in names}
    found: dict[str, list[str]] = {}
    for stem, group in itertools.groupby(sorted(names, key=lambda name: stems[name]), key=lambda name: stems[name]):
        members = list(group)
        pattern = stem + STAR
        if stem and STAR not in stem and len(members) > 10 and set(matched(pattern, names)) == set(members):
            found[pattern] = members
    return found
