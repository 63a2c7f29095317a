"""Set what was measured in a proposal: margins, floors, and gates that the first model itself does not meet."""

from __future__ import annotations

import copy
import dataclasses
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from mainline.evaluation.metrics import title_of
from mainline.evaluation.results import Gate, Importance, Metric
from mainline.init.margins import Measured
from mainline.init.proposal import Decision, Finding, Proposal

TOO_GOOD = {"binary": ("roc_auc", 0.995), "multiclass": ("macro_f1", 0.99), "regression": ("r2", 0.995)}
OWN_GATES = ("lead", "calibration_error")  # proposed from the table alone, before any model


def with_measured(proposal: Proposal, measured: Measured) -> Proposal:
    """The proposal with its margins and floors as equal models say, each with what was measured behind it."""
    settings = plain(proposal.settings)
    gates = settings.setdefault("gates", {})
    reasons, decisions = dict(proposal.reasons), list(proposal.decisions)
    for one in measured.margins:
        gates.setdefault("margins", {})[one.metric] = one.margin
        few = f" of {measured.fitted_on:,} rows (make margins WRITE=1 takes all)" if measured.fitted_on else ""
        reasons["gates", "margins", one.metric] = f"measured: {one}{few}"
        where = f"gates.margins.{one.metric}"
        decisions.append(Decision(where, f"{one.margin:g}", f"{one}{few}", f"params.yaml: {where}; make margins"))
    known = {one.metric for one in measured.margins}
    for name in set(gates.get("margins", {})) - known:
        reasons["gates", "margins", name] = "not measured: a rough value. Too few rows to compare models on"
    for name, value, reason in measured.floors:
        gates.setdefault("floors", {})[name] = value
        reasons["gates", "floors", name] = reason
        decisions.append(Decision(f"gates.floors.{name}", f"{value:g}", reason, f"params.yaml: gates.floors.{name}"))
    return dataclasses.replace(
        proposal, settings=settings, reasons=reasons, decisions=tuple(decisions),
        findings=(*proposal.findings, *measured.findings),
    )  # fmt: skip


def met(proposal: Proposal, gates: Sequence[Gate]) -> Proposal | None:
    """The proposal without the guessed gates that the first model fails, each said; None where it fails none of them.

    They were guessed before there was a model. A gate that the person would meet failed on the first day says nothing
    about a change; what the model lacks is a finding, and read first.
    """
    settings, reasons, findings = plain(proposal.settings), dict(proposal.reasons), list(proposal.findings)
    changed = False
    for gate in gates:
        if gate.passed or "gates" not in settings:
            continue
        if gate.name.startswith("lead") and "lead" in settings["gates"]:
            by = ", ".join(settings["gates"].pop("lead")["by"])
            text = (
                f"The first model is hardly ahead of the mean by {by} ({gate.measured}): gates.lead was left out. Find "
                "features that tell more"
            )
        elif gate.name.startswith("calibration") and "calibration_error" in settings["gates"]:
            upper = upper_end(gate.measured)
            if upper is None:
                continue  # not measurable: the gate stays, and fails with that reason
            limit = math.ceil(upper * 1.25 * 100) / 100
            settings["gates"]["calibration_error"] = limit
            reasons["gates", "calibration_error"] = f"the first model has {gate.measured}; lower it once it is better"
            text = (
                f"The first model's probabilities are {gate.measured} off: gates.calibration_error was set to {limit:g}"
            )
        else:
            continue
        changed = True
        findings.append(Finding("risk", None, text))
    if not changed:
        return None
    return dataclasses.replace(proposal, settings=settings, reasons=reasons, findings=tuple(findings))


def too_good(task: str, metrics: Sequence[Metric], importance: Sequence[Importance]) -> Finding | None:
    """That a first model which is hardly ever wrong has a feature, or several together, that know the outcome."""
    name, least = TOO_GOOD[task]
    value = next((one.candidate.value for one in metrics if one.name == name), 0.0)
    if value < least:
        return None
    strongest = sorted(importance, key=lambda one: one.value, reverse=True)
    shown = ", ".join(one.feature for one in strongest[:3] if one.low > 0)
    return Finding(
        "leak",
        None,
        f"The first model is hardly ever wrong ({title_of(name)} {value:.3f}): make sure that what it uses most is "
        f"known before the outcome{f' ({shown})' if shown else ''}, also of several columns together",
    )


def upper_end(measured: str) -> float | None:
    """The end of the interval in `0.071 [0.052, 0.093]`; None where there is none."""
    found = re.match(r"[\d.]+ \[[\d.]+, ([\d.]+)\]", measured)
    return float(found[1]) if found else None


def plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    return copy.deepcopy(dict(settings))
