"""Metrics of a classifier with more than two classes: decisions, probabilities, and ranking by class.

`rows.y` are codes 0 to k - 1, `rows.score` (n, k) the probabilities of the classes; the predicted class is the first
of the most probable. As in scikit-learn, macro averages run over the classes that occur in the resample, as label or
as prediction, with 0 for what is 0 of 0; balanced accuracy over those that occur as label; Brier is not halved (0 to
2). `roc_auc`, the mean over each class against the rest, is NaN where a class is missing; `calibration_error` is that
of the predicted class.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from mainline.evaluation.metrics.declaration import metric as any_metric

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mainline.evaluation.bootstrap import FloatArray
    from mainline.evaluation.metrics.resampled import Resampled

metric = partial(any_metric, task="multiclass")


def sums(rows: Resampled) -> dict[str, FloatArray]:
    """What most of the metrics are made of, in one matrix product; counts by class are (1 + resamples, k)."""
    import numpy as np

    from mainline.evaluation.metrics import calibration
    from mainline.evaluation.metrics.block_sums import clipped_log, per_block, totals

    y, score, blocks = rows.y, rows.score, rows.blocks
    n_blocks, k = rows.counts.shape[1], score.shape[1]
    probability = score.astype(np.float64)
    predicted = probability.argmax(axis=1)
    right = predicted == y
    ones = np.ones(len(y))
    own = np.arange(len(y)), y
    square = (probability**2).sum(axis=1) - 2 * probability[own] + 1
    found = totals(
        rows.counts,
        {
            "residual": calibration.residuals(probability.max(axis=1), right, blocks, n_blocks),
            "loss": per_block(blocks, n_blocks, -clipped_log(score[own])),
            "square": per_block(blocks, n_blocks, square),
            "actual": per_block(blocks, n_blocks, ones, y, k),
            "predicted": per_block(blocks, n_blocks, ones, predicted, k),
            "hit": per_block(blocks, n_blocks, right, y, k),
        },
    )
    return {**found, "rows": found["actual"].sum(axis=1)}


def mean_over(numerator: FloatArray, denominator: FloatArray, occurs: NDArray[np.bool_]) -> FloatArray:
    """The mean of a share over the classes that occur."""
    import numpy as np

    from mainline.evaluation.metrics.block_sums import ratio

    shares = np.nan_to_num(ratio(numerator, denominator))
    return ratio((shares * occurs).sum(axis=1), occurs.sum(axis=1).astype(np.float64))


@metric("accuracy", greater_is_better=True)
def accuracy(rows: Resampled) -> FloatArray:
    found = rows.shared(sums)
    return rows.ratio(found["hit"].sum(axis=1), found["rows"])


@metric("balanced_accuracy", greater_is_better=True)
def balanced_accuracy(rows: Resampled) -> FloatArray:
    found = rows.shared(sums)
    return mean_over(found["hit"], found["actual"], found["actual"] > 0)


@metric("macro_precision", greater_is_better=True)
def macro_precision(rows: Resampled) -> FloatArray:
    found = rows.shared(sums)
    return mean_over(found["hit"], found["predicted"], found["actual"] + found["predicted"] > 0)


@metric("macro_recall", greater_is_better=True)
def macro_recall(rows: Resampled) -> FloatArray:
    found = rows.shared(sums)
    return mean_over(found["hit"], found["actual"], found["actual"] + found["predicted"] > 0)


@metric("macro_f1", title="macro F1", greater_is_better=True)
def macro_f1(rows: Resampled) -> FloatArray:
    found = rows.shared(sums)
    either = found["actual"] + found["predicted"]
    return mean_over(2 * found["hit"], either, either > 0)


@metric("roc_auc", title="ROC AUC", greater_is_better=True)
def roc_auc(rows: Resampled) -> FloatArray:
    """One class against the rest, averaged over the classes."""
    import numpy as np

    from mainline.evaluation.metrics import ranking

    total: FloatArray = np.zeros(len(rows.counts))
    for code, column in enumerate(rows.score.astype(np.float64).T):
        points = ranking.points(rows.y == code, column)
        total += ranking.roc_auc(points, rows.blocks, rows.counts) / rows.score.shape[1]
    return total


@metric("log_loss", greater_is_better=False)
def log_loss(rows: Resampled) -> FloatArray:
    found = rows.shared(sums)
    return rows.ratio(found["loss"][:, 0], found["rows"])


@metric("brier", title="Brier", greater_is_better=False)
def brier(rows: Resampled) -> FloatArray:
    found = rows.shared(sums)
    return rows.ratio(found["square"][:, 0], found["rows"])


@metric("calibration_error", greater_is_better=False)
def calibration_error(rows: Resampled) -> FloatArray:
    from mainline.evaluation.metrics import calibration

    found = rows.shared(sums)
    return calibration.calibration_error(found["residual"], found["rows"])
