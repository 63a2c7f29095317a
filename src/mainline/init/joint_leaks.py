"""Leaks that no column shows alone: two numbers whose difference is the outcome, its other indicator columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

from mainline.data.split import quoted
from mainline.init.guesses import names
from mainline.init.guesses.classes import Label
from mainline.init.guesses.single import auc, columns, fitted, target
from mainline.init.guesses.table import Context
from mainline.init.kinds import kind_of
from mainline.init.proposal import Use

if TYPE_CHECKING:
    from mainline.init.guesses.single import Single

MOST_NUMBERS = 20  # 190 pairs
LOOKED_AT = 20_000  # rows of a pair
FEWEST = 200  # rows: with fewer, two columns together predict the label by chance
CERTAIN, SUSPICIOUS = 0.9995, 0.98  # ROC AUC of a difference or a ratio
WEAK = 0.9  # of each column alone
BACK = "If they are known at the time of the prediction, name them in prepare.features"


def find(context: Context, label: Label, features: Sequence[str], singles: Mapping[str, Single]) -> dict[str, str]:
    """Say each leak; return the reasons of the columns that are left out."""
    if label.rows < FEWEST:
        return {}
    found = indicators(context, label, features)
    rest = [name for name in features if name not in found]
    if label.task == "binary":
        found |= of_two(context, label, rest, singles)
    for name in rest:
        if names.says(name, names.WAIT) and name not in found and kind_of(context.table.columns[name].type) == "number":
            context.told.leak(
                name,
                f"{name} is by its name a time that passes until the outcome, or until nobody looked any more: make "
                "sure that it is known at the prediction. It stays a feature",
            )
    return found


def indicators(context: Context, label: Label, features: Sequence[str]) -> dict[str, str]:
    """Columns of 0 and 1 that are a class of the label, or of which with the label exactly one is 1 in every row."""
    import numpy as np

    described = context.table.columns
    flags = [name for name in features if is_flag(described[name])]
    if label.task == "regression" or not flags:
        return {}
    if label.task == "binary":
        flags = [name for name in flags if stem(name) and stem(name) == stem(label.column.name)]
    y, classes = target(context, label)
    held = {
        c.name: np.asarray(v.cast("double").to_numpy(), dtype=np.float64) for c, v in columns(context, label, flags)
    }
    found: dict[str, str] = {}
    if label.task == "binary" and len(held) > 1 and (sum(held.values()) + y == 1).all():
        listed = ", ".join(held)
        context.told.leak(
            None, f"In every row exactly one of {label.column.name}, {listed} is 1: the others are left out. {BACK}"
        )
        found = dict.fromkeys(held, f"a leak: with {label.column.name} exactly one of them is 1")
    for name, values in held.items() if label.task == "multiclass" else ():
        if any((values == (y == code)).all() or (values == (y != code)).all() for code in range(classes)):
            context.told.leak(name, f"{name} says whether {label.name} is one of its classes: left out. {BACK}")
            found[name] = f"a leak: it is one of the classes of {label.name}"
    return found


def is_flag(column: Any) -> bool:
    whole = kind_of(column.type) == "boolean" or (column.whole and column.minimum == 0 and column.maximum == 1)
    return bool(whole and not column.missing and column.distinct == 2)


def stem(name: str) -> str:
    """What indicator columns of one category have in common: `species` of `species_setosa`."""
    return name.rpartition("_")[0]


def of_two(context: Context, label: Label, features: Sequence[str], singles: Mapping[str, Single]) -> dict[str, str]:
    """Two numbers, each of which says little, whose difference or ratio says all: the planned and the real arrival."""
    import numpy as np

    numbers = [n for n in features if kind_of(context.table.columns[n].type) == "number" and singles[n].score < WEAK]
    y = target(context, label)[0][:LOOKED_AT]
    held = {
        column.name: np.asarray(v.cast("double").to_numpy(), dtype=np.float64)[:LOOKED_AT]
        for column, v in columns(context, label, closest(context, numbers))
    }
    found: dict[str, str] = {}
    for one, other in combinations(held, 2):
        a, b = held[one], held[other]
        with np.errstate(all="ignore"):
            made = {"−": a - b, "/": a / b}
        for sign, values in made.items():
            there = np.isfinite(values)
            if there.sum() < FEWEST or there.mean() < 0.5 or len(np.unique(y[there])) < 2:
                continue
            score = auc(y[there], values[there])
            score = max(score, 1 - score)
            shown = f"{one} {sign} {other} alone predicts {label.name} (ROC AUC {score:.3f})"
            if score >= CERTAIN:
                context.told.leak(one, f"{shown}: both are left out. {BACK}")
                found |= dict.fromkeys((one, other), f"a leak: {shown}")
                break
            if score >= SUSPICIOUS:
                context.told.leak(one, f"{shown}: make sure that both are known at the prediction")
                break
    return found


def closest(context: Context, numbers: Sequence[str]) -> list[str]:
    """Of many numbers those that are of a size with another: a planned and a real value lie close to each other."""
    described = context.table.columns
    by_size = sorted(numbers, key=lambda name: (described[name].mean or 0.0, described[name].maximum))
    gaps = {
        name: min(
            abs((described[name].mean or 0.0) - (described[near].mean or 0.0))
            / (1e-9 + abs(described[name].mean or 0.0))
            for near in (*by_size[max(0, place - 1) : place], *by_size[place + 1 : place + 2])
        )
        for place, name in enumerate(by_size)
        if len(by_size) > 1
    }
    chosen = set(sorted(gaps, key=lambda name: gaps[name])[:MOST_NUMBERS])
    return [name for name in numbers if name in chosen]


def of_dates(context: Context, label: Label, uses: Mapping[str, Use], known: Mapping[str, str]) -> dict[str, str]:
    """Dates that are there only for one outcome, such as the end of a contract: no feature may be made of them."""
    import numpy as np

    from mainline.init.leaks import MISSING

    if label.rows < FEWEST:
        return {}
    y, classes = target(context, label)
    half = np.random.default_rng(0).permutation(len(y)) % 2 == 0
    found: dict[str, str] = {}
    for name, column in context.table.columns.items():
        if kind_of(column.type) != "time" or not column.missing or not column.distinct or name in known:
            continue
        if uses[name].role != "left out":
            continue
        rows = context.sample.con.execute(
            f"SELECT ({quoted(name)} IS NULL)::INT AS absent FROM ({context.sample.sql}) WHERE {label.sql} IS NOT NULL"
        ).fetchnumpy()["absent"]
        absent = np.ma.getdata(rows).astype(np.int64)
        if 0 < absent.sum() < len(y) and fitted(label.task, y, absent, half, classes) >= MISSING[label.task][1]:
            context.told.leak(
                name,
                f"Whether {name} has a date says much about {label.name}: no feature is made of it, it is filled in "
                "with the outcome. Compute one in the preparation if it is known at the time of the prediction",
            )
            found[name] = f"a leak: whether it has a date says much about {label.name}"
    return found
