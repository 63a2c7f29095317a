"""Labelled rows with a model's scores, and the resamples of their blocks: what a metric is measured on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mainline.evaluation.bootstrap import Counts, FloatArray, IntArray
from mainline.evaluation.metrics import block_sums

T = TypeVar("T")


@dataclass(frozen=True)
class Resampled:
    """n rows and 1 + resamples ways to weigh them; the first way counts every row once.

    `y` (n,) are 0 and 1, class codes, or numbers. `score` is the probability of 1 (n,), the probabilities of the
    classes (n, k), or the prediction (n,).
    """

    y: NDArray[Any]
    score: NDArray[np.floating]  # in the model's own precision, which decides where log loss is clipped
    blocks: IntArray  # (n,) the column of `counts`
    counts: Counts  # (1 + resamples, blocks), only the columns of blocks that occur among the rows
    threshold: float = 0.5  # at or above it a row is predicted positive (binary)
    _shared: dict[Callable[[Resampled], Any], Any] = field(default_factory=dict, init=False, repr=False)

    def total(self, values: ArrayLike) -> FloatArray:
        """The sum of `values` (n,) in each resample: (1 + resamples,)."""
        table = block_sums.per_block(self.blocks, self.counts.shape[1], values)
        return block_sums.product(self.counts, table)[:, 0]

    def mean(self, values: ArrayLike) -> FloatArray:
        """The mean of `values` (n,) in each resample."""
        return self.ratio(self.total(values), self.total(np.ones(len(self.y))))

    def each(self, function: Callable[[NDArray[Any], NDArray[np.floating], NDArray[np.int64]], float]) -> FloatArray:
        """`function(y, score, weights)` of each resample, such as a metric of scikit-learn with `sample_weight`.

        It is called 1 + resamples times; sums are a thousand times as fast. A ValueError is NaN.
        """
        found = np.full(len(self.counts), np.nan)
        for resample, counts in enumerate(self.counts):
            try:
                found[resample] = function(self.y, self.score, counts[self.blocks].astype(np.int64))
            except ValueError:
                continue
        return found

    def shared(self, compute: Callable[[Resampled], T]) -> T:
        """`compute(self)`, once for all metrics that ask for it."""
        if compute not in self._shared:
            self._shared[compute] = compute(self)
        found: T = self._shared[compute]
        return found

    @staticmethod
    def ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
        """NaN where nothing is there to divide by."""
        return block_sums.ratio(numerator, denominator)
