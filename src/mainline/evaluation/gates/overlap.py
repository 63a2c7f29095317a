"""The gate `overlap`: few holdout rows are copies of training rows under another key."""

from __future__ import annotations

from mainline.config.loader import Params
from mainline.evaluation.formatting import share
from mainline.evaluation.gates.declaration import Measured, gate
from mainline.evaluation.results import Gate


@gate("overlap")
def overlap(most: float, params: Params, measured: Measured) -> list[Gate]:
    """It has a default: where nobody set it and there is no copy, it is not listed."""
    rule = f"at most {share(most)} of the holdout rows are training rows under another key"
    reason = params.reason("gates", "overlap") if "overlap" in params.settings.gates.model_fields_set else None
    found = measured.copies
    if found is None:
        return []
    if not found.rows and "overlap" not in params.settings.gates.model_fields_set:
        return []
    return [Gate("overlap", rule, str(found), found.share <= most, reason)]
