"""Gates that the data itself justifies; margins and floors are measured after the first model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from mainline.init.guesses import names
from mainline.init.guesses.classes import Label
from mainline.init.guesses.holdout import Holdout
from mainline.init.guesses.metric import Metric, rounded
from mainline.init.guesses.single import Single
from mainline.init.guesses.table import Context
from mainline.init.proposal import Column, Derived, Use

ROWS_OF_A_LEAD = 600  # of the holdout: with fewer a lead is seldom significant
KNOWS = {"binary": 0.55, "multiclass": 0.02, "regression": 0.02}  # score of a column that says anything
COVERAGE_SLACK = 0.1
MOST_DAYS = 366  # values of a part of the calendar


def guess(
    context: Context, label: Label, metric: Metric, holdout: Holdout, uses: Mapping[str, Use],
    derived: Sequence[Derived], singles: Mapping[str, Single], protected: Sequence[str],
) -> dict[str, Any]:  # fmt: skip
    """The section `gates` of params.yaml."""
    told, found = context.told, {"margins": dict(metric.margins)}
    gates: dict[str, Any] = dict(found)
    leading = lead(context, label, metric, holdout, uses, derived, singles)
    if leading:
        gates["lead"] = leading
        told.reasons["gates", "lead", "by"] = "the mean by it is a naive model: this one must know more"
        told.reasons["gates", "lead", "at_least"] = "modest: raise it once a model shows its lead"
        told.decide(
            "gates.lead", f"by {', '.join(leading['by'])}", "the best single reference", "params.yaml: gates.lead"
        )
    if protected:
        gates["gaps"] = gaps(label, metric)
        told.reasons["gates", "gaps", "at_most"] = "how much wider the gap between groups may become than on main"
        told.decide(
            "gates.gaps",
            gates["gaps"]["metric"],
            f"{', '.join(protected)} {'looks' if len(protected) == 1 else 'look'} protected",
            "params.yaml: gates.gaps",
        )
    if label.task == "binary":
        # A model of a rare case that says the rate of it everywhere has an error near zero.
        gates["calibration_error"] = 0.1 if label.positive_share >= 0.05 else 0.05
        told.reasons["gates", "calibration_error"] = "above it the probabilities are misleading"
    if holdout.coverage < 1:
        floor = math.floor(20 * max(0.0, holdout.coverage - COVERAGE_SLACK / 2)) / 20
        if floor > 0:
            gates["label_coverage"] = floor
            why = f"the part with the fewest labels has {holdout.coverage:.0%}"
            told.reasons["gates", "label_coverage"] = why
            told.decide("gates.label_coverage", f"{floor:g}", why, "params.yaml: gates.label_coverage")
    return gates


def is_calendar(column: Column) -> bool:
    return names.is_calendar(column.name) and column.whole and column.distinct <= MOST_DAYS


def lead(
    context: Context, label: Label, metric: Metric, holdout: Holdout, uses: Mapping[str, Use],
    derived: Sequence[Derived], singles: Mapping[str, Single],
) -> dict[str, Any] | None:  # fmt: skip
    """The mean by the best category or part of the calendar, where other columns can be expected to beat it."""
    if holdout.rows < ROWS_OF_A_LEAD:
        return None
    by = {
        name: singles[name].score
        for name, use in uses.items()
        if name in singles
        and (use.role == "categorical" or (use.role == "numeric" and is_calendar(context.table.columns[name])))
    }
    best = max(by, key=lambda name: by[name], default=None)
    if best is None:
        best = next((each.name for each in derived if each.name in ("hour", "weekday")), None)
    others = [
        single.score
        for name, single in singles.items()
        if name != best and uses[name].role in ("numeric", "categorical")
    ]
    if best is None or max(others, default=0.0) < KNOWS[label.task]:
        return None
    if best in by and max(others) < by[best] / 2 + (0.25 if label.task == "binary" else 0):
        return None  # one category says nearly all: a lead over it would not be significant
    least = rounded(0.01 * metric.scale, 1) if label.task == "regression" else 0.02
    return {"by": [best], "metric": metric.name, "at_least": 0.01 if metric.name == "average_precision" else least}


def gaps(label: Label, metric: Metric) -> dict[str, Any]:
    if label.task == "binary":
        return {"metric": "false_positive_rate", "at_most": 0.05}
    if label.task == "multiclass":
        return {"metric": "accuracy", "at_most": 0.05}
    return {"metric": "mae", "at_most": rounded(0.05 * metric.scale, 1)}
