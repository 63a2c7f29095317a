"""Groups: rows of one customer or patient are alike, so that all of them belong on one side of the split."""

from __future__ import annotations

from collections.abc import Mapping

from mainline.data.split import quoted
from mainline.init.guesses import names
from mainline.init.guesses.classes import Label
from mainline.init.guesses.features import SMALL_SET, is_even
from mainline.init.guesses.table import Context
from mainline.init.kinds import is_integer, kind_of
from mainline.init.proposal import Column, Use

FEWEST_GROUPS = 30  # a holdout of 0.3 has 8 of them in most tables
MOST_ROWS = 1000  # of a group on average
REPEATED, OFTEN = 1.05, 1.5  # rows of a group on average: where its name says what it is, and where it does not
ALIKE = 0.3  # correlation of a row's label with the mean of the others of its group
FEWEST_PAIRED = 0.3  # of the rows are in a group with another


def guess(context: Context, label: Label, uses: Mapping[str, Use], key: tuple[str, ...]) -> str | None:
    """The column of the groups, where rows are split by a hash."""
    possible = [
        column
        for name, column in context.table.columns.items()
        if uses[name].role in ("left out", "key", "categorical") and repeats(column) and key != (name,)
    ]
    named = [column for column in possible if names.is_entity(column.name)]
    named += [column for column in possible if names.is_identifier(column.name) and column not in named]
    for column in named:
        if column.distinct >= FEWEST_GROUPS:
            return said(context, column, "named like someone or something that has several rows")
        context.told.risk(
            column.name,
            f"rows of one {column.name} may be alike, and the split divides them: {column.distinct} values are too few "
            f"to keep each on one side ({FEWEST_GROUPS} are needed)",
        )
    for column in possible:
        if uses[column.name].role == "left out" and names_something(column) and often(column):
            alike = likeness(context, label, column)
            if alike >= ALIKE:
                return said(context, column, f"their labels are alike (correlation {alike:.2f})")
    return None


def repeats(column: Column) -> bool:
    """Whether enough rows share a value with another, and not thousands of them."""
    there = column.rows - column.missing
    fit = kind_of(column.type) == "text" or is_integer(column.type)
    return fit and column.distinct > SMALL_SET and REPEATED * column.distinct <= there <= MOST_ROWS * column.distinct


def often(column: Column) -> bool:
    return column.distinct >= FEWEST_GROUPS and column.rows >= OFTEN * column.distinct and not column.missing


def names_something(column: Column) -> bool:
    """No measure: equal areas of two houses make no group."""
    return kind_of(column.type) == "text" or is_even(column)


def likeness(context: Context, label: Label, column: Column) -> float:
    """How much the label of a row is like the mean of the other rows of its group."""
    if label.task == "multiclass":
        return 0.0
    by = quoted(column.name)
    correlation, rows = context.table.con.execute(
        f"SELECT corr(y, (total - y) / (n - 1)), count(*) FROM (SELECT {label.sql} AS y, "
        f"sum({label.sql}) OVER (PARTITION BY {by}) AS total, count({label.sql}) OVER (PARTITION BY {by}) AS n "
        f"FROM ({context.table.sql})) WHERE n > 1 AND y IS NOT NULL"
    ).fetchone() or (None, 0)
    return float(correlation) if correlation is not None and rows >= FEWEST_PAIRED * label.rows else 0.0


def said(context: Context, column: Column, how: str) -> str:
    each = (column.rows - column.missing) / column.distinct
    reason = f"{column.distinct:,} values with {each:.1f} rows each on average; {how}"
    context.told.decide("split.group", column.name, reason, "params.yaml: split.group")
    context.told.reasons["split", "group"] = f"all rows of one {column.name} are on one side of the split"
    return column.name
