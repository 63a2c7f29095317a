"""What the plots draw, from labels and scores of the holdout: a few hundred points, no plotting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

POINTS = 300  # of a curve: finer than a pixel of its plot


@dataclass(frozen=True)
class Curves:
    """Labelled holdout rows, scored by both models; rows without a finite score are not plotted.

    Parameters
    ----------
    y
        (n,) labels: 0 and 1 (binary), class codes (multiclass), or values (regression).
    candidate, baseline
        Scores of the same rows: (n,) probability of 1, (n, classes) probabilities in the order of
        the codes, or (n,) predictions. `baseline` is None where there is no model to compare with.
    classes
        The classes' names by code (multiclass).
    """

    y: NDArray[np.generic]
    candidate: NDArray[np.floating]
    baseline: NDArray[np.floating] | None = None
    classes: Sequence[object] | None = None

    def __post_init__(self) -> None:
        for name, scores in (("candidate", self.candidate), ("baseline", self.baseline)):
            if scores is not None and len(scores) != len(self.y):
                raise ValueError(f"{name} scores {len(scores):,} rows, labels are there for {len(self.y):,}")


def finite(y: NDArray[np.generic], score: NDArray[np.floating]) -> tuple[Floats, Floats]:
    """Labels and scores as float64, of the rows where both are finite."""
    labels, scores = np.asarray(y, dtype=np.float64), np.asarray(score, dtype=np.float64)
    usable = np.isfinite(labels) & np.isfinite(scores if scores.ndim == 1 else scores.sum(axis=1))
    return labels[usable], scores[usable]


def ranked(y: Floats) -> bool:
    """Whether both classes occur, so that a ranking can be evaluated."""
    return bool(0 < y.sum() < len(y))


def roc(y: Floats, score: Floats) -> tuple[Floats, Floats]:
    """False and true positive rate, from (0, 0) to (1, 1)."""
    from sklearn.metrics import roc_curve

    false_positive, true_positive, _ = roc_curve(y, score)
    return thinned(false_positive, true_positive)


def precision_recall(y: Floats, score: Floats) -> tuple[Floats, Floats]:
    """Recall and precision by falling threshold."""
    from sklearn.metrics import precision_recall_curve

    precision, recall, _ = precision_recall_curve(y, score, drop_intermediate=True)
    return thinned(recall[-2::-1], precision[-2::-1])  # its last point, at a recall of 0, is no threshold's


def thinned(x: Floats, y: Floats, points: int = POINTS) -> tuple[Floats, Floats]:
    """Points at about equal steps along the curve as it is drawn on the unit square, its ends among them."""
    if len(x) <= points:
        return x, y
    way = np.append(0.0, np.cumsum(np.hypot(np.diff(x), np.diff(y))))
    kept = np.unique(np.append(np.searchsorted(way, np.linspace(0, way[-1], points)).clip(0, len(x) - 1), len(x) - 1))
    return x[kept], y[kept]


def calibration(y: Floats, score: Floats, bins: int = 10) -> tuple[Floats, Floats]:
    """Mean score and share of positives in bins of about equally many rows, equal scores in one."""
    from sklearn.calibration import calibration_curve

    score = score.clip(0, 1)  # rounding errors of a model must not fail the report
    shares, means = calibration_curve(y, score, n_bins=bins, strategy="quantile", pos_label=1)
    return means, shares


def confusion(y: Floats, score: Floats, classes: int) -> NDArray[np.int64]:
    """(classes, classes) counts: labels down, the most probable class across."""
    from sklearn.metrics import confusion_matrix

    cells: NDArray[np.int64] = confusion_matrix(y.astype(np.int64), score.argmax(axis=1), labels=range(classes))
    return cells


def recalls(matrix: NDArray[np.int64]) -> Floats:
    """Recall of each class; NaN for one that does not occur."""
    totals = matrix.sum(axis=1).astype(np.float64)
    found: Floats = np.divide(np.diag(matrix), totals, out=np.full(len(matrix), np.nan), where=totals > 0)
    return found


def band(x: Floats, y: Floats, bins: int = 20) -> tuple[Floats, Floats, Floats, Floats]:
    """Mean of `x` and the 10th, 50th and 90th percentile of `y` in bins of equally many rows."""
    order = np.argsort(x, kind="stable")
    parts = [part for part in np.array_split(order, min(bins, max(len(x) // 20, 1))) if len(part)]
    low, middle, high = np.array([np.percentile(y[p], [10, 50, 90]) for p in parts]).T
    return np.array([x[p].mean() for p in parts]), low, middle, high
