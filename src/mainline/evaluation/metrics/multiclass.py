"""Metrics of a classifier with more than two classes: decisions, probabilities, and ranking by class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mainline.evaluation.bootstrap import Counts, FloatArray, IntArray
from mainline.evaluation.metrics import calibration, ranking
from mainline.evaluation.metrics.block_sums import clipped_log, per_block, ratio, totals

GREATER_IS_BETTER = {
    "accuracy": True,
    "balanced_accuracy": True,
    "macro_precision": True,
    "macro_recall": True,
    "macro_f1": True,
    "roc_auc": True,
    "log_loss": False,
    "brier": False,
    "calibration_error": False,
}


def measure(y: IntArray, score: NDArray[np.floating], blocks: IntArray, counts: Counts) -> dict[str, FloatArray]:
    """`y` (n,) of codes 0 to k - 1, `score` (n, k) the classes' probabilities: every metric on each resample.

    The predicted class is the first of the most probable. As in scikit-learn, macro averages run over the classes
    that occur in the resample, as label or as prediction, with 0 for what is 0 of 0; balanced accuracy over those
    that occur as label; Brier is not halved (0 to 2). `roc_auc`, the mean over each class against the rest, is NaN
    where a class is missing; `calibration_error` is that of the predicted class.
    """
    n_blocks, k = counts.shape[1], score.shape[1]
    probability = score.astype(np.float64)
    predicted = probability.argmax(axis=1)
    right = predicted == y
    ones = np.ones(len(y))
    own = np.arange(len(y)), y
    square = (probability**2).sum(axis=1) - 2 * probability[own] + 1
    sums = totals(
        counts,
        {
            "residual": calibration.residuals(probability.max(axis=1), right, blocks, n_blocks),
            "loss": per_block(blocks, n_blocks, -clipped_log(score[own])),
            "square": per_block(blocks, n_blocks, square),
            "actual": per_block(blocks, n_blocks, ones, y, k),
            "claimed": per_block(blocks, n_blocks, ones, predicted, k),
            "hit": per_block(blocks, n_blocks, right, y, k),
        },
    )
    actual, claimed, hit = sums["actual"], sums["claimed"], sums["hit"]
    rows = actual.sum(axis=1)
    return {
        "accuracy": ratio(hit.sum(axis=1), rows),
        "balanced_accuracy": _mean_where(hit, actual, actual > 0),
        "macro_precision": _mean_where(hit, claimed, actual + claimed > 0),
        "macro_recall": _mean_where(hit, actual, actual + claimed > 0),
        "macro_f1": _mean_where(2 * hit, actual + claimed, actual + claimed > 0),
        "roc_auc": _one_against_rest(y, probability, blocks, counts),
        "log_loss": ratio(sums["loss"][:, 0], rows),
        "brier": ratio(sums["square"][:, 0], rows),
        "calibration_error": calibration.calibration_error(sums["residual"], rows),
    }


def _mean_where(numerator: FloatArray, denominator: FloatArray, occurs: NDArray[np.bool_]) -> FloatArray:
    shares = np.nan_to_num(ratio(numerator, denominator))
    return ratio((shares * occurs).sum(axis=1), occurs.sum(axis=1).astype(np.float64))


def _one_against_rest(y: IntArray, probability: FloatArray, blocks: IntArray, counts: Counts) -> FloatArray:
    total: FloatArray = np.zeros(len(counts))
    for code, column in enumerate(probability.T):
        total += ranking.roc_auc(ranking.points(y == code, column), blocks, counts) / probability.shape[1]
    return total
