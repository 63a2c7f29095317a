"""Columns that say how many things a row stands for: a table of counts, or a survey's weights."""

from __future__ import annotations

from collections.abc import Mapping

from mainline.init.guesses import names
from mainline.init.guesses.table import Context
from mainline.init.kinds import kind_of
from mainline.init.proposal import Use

AROUND_ONE = (0.5, 2.0)  # the mean of a survey's weights; a body's is another


def ask(context: Context, uses: Mapping[str, Use]) -> None:
    for name, column in context.table.columns.items():
        if (
            uses[name].role != "numeric"
            or kind_of(column.type) != "number"
            or column.minimum < 0
            or column.mean is None
        ):
            continue
        named = names.says(name, names.WEIGHT)
        relative = name.lower() in ("weight", "weights", "wt") and AROUND_ONE[0] <= column.mean <= AROUND_ONE[1]
        if named or (relative and not column.whole):
            context.told.ask(
                name,
                f"Does {name} say how many things a row stands for? Rows are neither multiplied nor weighted, and it "
                "is a feature: write one row for each thing, or take it out of prepare.features",
            )
