"""Columns that look protected: by default what is measured by slices, and no feature."""

from __future__ import annotations

from mainline.init.guesses import names
from mainline.init.guesses.classes import Label
from mainline.init.guesses.table import Context
from mainline.init.kinds import is_integer, kind_of
from mainline.init.proposal import Column

MOST_VALUES = 12


def guess(context: Context, label: Label, key: tuple[str, ...]) -> dict[str, str]:
    """The protected columns with the reason why each is no feature; of others that may be, a question."""
    found: dict[str, str] = {}
    for name, column in context.table.columns.items():
        if name == label.column.name or name in key or column.distinct < 2:
            continue
        if names.is_protected(name) and is_group(column):
            found[name] = "it looks protected: measured by slices, no feature"
            context.told.ask(
                name,
                f"{name} looks protected (a person's group). It is left out of the features, and what the model does "
                "to each group is measured (evaluate.slices, gates.gaps). May it be a feature? Then name it in "
                "prepare.features",
            )
        elif names.is_protected(name) or names.says(name, names.ASKED):
            context.told.ask(
                name,
                f"{name} may be protected (a person's group). It is a feature. May it be one? If not, take it out of "
                "prepare.features, and name it in evaluate.slices",
            )
    return found


def is_group(column: Column) -> bool:
    """A few groups; a number with a fraction is a measure, such as a standardized age."""
    kind = kind_of(column.type)
    if kind in ("text", "boolean"):
        return column.distinct <= 200
    return kind == "number" and (is_integer(column.type) or column.whole) and column.distinct <= MOST_VALUES
