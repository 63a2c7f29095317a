"""The gate `pending`: few rows are without an outcome long after it was due."""

from __future__ import annotations

from mainline.config.loader import Params
from mainline.config.schema import Pending
from mainline.evaluation.formatting import plural, share
from mainline.evaluation.gates.declaration import Measured, gate
from mainline.evaluation.results import Gate


@gate("pending")
def pending(setting: Pending, params: Params, measured: Measured) -> list[Gate]:
    rule = f"at most {share(setting.at_most)} of the rows still {setting.status} {setting.after} after their time"
    reason = params.reason("gates", "pending", "at_most")
    if measured.overdue is None or not measured.overdue[1]:
        why = "not measurable: it needs prepare.status and prepare.time, and rows of that age"
        return [Gate("pending", rule, why, False, reason)]
    late, rows = measured.overdue
    shown = f"{late:,} of {plural(rows, 'row')} ({share(late / rows)})"
    return [Gate("pending", rule, shown, late <= setting.at_most * rows, reason)]
