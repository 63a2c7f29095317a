"""The gate `holdout_drift`: how many features of the holdout may lie outside training."""

from __future__ import annotations

from mainline.config.loader import Params
from mainline.evaluation.formatting import plural
from mainline.evaluation.gates.declaration import Measured, gate
from mainline.evaluation.results import Gate


@gate("holdout_drift", setting=int)
def holdout_drift(most: int, params: Params, measured: Measured) -> list[Gate]:
    rule = f"at most {plural(most, 'feature')} of the holdout outside training, by the monitor's measures"
    reason, found = params.reason("gates", "holdout_drift"), measured.drifted
    if found is None:
        why = "not measurable: the holdout has fewer rows than monitor.min_rows, or the record has no reference profile"
        return [Gate("holdout drift", rule, why, False, reason)]
    named = f": {', '.join(found)}" if found else ""
    return [Gate("holdout drift", rule, f"{plural(len(found), 'feature')}{named}", len(found) <= most, reason)]
