"""The paired bootstrap over blocks: a resample is a vector that says how often each block was drawn.

Rows of one block (a day, a customer) are not independent, so whole blocks are drawn. Metrics are computed
from what each block contributes, for all resamples at once, and never by scoring rows again; see
`mainline.evaluation.metrics`. Two models measured with the same counts are paired: subtract, then take the interval.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from mainline.evaluation.results import Interval

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]
Counts = NDArray[np.integer]

UNMEASURED = 0.05  # more resamples than this without a value, and the quantiles of the rest are not those of the metric
_CELLS = 1 << 21  # drawn at once: 16 MB


def draw(n_blocks: int, resamples: int, seed: int) -> NDArray[np.uint8]:
    """How often each resample holds each block: `n_blocks` draws with replacement.

    Parameters
    ----------
    n_blocks, resamples, seed
        The same three numbers give the same counts, on every machine.

    Returns
    -------
    array of shape (1 + resamples, n_blocks)
        Row 0 is all ones: the data as they are. One byte a count keeps the case in which every row is a
        block small (56 MB for 28,000 rows and 2,000 resamples); a block drawn 256 times has a
        probability below 1e-500.
    """
    if n_blocks < 1:
        raise ValueError("there is no block to draw from: the holdout is empty")
    counts = np.ones((1 + resamples, n_blocks), dtype=np.uint8)
    generator = np.random.default_rng(seed)
    step = max(1, _CELLS // n_blocks)
    for start in range(1, 1 + resamples, step):
        rows = min(step, 1 + resamples - start)
        drawn = generator.integers(n_blocks, size=(rows, n_blocks))
        drawn += np.arange(rows)[:, np.newaxis] * n_blocks
        counts[start : start + rows] = np.bincount(drawn.ravel(), minlength=rows * n_blocks).reshape(rows, n_blocks)
    return counts


def interval(values: FloatArray, confidence: float, n_blocks: int | None = None) -> Interval:
    """The percentile interval of a metric, or of the difference of two.

    Parameters
    ----------
    values
        Shape (1 + resamples,): the value on the data as they are, then on each resample.
    confidence
        Such as 0.95: the interval runs from the 2.5 % to the 97.5 % quantile of the resamples
        (Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapter 13).
    n_blocks
        How many blocks were resampled. Where given, the interval is widened by as much as percentiles are known
        to be too narrow with so few (the expanded percentile interval: Hesterberg 2015, What Teachers Should
        Know About the Bootstrap, The American Statistician 69). Of 1,500 simulated pairs of equal models on 30
        days, 95 % intervals separate 4.5 % by AUC and 4.6 % by Brier with it, 5.9 % and 6.7 % without.

    Returns
    -------
    Interval
        Resamples that are NaN are left out. `low` and `high` are None where more than 5 % of them are, or
        the value itself is, or there are none; `value` is NaN where the data cannot be measured at all.
    """
    value, resampled = float(values[0]), values[1:]
    measured = resampled[~np.isnan(resampled)]
    if np.isnan(value) or measured.size == 0 or measured.size < (1 - UNMEASURED) * resampled.size or n_blocks == 1:
        return Interval(value, None, None)
    tail = (1 - confidence) / 2
    if n_blocks is not None:
        tail = widened(tail, n_blocks)
    low, high = np.quantile(measured, [tail, 1 - tail])
    return Interval(value, float(low), float(high))


def widened(tail: float, n_blocks: int) -> float:
    """The tail of the normal distribution beyond Student's quantile for `n_blocks`, times sqrt(n / (n - 1))."""
    from scipy.special import stdtrit

    freedom = n_blocks - 1
    student = -float(stdtrit(freedom, tail))
    return NormalDist().cdf(-student * math.sqrt(n_blocks / freedom))
