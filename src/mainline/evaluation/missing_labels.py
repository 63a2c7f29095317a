"""Labels that are missing with a reason: by period, by slice, long after they were due, and by the model's score."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from mainline.config.schema import Pending, Settings
from mainline.evaluation.formatting import plural, share
from mainline.evaluation.results import Coverage
from mainline.training import label_coverage
from mainline.training.record import Record

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FALL = 0.02  # of the coverage against main's run, in a part of the data: worth reading first
FIFTHS = 5
APART = 0.03  # of the coverage of two fifths of the scores
SURE = 4.0  # standard errors by which a difference exceeds sampling


def parts(settings: Settings, counted: label_coverage.Coverage, baseline: Record | None) -> list[Coverage]:
    """Both sides, every month of training and every slice that is large enough to be measured, the lowest first."""
    was = baseline.facts.coverage if baseline else {}
    found = [
        Coverage(part, rows, known / rows, was[part][0] / was[part][1] if was.get(part, [0, 0])[1] else None)
        for part, (known, rows) in counted.items()
        if rows >= settings.evaluate.min_rows
    ]
    return sorted(found, key=lambda each: each.share)


def surely_below(found: Coverage, limit: float) -> bool:
    """Whether sampling alone does not explain it: two standard errors above the share are still below the limit."""
    error = math.sqrt(max(found.share * (1 - found.share), 1 / found.rows) / found.rows)
    return found.share + 2 * error < limit


def settled(settings: Settings, frame: Path, record: Record) -> NDArray[np.bool_]:
    """The holdout rows, in the record's order, whose label is known or whose status is final, such as cancelled."""
    import numpy as np

    asked = settings.gates.pending or Pending()
    final = label_coverage.without_label_for_good(settings, frame, asked.status)
    known: NDArray[np.bool_] = ~np.isnan(record.holdout.y)
    return known | np.isin(record.holdout.row_id, final)


def by_score(score: NDArray[np.float64], labelled: NDArray[np.bool_]) -> list[Coverage]:
    """The coverage of each fifth of the holdout by the model's own score, from the lowest scores to the highest."""
    import numpy as np

    if score.ndim != 1 or len(score) < FIFTHS * 50:
        return []
    order = np.argsort(score, kind="stable")
    return [
        Coverage(f"holdout, fifth {number} of the scores", len(rows), float(labelled[rows].mean()))
        for number, rows in enumerate(np.array_split(order, FIFTHS), 1)
    ]


def overdue(settings: Settings, frame: Path) -> tuple[int, int] | None:
    """Rows that are still pending long after their outcome was due, and all rows of that age."""
    asked = settings.gates.pending or Pending()
    return label_coverage.overdue(settings, frame, asked.status, asked.after.days)


def warnings(
    found: list[Coverage], fifths: list[Coverage], late: tuple[int, int] | None, settings: Settings
) -> list[str]:
    said = []
    fallen = [each for each in found if each.baseline is not None and each.baseline - each.share > FALL]
    if fallen:
        worst = max(fallen, key=lambda each: (each.baseline or 0.0) - each.share)
        said.append(
            f"labels are missing that main's run had: {worst.part} is labelled in {share(worst.share)}, "
            f"{share(worst.baseline or 0.0)} on main"
        )
    asked = settings.gates.pending or Pending()
    if late and late[0] > asked.at_most * late[1]:
        said.append(
            f"{late[0]:,} of {plural(late[1], 'row')} are still {asked.status} {asked.after} after their time: their "
            "labels may be missing with a reason"
        )
    if fifths:
        low, high = fifths[0], fifths[-1]
        error = sum(max(each.share * (1 - each.share), 1e-6) / each.rows for each in (low, high)) ** 0.5
        if abs(low.share - high.share) > max(APART, SURE * error):
            said.append(
                f"whether an outcome is missing depends on the model's own score: {share(low.share)} of the rows with "
                f"the lowest scores have one, {share(high.share)} of those with the highest, so the metrics leave out "
                "a kind of row"
            )
    return said
