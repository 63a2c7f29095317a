"""Metrics of a regression, in the unit of the label where nothing else is said."""

from __future__ import annotations

import numpy as np

from mainline.evaluation.bootstrap import Counts, FloatArray, IntArray
from mainline.evaluation.metrics.block_sums import per_block, ratio, totals

GREATER_IS_BETTER = {
    "mae": False,
    "rmse": False,
    "r2": True,
    "bias": False,
    "median_absolute_error": False,
    "mape": False,
}

_CELLS = 1 << 19  # numbers in one temporary array: 4 MB
_ROUNDING = 1e-12  # a variance below this share of the mean square is the rounding of zero


def measure(y: FloatArray, prediction: FloatArray, blocks: IntArray, counts: Counts) -> dict[str, FloatArray]:
    """`y` and `prediction`, both (n,): every metric on each resample.

    `bias` is the mean of prediction minus label, with its sign: no direction of it is better. `mape` is a share
    (0.1 is 10 %) and NaN in a resample with a label of zero, of which there is no percentage (scikit-learn divides
    by 2e-16 instead). `r2` is NaN where all labels are equal.
    """
    n_blocks = counts.shape[1]
    error = prediction - y
    centred = y - y.mean()  # the sums of squares below would cancel far from zero
    zero = y == 0
    columns = {
        "rows": np.ones(len(y)),
        "error": error,
        "absolute": np.abs(error),
        "square": error**2,
        "label": centred,
        "label_square": centred**2,
        "relative": np.abs(error) / np.where(zero, 1, np.abs(y)),
        "zero": zero,
    }
    sums = totals(counts, {name: per_block(blocks, n_blocks, column) for name, column in columns.items()})
    rows, error_sum, absolute, square, label, label_square, relative, zeros = (s[:, 0] for s in sums.values())
    variation = label_square - label * np.nan_to_num(ratio(label, rows))
    return {
        "mae": ratio(absolute, rows),
        "rmse": np.sqrt(ratio(square, rows)),
        "r2": 1 - ratio(square, np.where(variation > _ROUNDING * label_square, variation, 0)),
        "bias": ratio(error_sum, rows),
        "median_absolute_error": median(np.abs(error), blocks, counts),
        "mape": ratio(relative, np.where(zeros > 0, 0, rows)),
    }


def median(values: FloatArray, blocks: IntArray, counts: Counts) -> FloatArray:
    """The median of `values` (n,) in each resample, the mean of the middle two where there are two; NaN of nothing."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    out = np.full(len(counts), np.nan)
    step = max(1, _CELLS // values.size)
    for start in range(0, len(counts), step):
        drawn = np.take(counts[start : start + step], blocks[order], axis=1)
        for resample, reached in enumerate(np.cumsum(drawn, axis=1, dtype=np.int64), start):
            if rows := int(reached[-1]):
                middle = np.searchsorted(reached, [(rows - 1) // 2, rows // 2], side="right")
                out[resample] = ordered[middle].mean()
    return out
