"""Paired intervals of all binary metrics for two models, against a plain vectorised bootstrap over rows.

The plain one is what one writes first and carefully: rows sorted by score once, each resample a vector of row counts,
every metric from cumulative sums. Both sides measure the same nine metrics of the same two models, on one core.

    python benchmarks/intervals.py
"""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable

import numpy as np
from threadpoolctl import threadpool_limits

from mainline.evaluation import bootstrap, metrics
from mainline.evaluation.metrics import calibration

ROWS, DAYS, RESAMPLES, CONFIDENCE = 28_000, 30, 2_000, 0.95


def holdout() -> tuple[np.ndarray, list[np.ndarray], np.ndarray]:
    """Labels of a month (a quarter positive), two models' probabilities, and each row's day."""
    generator = np.random.default_rng(0)
    day = generator.integers(0, DAYS, ROWS)
    signal = generator.normal(scale=0.5, size=DAYS)[day] + generator.normal(size=ROWS)
    y = (generator.random(ROWS) < 1 / (1 + np.exp(1.4 - signal))).astype(int)
    scores = [1 / (1 + np.exp(1.4 - signal - generator.normal(size=ROWS))) for _ in range(2)]
    return y, scores, day


def by_blocks(y: np.ndarray, scores: list[np.ndarray], blocks: np.ndarray) -> dict[str, np.ndarray]:
    counts = bootstrap.draw(int(blocks.max()) + 1, RESAMPLES, seed=0)
    candidate, baseline = (metrics.measure("binary", y, score, blocks, counts) for score in scores)
    for name, values in candidate.items():
        for column in (values, baseline[name], values - baseline[name]):
            bootstrap.interval(column, CONFIDENCE, counts.shape[1])
    return {name: values - baseline[name] for name, values in candidate.items()}


def plain(y: np.ndarray, scores: list[np.ndarray], threshold: float = 0.5) -> dict[str, np.ndarray]:
    """The row bootstrap; scores without ties, as they are here, or its ranking metrics would be wrong."""
    generator = np.random.default_rng(0)
    prepared = [_sorted(y, score, threshold) for score in scores]
    values = np.empty((2, len(metrics.names("binary")), 1 + RESAMPLES))
    for resample in range(1 + RESAMPLES):
        weight = np.bincount(generator.integers(0, y.size, y.size), minlength=y.size) if resample else np.ones(y.size)
        for model, rows in enumerate(prepared):
            values[model, :, resample] = _score(weight, *rows)
    tail = (1 - CONFIDENCE) / 2
    for column in (values[0], values[1], values[0] - values[1]):
        np.quantile(column[:, 1:], [tail, 1 - tail], axis=1)
    return dict(zip(metrics.names("binary"), values[0] - values[1], strict=True))


def _sorted(y: np.ndarray, score: np.ndarray, threshold: float) -> tuple[np.ndarray, ...]:
    order = np.argsort(-score)
    y, score = y[order].astype(float), score[order]
    losses = np.stack([-np.log(np.where(y == 1, score, 1 - score)), (score - y) ** 2, (score >= threshold) == y])
    which = np.minimum((score * calibration.BINS).astype(int), calibration.BINS - 1)
    return order, y, score >= threshold, losses, y - score, which


def _score(
    weight: np.ndarray,
    order: np.ndarray,
    y: np.ndarray,
    predicted: np.ndarray,
    losses: np.ndarray,
    residual: np.ndarray,
    which: np.ndarray,
) -> list[float]:
    weight = weight[order]
    positive = weight * y
    found, taken = np.cumsum(positive), np.cumsum(weight)
    n_positive, n = found[-1], taken[-1]
    concordant = ((weight - positive) * found).sum()
    log_loss, brier, accuracy = losses @ weight / n
    hit, claimed = positive[predicted].sum(), weight[predicted].sum()
    return [
        concordant / (n_positive * (n - n_positive)),
        (positive * found / np.maximum(taken, 1)).sum() / n_positive,
        log_loss,
        brier,
        np.abs(np.bincount(which, weights=weight * residual)).sum() / n,
        hit / claimed,
        hit / n_positive,
        2 * hit / (claimed + n_positive),
        accuracy,
    ]


def seconds(call: Callable[[], object], times: int) -> float:
    """The fastest of `times` calls: what the work costs, and not what else the machine was doing."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return min(taken)


def measure_intervals() -> dict[str, float]:
    """Seconds on one core with days and with rows as blocks, the plain bootstrap's, and their ratios to it."""
    y, scores, day = holdout()
    row = np.arange(ROWS)
    with threadpool_limits(1):
        found = {
            "days_seconds": seconds(lambda: by_blocks(y, scores, day), 3),
            "rows_seconds": seconds(lambda: by_blocks(y, scores, row), 1),
            "plain_seconds": seconds(lambda: plain(y, scores), 1),
        }
        tracemalloc.start()
        by_blocks(y, scores, row)
        found["rows_peak_megabytes"] = tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()
    found["days_to_plain"] = found["days_seconds"] / found["plain_seconds"]
    found["rows_to_plain"] = found["rows_seconds"] / found["plain_seconds"]
    return found


if __name__ == "__main__":
    for name, value in measure_intervals().items():
        print(f"{name:20} {value:9.3f}")
