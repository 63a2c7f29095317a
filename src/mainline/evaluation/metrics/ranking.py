"""ROC AUC and average precision of every resample, exact with ties, in two ways that agree.

Both metrics are sums over *points*: the distinct scores of positives, from the highest. Negatives between two
points only matter by their number, which is why a row is known by its point and no longer by its score.

By blocks: counts per block at each point, then matrix products; cheap while blocks are few. By rows: the counts of
a resample are laid out in the order of the scores and summed up; its cost does not depend on the number of blocks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mainline.evaluation.bootstrap import Counts, FloatArray, IntArray
from mainline.evaluation.metrics.block_sums import per_block, product, ratio

_CELLS = 1 << 19  # numbers in one temporary array, 4 MB: it stays in the cache, and no more than ten are alive


@dataclass(frozen=True)
class Points:
    """Where each row stands among the positives' scores."""

    positive: NDArray[np.bool_]  # (n,)
    point: IntArray  # (n,) the first point whose threshold takes the row in; `size` where none does
    tied: NDArray[np.bool_]  # (n,) negatives with exactly the score of their point
    size: int


def points(positive: NDArray[np.bool_], score: FloatArray) -> Points:
    thresholds = np.unique(score[positive])
    reached = np.searchsorted(thresholds, score, side="right")
    nearest = thresholds[np.maximum(reached, 1) - 1] if thresholds.size else np.full(score.shape, np.nan)
    return Points(positive, thresholds.size - reached, ~positive & (score == nearest), thresholds.size)


def roc_auc(ranked: Points, blocks: IntArray, counts: Counts) -> FloatArray:
    """The share of (positive, negative) pairs in the right order, ties one half; NaN with a single class.

    Parameters
    ----------
    ranked
        Of n rows.
    blocks
        (n,) codes of the columns of `counts`.
    counts
        (1 + resamples, n_blocks), as `mainline.evaluation.bootstrap.draw` makes them.

    Returns
    -------
    array of shape (1 + resamples,)
        Mann & Whitney 1947; equal to `sklearn.metrics.roc_auc_score`.
    """
    n_blocks = counts.shape[1]
    if n_blocks**2 * (ranked.size + len(counts)) < 70 * ranked.point.size * len(counts):
        return roc_auc_by_blocks(ranked, blocks, counts)
    return roc_auc_by_rows(ranked, blocks, counts)


def average_precision(ranked: Points, blocks: IntArray, counts: Counts) -> FloatArray:
    """The precision at each positive's score, ties together, averaged over the positives; NaN with a single class.

    Shapes as in `roc_auc`; equal to `sklearn.metrics.average_precision_score`.
    """
    if counts.shape[1] * ranked.size < 60 * ranked.point.size:
        return average_precision_by_blocks(ranked, blocks, counts)
    return average_precision_by_rows(ranked, blocks, counts)


def roc_auc_by_blocks(ranked: Points, blocks: IntArray, counts: Counts) -> FloatArray:
    n_blocks = counts.shape[1]
    positives, negatives = _classes(ranked, blocks, n_blocks).T
    concordant = np.outer(positives, negatives)  # [i, j]: positives of block i above negatives of block j
    above = np.zeros((n_blocks, 1))
    for gained, passed, tied in _tables(ranked, blocks, n_blocks, step=max(16, _CELLS // n_blocks)):
        reached = above + np.cumsum(passed, axis=1)
        concordant -= gained @ (reached - tied / 2).T
        above = reached[:, -1:]
    pairs = product(counts, positives[:, np.newaxis])[:, 0] * product(counts, negatives[:, np.newaxis])[:, 0]
    return ratio(np.einsum("bj,bj->b", product(counts, concordant), counts), pairs)


def average_precision_by_blocks(ranked: Points, blocks: IntArray, counts: Counts) -> FloatArray:
    n_blocks, resamples = counts.shape[1], len(counts)
    step = max(16, _CELLS // 4 // resamples)
    drawn = product(counts, _classes(ranked, blocks, n_blocks))
    # Whole numbers below 2^24 are exact in float32, and their products twice as fast.
    whole = np.float32 if drawn.sum(axis=1).max() < 1 << 24 else np.float64
    weights = counts.astype(whole)
    found, taken = np.zeros((resamples, step + 1), whole), np.empty((resamples, step), whole)
    gain, precision = np.empty((resamples, step)), np.empty((resamples, step))
    hits, rows = np.zeros((n_blocks, 1)), np.zeros((n_blocks, 1))
    total, width = np.zeros(resamples), 0
    for gained, passed, _ in _tables(ranked, blocks, n_blocks, step):
        hits = hits[:, -1:] + np.cumsum(gained, axis=1)
        rows = rows[:, -1:] + np.cumsum(gained + passed, axis=1)
        found[:, 0] = found[:, width]
        width = gained.shape[1]
        now, before, all_taken = found[:, 1 : width + 1], found[:, :width], taken[:, :width]
        np.matmul(weights, hits.astype(whole), out=now)
        np.matmul(weights, rows.astype(whole), out=all_taken)
        np.maximum(all_taken, 1, out=all_taken)  # nothing drawn so far: 0 of 0, and no positive to weigh it
        np.divide(now, all_taken, out=precision[:, :width], dtype=np.float64)
        np.subtract(now, before, out=gain[:, :width])
        total += np.einsum("bp,bp->b", precision[:, :width], gain[:, :width])
    return _per_positive(total, ranked, blocks, counts)


def roc_auc_by_rows(ranked: Points, blocks: IntArray, counts: Counts) -> FloatArray:
    n_positive, n_negative = product(counts, _classes(ranked, blocks, counts.shape[1])).T
    concordant = np.empty(len(counts))
    for resamples, gained, taken, tied in _cumulated(ranked, blocks, counts):
        above = taken - np.cumsum(gained, axis=1) - tied / 2
        concordant[resamples] = n_positive[resamples] * n_negative[resamples]
        concordant[resamples] -= np.einsum("bp,bp->b", gained, above, dtype=np.float64)
    return ratio(concordant, n_positive * n_negative)


def average_precision_by_rows(ranked: Points, blocks: IntArray, counts: Counts) -> FloatArray:
    total = np.empty(len(counts))
    for resamples, gained, taken, _ in _cumulated(ranked, blocks, counts):
        precision = np.cumsum(gained, axis=1) / np.maximum(taken, 1)
        total[resamples] = np.einsum("bp,bp->b", gained, precision)
    return _per_positive(total, ranked, blocks, counts)


def _classes(ranked: Points, blocks: IntArray, n_blocks: int) -> FloatArray:
    """Positives and negatives by block: (n_blocks, 2)."""
    positive = per_block(blocks, n_blocks, ranked.positive)
    return np.hstack([positive, per_block(blocks, n_blocks, ~ranked.positive)])


def _per_positive(total: FloatArray, ranked: Points, blocks: IntArray, counts: Counts) -> FloatArray:
    n_positive, n_negative = product(counts, _classes(ranked, blocks, counts.shape[1])).T
    return ratio(total, np.where(n_negative > 0, n_positive, 0))


def _tables(
    ranked: Points, blocks: IntArray, n_blocks: int, step: int
) -> Iterator[tuple[FloatArray, FloatArray, FloatArray]]:
    """By block and point, `step` points at a time: positives, negatives, and those of the negatives that are tied."""
    order = np.argsort(ranked.point, kind="stable")
    placed = ranked.point[order]
    for first in range(0, ranked.size, step):
        width = min(step, ranked.size - first)
        start, stop = np.searchsorted(placed, [first, first + width])
        rows = order[start:stop]
        gained, passed, tied = (
            per_block(blocks[rows], n_blocks, kind[rows], placed[start:stop] - first, width)
            for kind in (ranked.positive, ~ranked.positive, ranked.tied)
        )
        yield gained, passed, tied


def _cumulated(
    ranked: Points, blocks: IntArray, counts: Counts
) -> Iterator[tuple[slice, IntArray, IntArray, IntArray]]:
    """For a few resamples at a time, at each point: positives, all rows down to it, and tied negatives."""
    order = np.lexsort((ranked.positive, ranked.tied | ranked.positive, ranked.point))
    placed = ranked.point[order]
    order, placed = order[placed < ranked.size], placed[placed < ranked.size]
    ends = np.searchsorted(placed, np.arange(ranked.size), side="right")
    first_positive = ends - np.bincount(placed[ranked.positive[order]], minlength=ranked.size)
    first_tied = first_positive - np.bincount(placed[ranked.tied[order]], minlength=ranked.size)
    step = max(1, _CELLS // max(1, order.size))
    for start in range(0, len(counts), step):
        drawn = np.take(counts[start : start + step], blocks[order], axis=1)
        reached = np.zeros((len(drawn), order.size + 1), dtype=np.int64)
        np.cumsum(drawn, axis=1, out=reached[:, 1:])
        taken, passed = reached[:, ends], reached[:, first_positive]
        yield slice(start, start + len(drawn)), taken - passed, taken, passed - reached[:, first_tied]
