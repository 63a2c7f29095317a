"""The sections of params.yaml, from what was guessed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mainline.config.schema import CONTENT
from mainline.init.guesses import metric, patterns, slices
from mainline.init.guesses.classes import Label
from mainline.init.guesses.holdout import Holdout
from mainline.init.guesses.table import Context
from mainline.init.guesses.times import Time
from mainline.init.proposal import Column, Derived, Use


def monitor(context: Context, target: Label, joined: str | None, labels: str) -> dict[str, Any]:
    """The section `monitor`, where labels come in a table of their own."""
    if joined is None:
        return {}
    context.told.reasons["monitor", "labels"] = "the outcomes of past predictions, as they arrive"
    return {"monitor": {"labels": {"source": labels, "value": target.value}}}


def data(
    context: Context, sources: Mapping[str, Mapping[str, Any]], side: Holdout, time: Time | None, known: Column | None,
    labels: str,
) -> dict[str, Any]:  # fmt: skip
    named = {name: dict(source) for name, source in sources.items()}
    if time:
        named[context.table.name]["time"] = time.name
        if known:
            named[labels]["time"] = known.name
    else:
        context.told.reasons["data", "until"] = "has no effect: no table has a time"
    zone = {"timezone": "UTC"} if time else {}
    return {"until": side.until, **zone, "sources": named}


def prepare(
    name: str, context: Context, target: Label, by: Sequence[str], counted: Sequence[str], time: Time | None,
    uses: Mapping[str, Use], derived: Sequence[Derived],
) -> dict[str, Any]:  # fmt: skip
    frame = [*context.table.columns, *(each.name for each in derived)]
    listed: dict[str, list[str]] = {}
    for role in ("numeric", "categorical"):
        own = [column for column, use in uses.items() if use.role == role]
        own += [each.name for each in derived if each.role == role]
        listed[role] = patterns.named(own, frame)
    context.told.reasons["prepare", "features"] = "an allow-list: no other column reaches the estimator"
    return {
        "function": f"{name}.frame:prepare",
        "key": CONTENT if tuple(by) == (CONTENT,) else list(by),
        **({"key_columns": [c for c in uses if c not in (*counted, target.column.name)]} if counted else {}),
        **({"time": time.name} if time else {}),
        "label": target.name,
        **({"label_values": dict(target.words)} if target.words else {}),
        "features": {role: columns for role, columns in listed.items() if columns},
    }


def evaluate(side: Holdout, chosen: metric.Metric, sliced: Sequence[str]) -> dict[str, Any]:
    rows, positives = slices.limits(side)
    found: dict[str, Any] = {} if chosen.threshold is None else {"threshold": chosen.threshold}
    if sliced:
        found["slices"] = list(sliced)
    return {**found, "min_rows": rows, **({} if chosen.threshold is None else {"min_positives": positives})}
