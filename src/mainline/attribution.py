"""Why the metric changed: how much of it the data did, and how much the model.

Four numbers are wanted: either model on either holdout. The change from main's run (its model on
its holdout) to this one is walked on both ways, data first and model first, and averaged (Shapley
values of two players), so that the parts add up to the whole.
"""

from __future__ import annotations

from mainline.results import Attribution

BOTH_WAYS = "both models on both holdouts, the mean of both orders"
ONE_WAY = "main's model on both holdouts, this model on its own alone: it {why}"
TRAINED_ON = "was trained on rows of main's holdout"
CANNOT_SCORE = "cannot score main's holdout"
SAME_ROWS = "the data are the same: all of it is the model's"


def attribute(
    metric: str,
    baseline_on_its_own: float,
    baseline_on_candidates: float,
    candidate_on_its_own: float,
    candidate_on_baselines: float | None,
    why_not: str = TRAINED_ON,
) -> Attribution:
    """Split `candidate_on_its_own - baseline_on_its_own`.

    `candidate_on_baselines` is None where that number would flatter the candidate, or cannot be had
    (`why_not` says which); then only the walk over the data first is there.
    """
    total = candidate_on_its_own - baseline_on_its_own
    data_first = baseline_on_candidates - baseline_on_its_own
    if candidate_on_baselines is None:
        return Attribution(metric, total, data_first, total - data_first, ONE_WAY.format(why=why_not))
    data_last = candidate_on_its_own - candidate_on_baselines
    due_to_data = (data_first + data_last) / 2
    return Attribution(metric, total, due_to_data, total - due_to_data, BOTH_WAYS)


def all_models(metric: str, baseline: float, candidate: float) -> Attribution:
    return Attribution(metric, candidate - baseline, 0.0, candidate - baseline, SAME_ROWS)
