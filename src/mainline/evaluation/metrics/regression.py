"""Metrics of a regression, in the unit of the label unless stated otherwise.

`rows.y` are the labels, `rows.score` the predictions. `bias` is the mean of prediction minus label, with its sign: no
direction of it is better. `mape` is a share (0.1 is 10 %) and NaN in a resample with a label of zero, where it is
not defined (scikit-learn divides by 2e-16 instead). `r2` is NaN where all labels are equal.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from mainline.evaluation.metrics.declaration import metric as any_metric

if TYPE_CHECKING:
    from mainline.evaluation.bootstrap import Counts, FloatArray, IntArray
    from mainline.evaluation.metrics.resampled import Resampled

metric = partial(any_metric, task="regression")

_CELLS = 1 << 19  # numbers in one temporary array: 4 MB
_ROUNDING = 1e-12  # a variance below this share of the mean square is the rounding of zero


def sums(rows: Resampled) -> dict[str, FloatArray]:
    """What most of the metrics are made of, in one matrix product: each sum in each resample."""
    import numpy as np

    from mainline.evaluation.metrics.block_sums import per_block, totals

    y, error = rows.y, rows.score - rows.y
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
        "zeros": zero,
    }
    n_blocks = rows.counts.shape[1]
    found = totals(rows.counts, {name: per_block(rows.blocks, n_blocks, column) for name, column in columns.items()})
    return {name: column[:, 0] for name, column in found.items()}


@metric("mae", title="MAE", greater_is_better=False)
def mae(rows: Resampled) -> FloatArray:
    found = rows.shared(sums)
    return rows.ratio(found["absolute"], found["rows"])


@metric("rmse", title="RMSE", greater_is_better=False)
def rmse(rows: Resampled) -> FloatArray:
    import numpy as np

    found = rows.shared(sums)
    return np.sqrt(rows.ratio(found["square"], found["rows"]))


@metric("r2", title="R²", greater_is_better=True)
def r2(rows: Resampled) -> FloatArray:
    import numpy as np

    found = rows.shared(sums)
    label, label_square = found["label"], found["label_square"]
    variation = label_square - label * np.nan_to_num(rows.ratio(label, found["rows"]))
    return 1 - rows.ratio(found["square"], np.where(variation > _ROUNDING * label_square, variation, 0))


@metric("bias", greater_is_better=None)
def bias(rows: Resampled) -> FloatArray:
    found = rows.shared(sums)
    return rows.ratio(found["error"], found["rows"])


@metric("median_absolute_error", greater_is_better=False)
def median_absolute_error(rows: Resampled) -> FloatArray:
    import numpy as np

    return median(np.abs(rows.score - rows.y), rows.blocks, rows.counts)


@metric("mape", title="MAPE", greater_is_better=False)
def mape(rows: Resampled) -> FloatArray:
    import numpy as np

    found = rows.shared(sums)
    return rows.ratio(found["relative"], np.where(found["zeros"] > 0, 0, found["rows"]))


def median(values: FloatArray, blocks: IntArray, counts: Counts) -> FloatArray:
    """The median of `values` (n,) in each resample, the mean of the middle two where there are two; NaN of nothing."""
    import numpy as np

    order = np.argsort(values, kind="stable")
    ordered = values[order]
    out: FloatArray = np.full(len(counts), np.nan)
    step = max(1, _CELLS // values.size)
    for start in range(0, len(counts), step):
        drawn = np.take(counts[start : start + step], blocks[order], axis=1)
        for resample, reached in enumerate(np.cumsum(drawn, axis=1, dtype=np.int64), start):
            if rows := int(reached[-1]):
                middle = np.searchsorted(reached, [(rows - 1) // 2, rows // 2], side="right")
                out[resample] = ordered[middle].mean()
    return out
