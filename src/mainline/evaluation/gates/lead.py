"""The gate `lead`: the model is better than a naive reference, the label's mean by some columns."""

from __future__ import annotations

from mainline.config.loader import Params
from mainline.config.schema import Lead
from mainline.evaluation import formatting
from mainline.evaluation.gates.declaration import Measured, gate, show, unmeasured
from mainline.evaluation.results import Gate


@gate("lead")
def lead(setting: Lead, params: Params, measured: Measured) -> list[Gate]:
    """The lead must be significant (its interval excludes zero), and at least as large as the setting says."""
    rule = (
        f"{formatting.metric_name(setting.metric)} significantly better than the mean by {', '.join(setting.by)}, "
        f"by at least {formatting.score(setting.at_least)}"
    )
    reason = params.reason("gates", "lead", "at_least")
    ahead = measured.lead
    if ahead is None or ahead.low is None:
        return [Gate("lead", rule, unmeasured(measured), False, reason)]
    passed = ahead.low > 0 and ahead.value >= setting.at_least
    return [Gate("lead", rule, show(ahead, ahead.value, setting.at_least), passed, reason)]
