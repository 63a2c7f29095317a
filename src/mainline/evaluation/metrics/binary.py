"""Metrics of a binary classifier: ranking, probabilities, and decisions at a threshold.

`rows.y` are 0 and 1, `rows.score` is the probability of 1. A row is predicted positive at the threshold or above.
Both ranking metrics are NaN with a single class, precision without a predicted positive, recall without a positive,
F1 without either.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from mainline.evaluation.metrics.declaration import metric as any_metric

if TYPE_CHECKING:
    from mainline.evaluation.bootstrap import FloatArray
    from mainline.evaluation.metrics.ranking import Points
    from mainline.evaluation.metrics.resampled import Resampled

metric = partial(any_metric, task="binary")


def sums(rows: Resampled) -> dict[str, FloatArray]:
    """What most of the metrics are made of, in one matrix product: each sum in each resample."""
    import numpy as np

    from mainline.evaluation.metrics import calibration
    from mainline.evaluation.metrics.block_sums import clipped_log, per_block, totals

    y, score, blocks, n_blocks = rows.y, rows.score, rows.blocks, rows.counts.shape[1]
    positive, predicted = y == 1, score >= rows.threshold
    probability = score.astype(np.float64)
    found = totals(
        rows.counts,
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
    return {name: column if name == "residual" else column[:, 0] for name, column in found.items()}


def ranked(rows: Resampled) -> Points:
    import numpy as np

    from mainline.evaluation.metrics import ranking

    return ranking.points(rows.y == 1, rows.score.astype(np.float64))


@metric("roc_auc", title="ROC AUC", greater_is_better=True)
def roc_auc(rows: Resampled) -> FloatArray:
    from mainline.evaluation.metrics import ranking

    return ranking.roc_auc(rows.shared(ranked), rows.blocks, rows.counts)


@metric("average_precision", greater_is_better=True)
def average_precision(rows: Resampled) -> FloatArray:
    from mainline.evaluation.metrics import ranking

    return ranking.average_precision(rows.shared(ranked), rows.blocks, rows.counts)


@metric("log_loss", greater_is_better=False)
def log_loss(rows: Resampled) -> FloatArray:
    found = rows.shared(sums)
    return rows.ratio(found["loss"], found["rows"])


@metric("brier", title="Brier", greater_is_better=False)
def brier(rows: Resampled) -> FloatArray:
    found = rows.shared(sums)
    return rows.ratio(found["square"], found["rows"])


@metric("calibration_error", greater_is_better=False)
def calibration_error(rows: Resampled) -> FloatArray:
    from mainline.evaluation.metrics import calibration

    found = rows.shared(sums)
    return calibration.calibration_error(found["residual"], found["rows"])


@metric("precision", greater_is_better=True)
def precision(rows: Resampled) -> FloatArray:
    found = rows.shared(sums)
    return rows.ratio(found["hit"], found["predicted"])


@metric("recall", greater_is_better=True)
def recall(rows: Resampled) -> FloatArray:
    found = rows.shared(sums)
    return rows.ratio(found["hit"], found["positive"])


@metric("f1", title="F1", greater_is_better=True)
def f1(rows: Resampled) -> FloatArray:
    found = rows.shared(sums)
    return rows.ratio(2 * found["hit"], found["positive"] + found["predicted"])


@metric("accuracy", greater_is_better=True)
def accuracy(rows: Resampled) -> FloatArray:
    found = rows.shared(sums)
    right = found["rows"] - found["positive"] - found["predicted"] + 2 * found["hit"]
    return rows.ratio(right, found["rows"])
