"""Slices: the groups of rows that are measured one by one."""

from __future__ import annotations

from collections.abc import Mapping

from mainline.init.guesses.classes import Label
from mainline.init.guesses.holdout import Holdout
from mainline.init.guesses.protected import MOST_VALUES
from mainline.init.guesses.table import Context
from mainline.init.kinds import kind_of
from mainline.init.proposal import Column, Use

MOST = 3
# Rows of the holdout, then rows and positives that a slice needs.
FEWEST = ((2000, 200, 50), (0, 50, 10))


def limits(holdout: Holdout) -> tuple[int, int]:
    """`evaluate.min_rows` and `min_positives`."""
    return next((rows, positives) for least, rows, positives in FEWEST if holdout.rows >= least)


def guess(
    context: Context, label: Label, uses: Mapping[str, Use], protected: Mapping[str, str], holdout: Holdout
) -> tuple[str, ...]:
    """The protected columns; where there is none, categories with a few values that are frequent enough."""
    described = context.table.columns
    asked = [name for name in protected if 1 < described[name].distinct <= MOST_VALUES]
    if asked:
        looks = "it looks protected" if len(asked) == 1 else "they look protected"
        context.told.decide("evaluate.slices", ", ".join(asked[:MOST]), looks, "params.yaml: evaluate.slices")
        context.told.reasons["evaluate", "slices"] = f"{looks}: what the model does to each group is measured"
        return tuple(asked[:MOST])
    fit = [
        name
        for name, use in uses.items()
        if use.role == "categorical" and measurable(described[name], holdout, context.table.rows)
    ]
    # The more even, the more a slice says: a flag with 1 % of the rows says little.
    fit = sorted(fit, key=lambda name: -described[name].top[-1][1])[:MOST]
    if fit:
        context.told.decide(
            "evaluate.slices", ", ".join(fit), "a few values, each frequent enough to be measured",
            "params.yaml: evaluate.slices",
        )  # fmt: skip
        context.told.reasons["evaluate", "slices"] = "a few values, each frequent enough to be measured"
    return tuple(name for name in described if name in fit)


def measurable(column: Column, holdout: Holdout, rows: int) -> bool:
    """Whether each value has enough rows in the holdout."""
    if not 2 <= column.distinct <= MOST_VALUES or kind_of(column.type) == "other":
        return False
    share = holdout.rows / max(1, rows)
    return min(count for _, count in column.top) * share >= limits(holdout)[0]
