"""Expected calibration error over fixed bins of equal width."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mainline.evaluation.bootstrap import FloatArray, IntArray
from mainline.evaluation.metrics.block_sums import per_block, ratio

# Ten, so that the smallest slice that is measured (200 rows) still has 20 rows per bin. The edges are fixed, so that
# both models, every slice and every resample use the same bins: quantile bins would move.
BINS = 10


def residuals(
    probability: FloatArray, outcome: IntArray | NDArray[np.bool_], blocks: IntArray, n_blocks: int
) -> FloatArray:
    """Outcome minus probability, summed by block and bin: (n_blocks, BINS). All that the error needs."""
    which = np.minimum((probability * BINS).astype(np.intp), BINS - 1)
    return per_block(blocks, n_blocks, outcome - probability, which, BINS)


def calibration_error(residual: FloatArray, rows: FloatArray) -> FloatArray:
    """ECE (Naeini, Cooper & Hauskrecht 2015, AAAI): the bins' |mean outcome - mean probability|, weighted by rows.

    The rows of a bin cancel: it is the sum of |summed residuals| over all bins, per row. Sampling noise adds to it
    (an absolute value cannot be negative), and adds again in a resample: read its differences, not its level.
    """
    return ratio(np.abs(residual).sum(axis=1), rows)
