"""Leaks, before anything is trained: columns that know the outcome, alone or together, and rows that occur twice.

What is nearly certain is left out of the features, and said; what is suspicious stays a feature, and is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from mainline.data.split import quoted
from mainline.init.guesses.classes import Label
from mainline.init.guesses.single import Single, columns, target
from mainline.init.guesses.table import Context
from mainline.init.kinds import is_integer, kind_of
from mainline.init.proposal import Use

# Scores of one column alone (see `single`): from the first on it is left out, from the second on it is warned of.
ALONE = {"binary": (0.995, 0.95), "multiclass": (0.99, 0.96), "regression": (0.999, 0.95)}
MISSING = {"binary": (0.98, 0.75), "multiclass": (0.95, 0.5), "regression": (0.95, 0.5)}
CORRELATED = (0.9995, 0.99)
FEWEST = 50  # rows: with fewer, a column predicts the label by chance
FEWEST_OF_VALUE = 20
NEARLY_ALL, RARELY = 0.85, 3.0  # a value's share of positives, and how many times that of all rows
MOST_TOGETHER = 20
LINEAR = 0.99999
ENCODED = 0.98  # correlation of a column with the label's mean by a category
MOST_ENCODED = 200  # pairs
SCORE = {"binary": "ROC AUC", "multiclass": "of the errors of a constant avoided:", "regression": "R²"}
BACK = "If it is known at the time of the prediction, name it in prepare.features"


def find(context: Context, label: Label, uses: Mapping[str, Use], singles: Mapping[str, Single]) -> dict[str, str]:
    """Say each leak; return the reasons of the columns that are left out."""
    if label.rows < FEWEST:
        return {}
    found: dict[str, str] = {}
    for name, single in singles.items():
        reason = of_one(context, label, name, single)
        if reason:
            found[name] = reason
    features = [name for name in singles if name not in found]
    if label.task == "regression":
        found |= together(context, label, features, singles)
    found |= encoded(context, label, [name for name in features if name not in found], uses)
    return found


def of_one(context: Context, label: Label, name: str, single: Single) -> str | None:
    """Why a column is left out; what is only suspicious is said."""
    told, task = context.told, label.task
    certain, suspicious = ALONE[task]
    score = f"{SCORE[task]} {single.score:.3f}"
    if single.score >= certain or single.correlation >= CORRELATED[0]:
        shown = score if single.score >= certain else f"a correlation of {single.correlation:.4f}"
        told.leak(
            name, f"{name} alone predicts {label.name} ({shown}): left out, it is the outcome in other words. {BACK}"
        )
        return f"a leak: it alone predicts {label.name} ({shown})"
    certain, by_absence = MISSING[task]
    if single.missing >= certain:
        told.leak(
            name,
            f"Whether {name} has a value predicts {label.name} ({SCORE[task]} {single.missing:.3f}): left out, it is "
            f"filled in after the outcome. {BACK}",
        )
        return f"a leak: whether it has a value predicts {label.name}"
    if single.score >= suspicious or single.correlation >= CORRELATED[1]:
        told.leak(name, f"{name} alone reaches {score} for {label.name}: make sure that it is known at the prediction")
    elif single.missing >= by_absence:
        told.leak(
            name,
            f"Whether {name} has a value says much about {label.name} ({SCORE[task]} {single.missing:.3f}): make sure "
            "that it is not filled in after the outcome",
        )
    elif task == "binary" and (kind_of(context.table.columns[name].type) != "number" or len(single.values) <= 3):
        of_values(context, label, name, single)
    return None


def of_values(context: Context, label: Label, name: str, single: Single) -> None:
    """A single value whose rows are nearly all positive, where few others are."""
    rows = sum(value.rows for value in single.values)
    positives = sum(value.rate * value.rows for value in single.values)
    for value in single.values:
        others = (positives - value.rate * value.rows) / max(1, rows - value.rows)
        if value.rows >= FEWEST_OF_VALUE and value.rate >= NEARLY_ALL and value.rate >= RARELY * others:
            context.told.leak(
                name,
                f"{name} = {value.shown}: {value.rate:.0%} of {value.rows:,} rows are positive, {others:.0%} of the "
                f"others. Make sure that {name} is known before {label.name}; it stays a feature",
            )


def together(context: Context, label: Label, names: Sequence[str], singles: Mapping[str, Single]) -> dict[str, str]:
    """Numbers that make up the label: a sum, difference or product of two, or a linear formula of several."""
    import numpy as np

    numbers = [name for name in names if kind_of(context.table.columns[name].type) == "number"]
    closest = sorted(numbers, key=lambda name: -singles[name].correlation)[:MOST_TOGETHER]
    numbers = [name for name in numbers if name in closest]
    y, _ = target(context, label)
    held = {
        column.name: np.asarray(v.cast("double").to_numpy(), dtype=np.float64)
        for column, v in columns(context, label, numbers)
    }
    found: dict[str, str] = {}
    for one, other in combinations(held, 2):
        a, b = held[one], held[other]
        with np.errstate(all="ignore"):
            made = {f"{one} + {other}": a + b, f"{one} × {other}": a * b, f"{one} / {other}": a / b}
            made |= {f"{one} − {other}": a - b, f"{other} − {one}": b - a, f"{other} / {one}": b / a}
        for formula, value in made.items():
            if agrees(value, y):
                context.told.leak(one, f"{formula} is {label.name}: both are left out. {BACK}")
                found |= {one: f"a leak: {formula} is {label.name}", other: f"a leak: {formula} is {label.name}"}
    rest = [values for name, values in held.items() if name not in found]
    if len(rest) > 1 and not found and len(y) > 10 * len(rest):
        matrix = np.column_stack([*rest, np.ones(len(y))])
        there = np.isfinite(matrix).all(axis=1)
        if there.sum() > 10 * len(rest):
            scale = np.abs(matrix[there]).max(axis=0)
            scaled = matrix[there] / np.where(scale > 0, scale, 1)
            left = y[there] - scaled @ np.linalg.lstsq(scaled, y[there], rcond=None)[0]
            total = float(((y[there] - y[there].mean()) ** 2).sum())
            if total and 1 - float((left**2).sum()) / total >= LINEAR:
                context.told.leak(
                    None,
                    f"A linear formula of the numeric columns gives {label.name} exactly: one of them may be a part "
                    "of it. They stay features",
                )
    return found


def agrees(value: Any, y: Any) -> bool:
    import numpy as np

    close = np.isclose(value, y, rtol=1e-6, atol=1e-9)
    return bool(np.isfinite(value).mean() > 0.9 and close[np.isfinite(value)].mean() > 0.99 and np.ptp(y) > 0)


def encoded(context: Context, label: Label, names: Sequence[str], uses: Mapping[str, Use]) -> dict[str, str]:
    """Numbers that are the label's mean by a category: a target encoding, made on all rows, the holdout's too."""
    if label.task == "multiclass":
        return {}
    described = context.table.columns
    low, high = context.table.one(f"min({label.sql})::DOUBLE, max({label.sql})::DOUBLE")
    numbers = [
        name
        for name in names
        if kind_of(described[name].type) == "number" and not described[name].whole and described[name].minimum >= low
        and described[name].maximum <= high and described[name].distinct <= 5000
    ]  # fmt: skip
    categories = [
        name
        for name, column in described.items()
        if name not in numbers and uses[name].role in ("categorical", "left out", "numeric")
        and (kind_of(column.type) == "text" or is_integer(column.type)) and 3 <= column.distinct < 0.5 * column.rows
    ]  # fmt: skip
    pairs = [
        (number, category)
        for number in numbers
        for category in categories
        if 3 <= described[number].distinct <= described[category].distinct + 1
    ]
    found: dict[str, str] = {}
    for number, category in pairs[:MOST_ENCODED]:
        if number in found:
            continue
        agreed = context.table.con.execute(
            f"SELECT avg((low = high)::INT), corr(low, mean), count(*) FROM (SELECT min({quoted(number)}) AS low, "
            f"max({quoted(number)}) AS high, avg({label.sql}) AS mean FROM ({context.table.sql}) "
            f"WHERE {quoted(category)} IS NOT NULL AND {quoted(number)} IS NOT NULL GROUP BY {quoted(category)})"
        ).fetchone()
        constant, correlation, groups = agreed or (0, 0, 0)
        if groups >= 5 and constant and constant > 0.99 and correlation is not None and correlation >= ENCODED:
            context.told.leak(
                number,
                f"{number} is the mean of {label.name} by {category} (correlation {correlation:.3f}): left out, it "
                f"knows the outcomes that are to be predicted. Encode {category} in the preparation, by earlier rows",
            )
            found[number] = f"a leak: the mean of {label.name} by {category}"
    return found
