"""Distances between two vectors of counts."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mainline.training.feature_profile import psi

LEAST = 5.0  # expected rows in a bin; with fewer the chi-squared approximation fails (Cochran 1954)

__all__ = ["chi_squared", "jensen_shannon", "kolmogorov_smirnov", "noise", "pooled", "psi"]


def pooled(before: NDArray[Any], now: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Both vectors, with all bins that are too rare for a window of this size merged into one."""
    total = now.sum()
    rare = before / max(before.sum(), 1) * total < LEAST
    if not rare.any():
        return before, now
    return tuple(np.append(counts[~rare], counts[rare].sum()) for counts in (before, now))  # type: ignore[return-value]


def jensen_shannon(before: NDArray[Any], now: NDArray[Any]) -> float:
    """The distance, 0 to 1: the square root of the divergence with base 2 (Lin 1991; Endres & Schindelin 2003)."""
    p, q = before / max(before.sum(), 1), now / max(now.sum(), 1)
    m = (p + q) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.where(p > 0, p * np.log2(p / m), 0) + np.where(q > 0, q * np.log2(q / m), 0)
    return math.sqrt(max(0.0, float(parts.sum()) / 2))


def kolmogorov_smirnov(before: NDArray[Any], now: NDArray[Any]) -> float:
    """The largest difference between the two distribution functions at the bin edges, without missing values."""
    p, q = before[1:], now[1:]
    if not p.sum() or not q.sum():
        return 0.0
    return float(np.abs(np.cumsum(p) / p.sum() - np.cumsum(q) / q.sum()).max())


def chi_squared(before: NDArray[Any], now: NDArray[Any]) -> float:
    """The statistic of homogeneity per degree of freedom: about 1 if the distributions are equal."""
    before, now = pooled(before, now)
    both = np.vstack([before, now]).astype(float)
    both = both[:, both.sum(axis=0) > 0]
    if both.shape[1] < 2 or not both.sum(axis=1).all():
        return 0.0
    expected = np.outer(both.sum(axis=1), both.sum(axis=0)) / both.sum()
    return float(((both - expected) ** 2 / expected).sum() / (both.shape[1] - 1))


def noise(bins: int, before: float, now: float, rate: float) -> float:
    """The PSI that equal distributions exceed with the probability `rate`.

    PSI of samples of n and m rows is about (1/n + 1/m) times chi-squared with bins - 1 degrees of freedom
    (Yurdakul & Naranjo 2020, Journal of Risk Model Validation 14); its quantile by Wilson & Hilferty (1931).
    """
    freedom = max(bins - 1, 1)
    z = NormalDist().inv_cdf(1 - rate)
    quantile = freedom * max(0.0, 1 - 2 / (9 * freedom) + z * math.sqrt(2 / (9 * freedom))) ** 3
    return (1 / max(before, 1) + 1 / max(now, 1)) * quantile
