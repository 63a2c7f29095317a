"""Blocks: the rows that are resampled together, such as those of one day, as numbers."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

IntArray = NDArray[np.intp]


def codes(blocks: ArrayLike) -> IntArray:
    """Number the blocks 0 to n - 1 in the order of their values, whatever the order of the rows.

    Raises
    ------
    ValueError
        Where the block of a row is missing: it can neither be drawn nor left out honestly.
    """
    values = np.asarray(blocks)
    if values.dtype != object:
        distinct, inverse = np.unique(values, return_inverse=True)
        missing = values != values if distinct.dtype.kind in "fcmM" else np.zeros(1, dtype=bool)
        _refuse_missing(int(missing.sum()), values.size)
        return inverse.astype(np.intp).ravel()
    listed: Sequence[Hashable] = values.tolist()
    different = set(listed)
    if any(map(_is_missing, different)):
        _refuse_missing(sum(map(_is_missing, listed)), len(listed))
    number = {value: code for code, value in enumerate(sorted(different))}  # type: ignore[type-var]
    return np.fromiter((number[value] for value in listed), dtype=np.intp, count=len(listed))


def _is_missing(value: object) -> bool:
    try:
        return value is None or bool(value != value)
    except TypeError:  # pandas.NA: neither equal nor unequal to anything
        return True


def _refuse_missing(missing: int, rows: int) -> None:
    if missing:
        raise ValueError(f"{missing} of {rows} rows have no block: fill the column, or compare without blocks")
