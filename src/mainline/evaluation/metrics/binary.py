"""Metrics of a binary classifier: ranking, probabilities, and decisions at a threshold."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mainline.evaluation.bootstrap import Counts, FloatArray, IntArray
from mainline.evaluation.metrics import calibration, ranking
from mainline.evaluation.metrics.block_sums import clipped_log, per_block, ratio, totals

GREATER_IS_BETTER = {
    "roc_auc": True,
    "average_precision": True,
    "log_loss": False,
    "brier": False,
    "calibration_error": False,
    "precision": True,
    "recall": True,
    "f1": True,
    "accuracy": True,
}


def measure(
    y: IntArray, score: NDArray[np.floating], blocks: IntArray, counts: Counts, *, threshold: float
) -> dict[str, FloatArray]:
    """`y` (n,) of 0 and 1, `score` (n,) the probability of 1: every metric on each resample.

    A row is predicted positive at `threshold` or above. Both ranking metrics are NaN with a single class,
    precision without a predicted positive, recall without a positive, F1 without either.
    """
    n_blocks = counts.shape[1]
    positive, predicted = y == 1, score >= threshold
    probability = score.astype(np.float64)
    sums = totals(
        counts,
        {
            "residual": calibration.residuals(probability, y, blocks, n_blocks),
            "rows": per_block(blocks, n_blocks, np.ones(len(y))),
            "loss": per_block(blocks, n_blocks, -np.where(positive, clipped_log(score), clipped_log(1 - score))),
            "square": per_block(blocks, n_blocks, (probability - y) ** 2),
            "positive": per_block(blocks, n_blocks, positive),
            "predicted": per_block(blocks, n_blocks, predicted),
            "hit": per_block(blocks, n_blocks, positive & predicted),
        },
    )
    residual = sums.pop("residual")
    rows, loss, square, actual, claimed, hit = (column[:, 0] for column in sums.values())
    ranked = ranking.points(positive, probability)
    return {
        "roc_auc": ranking.roc_auc(ranked, blocks, counts),
        "average_precision": ranking.average_precision(ranked, blocks, counts),
        "log_loss": ratio(loss, rows),
        "brier": ratio(square, rows),
        "calibration_error": calibration.calibration_error(residual, rows),
        "precision": ratio(hit, claimed),
        "recall": ratio(hit, actual),
        "f1": ratio(2 * hit, actual + claimed),
        "accuracy": ratio(rows - actual - claimed + 2 * hit, rows),
    }
