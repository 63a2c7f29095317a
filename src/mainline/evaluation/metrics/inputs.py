"""Checks of the inputs: a metric of values that are missing or out of range would be a number without meaning."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mainline.evaluation.bootstrap import Counts, IntArray
from mainline.evaluation.metrics.resampled import Resampled

_SUM_TOLERANCE = 1e-3  # of a row's probabilities around 1: float32 softmax stays below 1e-6, scores are far off


def check(
    task: str,
    y: ArrayLike,
    score: ArrayLike,
    blocks: ArrayLike,
    weights: Counts,
    classes: Sequence[object] | None,
    threshold: float,
) -> Resampled:
    label, scores = np.asarray(y, dtype=np.float64), _floating(score)
    if label.ndim != 1 or label.size == 0:
        raise ValueError(f"labels of shape {label.shape}: at least one row, and one label a row, is needed")
    k = 2 if task == "binary" else _classes(scores, classes)
    expected = (label.size, k) if task == "multiclass" else (label.size,)
    if scores.shape != expected:
        raise ValueError(f"scores of shape {scores.shape} for {label.size} labels: {expected} is needed")
    by_row = scores.reshape(label.size, -1)
    _refuse(~np.isfinite(label), "labels are missing or infinite")
    _refuse(np.any(~np.isfinite(by_row), axis=1), "scores are missing or infinite")
    if task != "regression":
        _refuse((label < 0) | (label >= k) | (label % 1 != 0), f"labels are not a class code from 0 to {k - 1}")
        _refuse(np.any((by_row < 0) | (by_row > 1), axis=1), "scores are not probabilities: they lie outside 0 to 1")
    if task == "multiclass":
        _refuse(abs(by_row.sum(axis=1) - 1) > _SUM_TOLERANCE, "rows of probabilities do not add up to 1")
    place, counts = _blocks(np.asarray(blocks), weights, label.size)
    if task == "regression":
        return Resampled(label, scores.astype(np.float64), place, counts, threshold)
    return Resampled(label.astype(np.intp), scores, place, counts, threshold)


def _floating(score: ArrayLike) -> NDArray[np.floating]:
    scores = np.asarray(score)
    return scores if scores.dtype in (np.float32, np.float64) else scores.astype(np.float64)


def _classes(scores: NDArray[np.floating], classes: Sequence[object] | None) -> int:
    columns = scores.shape[1] if scores.ndim > 1 else 1
    return columns if classes is None else len(classes)


def _blocks(blocks: NDArray[np.integer], weights: Counts, rows: int) -> tuple[IntArray, Counts]:
    if blocks.shape != (rows,) or blocks.dtype.kind not in "iu":
        raise ValueError(f"blocks of shape {blocks.shape} and type {blocks.dtype}: one code a row ({rows}) is needed")
    if weights.ndim != 2 or weights.dtype.kind not in "iu":
        raise ValueError(f"weights of shape {weights.shape} and type {weights.dtype}: whole counts by resample, block")
    n_blocks = weights.shape[1]
    _refuse((blocks < 0) | (blocks >= n_blocks), f"block codes are not a column of the weights (0 to {n_blocks - 1})")
    present = np.bincount(blocks, minlength=n_blocks) > 0
    if present.all():
        return blocks.astype(np.intp), weights
    return (np.cumsum(present) - 1)[blocks], weights[:, present]


def _refuse(bad: NDArray[np.bool_], what: str) -> None:
    if bad.any():
        raise ValueError(f"{int(bad.sum())} of {bad.size} {what} (the first in row {int(bad.argmax())})")
