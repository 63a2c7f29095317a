"""The label: where it is, which task it makes, and which of its values are predicted."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence

from mainline.data.split import quoted
from mainline.errors import ConfigurationError, DataError
from mainline.init.guesses import label_words
from mainline.init.guesses.classes import Label, binary, known, multiclass
from mainline.init.guesses.numbers_in_text import first_values, is_amount
from mainline.init.guesses.table import Table, Told
from mainline.init.kinds import kind_of, literal
from mainline.init.proposal import Column, Wishes

TASKS = ("binary", "multiclass", "regression")
FEW = 20  # whole numbers: more of them are a quantity
FEW_UNBALANCED = 12  # unless each of them is frequent
MOST_CLASSES = 100


def find(tables: Sequence[Table], wishes: Wishes) -> Table:
    """The table that holds the label.

    Raises
    ------
    ConfigurationError
        Where none does, or more than one.
    """
    holders = [table for table in tables if wishes.label in table.columns]
    if len(holders) == 1:
        return holders[0]
    if holders:
        named = " and ".join(table.name for table in holders)
        raise ConfigurationError(f"LABEL={wishes.label}: both {named} have a column of this name: rename one of them")
    names = [name for table in tables for name in table.columns]
    near = difflib.get_close_matches(wishes.label.lower(), [name.lower() for name in names], n=1)
    fits = next((name for name in names if near and name.lower() == near[0]), None)
    shown = ", ".join(names[:20]) + (", …" if len(names) > 20 else "")
    hint = f"did you mean LABEL={literal(fits) if ' ' in fits else fits}?" if fits else f"there are {shown}"
    raise ConfigurationError(f"LABEL={wishes.label}: the table has no such column: {hint}")


def guess(table: Table, wishes: Wishes, told: Told, absent: Sequence[str] = ()) -> Label:
    """The task, and how the label's values become what the machine predicts; `absent` are words for a missing one.

    Raises
    ------
    ConfigurationError
        Where the column cannot be a label, or a wish does not fit it.
    DataError
        Where it has one value or none.
    """
    column = table.columns[wishes.label]
    if column.distinct > FEW and is_amount(table, column):
        example = first_values(table, column.name)[0]
        raise ConfigurationError(
            f"LABEL={column.name}: it is text such as {example}: write it as a number, without the sign, or compute "
            "one in the source's query"
        )
    check(column)
    classes = grouped(table, column)
    task, reason = chosen_task(column, classes, wishes)
    numbers = kind_of(column.type) == "number"
    possible = {"binary": column.distinct == 2, "multiclass": column.distinct <= MOST_CLASSES, "regression": numbers}
    others = " or ".join(f"TASK={other}" for other in TASKS if other != task and possible[other]) or "another LABEL="
    told.decide("task", task, reason, others)
    told.reasons["task",] = reason
    if column.missing:
        found = "Check that all of them are too young to have one" if wishes.labels else "Find out why they have none"
        told.risk(
            column.name,
            f"{column.missing:,} of {column.rows:,} rows have no {column.name}: they are scored and counted, but not "
            f"part of training or of any metric. {found}: labels "
            "that are missing with a reason change what is learnt",
        )
    if task == "regression":
        return Label(column, task, sql=f"{known(column)}::DOUBLE", value=quoted(column.name))
    if task == "binary":
        return binary(table, column, classes, wishes, told, absent)
    label_words.spelled(column, classes, told)
    return multiclass(table, column, told, absent)


def check(column: Column) -> None:
    where = f"LABEL={column.name}"
    if column.distinct == 0:
        raise DataError(f"{where}: no row has a value: nothing to learn")
    if column.distinct == 1:
        only = column.top[0][0] if column.top else column.minimum
        raise DataError(f"{where}: it is {only!s} in every row that has one: nothing to learn")
    kind, there = kind_of(column.type), column.rows - column.missing
    if kind == "number" and not (math.isfinite(column.minimum) and math.isfinite(column.maximum)):
        raise DataError(f"{where}: some rows have an infinite one: find the division that made it, and leave them out")
    if kind in ("time", "clock", "other") and column.distinct > 2:
        raise ConfigurationError(
            f"{where}: it is {column.type}: a label is a number, a truth value or a class. Compute one from it, such "
            "as the days until then"
        )
    if kind == "text" and column.distinct > 2 and column.distinct >= 0.9 * there:
        raise ConfigurationError(
            f"{where}: {column.distinct:,} different texts in {there:,} rows: that is a name, not an outcome. Name the "
            "column with the outcome"
        )
    if kind == "text" and column.distinct > MOST_CLASSES:
        raise ConfigurationError(
            f"{where}: {column.distinct:,} classes, at most {MOST_CLASSES} can be learnt and reported: group them first"
        )


def grouped(table: Table, column: Column) -> dict[str, list[str]]:
    """The label's spellings by what they say, where it is text: ` >50K` and `>50K.` are one."""
    found: dict[str, list[str]] = {}
    if kind_of(column.type) != "text" or column.distinct > MOST_CLASSES:
        return found
    for (value,) in table.all(f"DISTINCT {quoted(column.name)}::VARCHAR", f"WHERE {quoted(column.name)} IS NOT NULL"):
        found.setdefault(value.strip().rstrip(".").lower(), []).append(value)
    return {said: sorted(spelled) for said, spelled in sorted(found.items())}


def chosen_task(column: Column, classes: Mapping[str, Sequence[str]], wishes: Wishes) -> tuple[str, str]:
    different = len(classes) or column.distinct
    if wishes.task:
        if wishes.task not in TASKS:
            near = difflib.get_close_matches(wishes.task, TASKS, n=1)
            raise ConfigurationError(
                f"TASK={wishes.task}: " + (f"did you mean {near[0]}?" if near else f"one of {', '.join(TASKS)}")
            )
        if wishes.task == "binary" and different != 2:
            raise ConfigurationError(f"TASK=binary: {column.name} has {different:,} different values, two are needed")
        if wishes.task == "regression" and kind_of(column.type) not in ("number", "boolean"):
            raise ConfigurationError(f"TASK=regression: {column.name} is {column.type}: a number is needed")
        if wishes.task == "multiclass" and different > MOST_CLASSES:
            raise ConfigurationError(f"TASK=multiclass: {column.name} has {different:,} values: group them first")
        return wishes.task, "as TASK says"
    if different == 2:
        shown = " and ".join(spelled[0] for spelled in classes.values()) or " and ".join(v for v, _ in column.top)
        return "binary", f"{column.name} has two values: {shown}"
    if kind_of(column.type) == "text":
        return "multiclass", f"{column.name} is one of {different} texts"
    there = column.rows - column.missing
    counts = [count for _, count in column.top]
    few = column.distinct <= FEW_UNBALANCED or (column.distinct <= FEW and min(counts) >= 0.01 * there)
    if column.whole and few and there >= 10 * column.distinct:
        return "multiclass", f"{column.name} has {column.distinct} different whole numbers in {there:,} rows: classes"
    what = "whole numbers" if column.whole else "numbers with a fraction"
    return "regression", f"{column.name} has {column.distinct:,} different {what} in {there:,} rows: a quantity"
