"""Metrics that are sums over rows: what each block adds, once; then every resample is one matrix product."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mainline.evaluation.bootstrap import Counts, FloatArray, IntArray

_CELLS = 1 << 21  # counts widened to floats at once: 16 MB


def per_block(
    blocks: IntArray, n_blocks: int, values: ArrayLike, group: IntArray | int = 0, groups: int = 1
) -> FloatArray:
    """The sums of `values` (n,) by block and by `group` (n,), 0 to groups - 1: (n_blocks, groups)."""
    weights = np.asarray(values, dtype=np.float64)
    sums = np.bincount(blocks * groups + group, weights=weights, minlength=n_blocks * groups)
    return sums.astype(np.float64, copy=False).reshape(n_blocks, groups)


def product(counts: Counts, table: FloatArray) -> FloatArray:
    """`counts @ table`, with no more than a few rows of the counts as floats at a time."""
    step = max(1, _CELLS // counts.shape[1])
    out = np.empty((len(counts), table.shape[1]))
    for start in range(0, len(counts), step):
        np.matmul(counts[start : start + step].astype(np.float64), table, out=out[start : start + step])
    return out


def totals(counts: Counts, tables: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Every table (n_blocks, k) summed over each resample: (1 + resamples, k), in one product for all."""
    widths = np.cumsum([table.shape[1] for table in tables.values()])
    parts = np.split(product(counts, np.hstack(list(tables.values()))), widths[:-1], axis=1)
    return dict(zip(tables, parts, strict=True))


def ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """NaN, without a warning, where nothing is there to divide by."""
    shape = np.broadcast_shapes(numerator.shape, denominator.shape)
    out: FloatArray = np.full(shape, np.nan)
    np.divide(numerator, denominator, out=out, where=denominator != 0)
    return out


def clipped_log(probability: NDArray[np.floating]) -> FloatArray:
    """The logarithm after clipping to the machine epsilon of the probability's own type, as scikit-learn does."""
    epsilon = np.finfo(probability.dtype).eps
    logarithm: FloatArray = np.log(np.clip(probability, epsilon, 1 - epsilon), dtype=np.float64)
    return logarithm
