"""The gates: each a rule, what was measured, and whether it passed. What cannot be measured fails.

Every gate is declared in a module of this folder, or in a project's own module that `extensions` names.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter

from mainline.config.loader import Params
from mainline.config.schema import Gates

# The order of these imports is the order of a report.
from mainline.evaluation.gates import floors, gaps, lead, limits, margins, overlap, pending, shifted_inputs, slices  # noqa: F401
from mainline.evaluation.gates.declaration import GATES, GateKind, Measured, find, gate, show, unmeasured
from mainline.evaluation.results import Gate, Outcome, better

__all__ = ["GATES", "Gate", "Measured", "find", "gate", "judge", "outcome", "show", "unmeasured"]


def judge(params: Params, measured: Measured) -> list[Gate]:
    """Ask every gate that `params.yaml` sets: those that compare with main first, where there is a comparison."""
    asked = [kind for kind in GATES.values() if not kind.relative or measured.compared]
    results: list[Gate] = []
    for kind in sorted(asked, key=lambda kind: not kind.relative):
        setting = setting_of(params.settings.gates, kind)
        if setting is not None and setting != {}:
            with GATES.calling(kind.name):
                results += kind.judge(setting, params, measured)
    return results


def setting_of(gates: Gates, kind: GateKind) -> Any:
    """The value of `gates.<name>`, None where it is not set."""
    value = getattr(gates, kind.name, None)
    if value is None or kind.name not in (gates.model_extra or {}):
        return value
    return TypeAdapter(kind.setting).validate_python(value)


def outcome(params: Params, measured: Measured, gates: Sequence[Gate], identical: bool) -> Outcome:
    """The verdict. Whether the model passes is decided by all the gates."""
    if measured.no_metrics or measured.no_comparison:
        return Outcome.not_measurable
    if not measured.compared:
        return Outcome.identical if identical else Outcome.no_baseline
    headline = find(measured.metrics, params.settings.compare.metric)
    if headline is None or headline.delta is None or headline.delta.low is None:
        return Outcome.not_measurable
    within = [result for result in gates if result.name.startswith("margin: ")]
    if any(result.measured.startswith("not measurable") for result in within):
        return Outcome.not_measurable
    if not all(result.passed for result in within):
        return Outcome.worse
    delta = better(headline, headline.delta)
    assert delta.low is not None
    assert delta.high is not None
    if delta.low > 0:
        return Outcome.better
    if headline.name not in params.settings.gates.margins and delta.high < 0:
        return Outcome.worse  # no margin says how much worse may still be called no worse
    return Outcome.no_worse
