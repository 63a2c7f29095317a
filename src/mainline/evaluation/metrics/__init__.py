"""Every metric of a task, on the data as they are and on all resamples at once.

counts = bootstrap.draw(n_blocks, resamples=2000, seed=0)
candidate = metrics.measure("binary", y, new_score, blocks, counts)
baseline = metrics.measure("binary", y, old_score, blocks, counts)
bootstrap.interval(candidate["roc_auc"] - baseline["roc_auc"], confidence=0.95)

Metrics are declared in `binary`, `multiclass` and `regression`, or in a project's own module that `extensions` names.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mainline.evaluation.metrics import binary, multiclass, regression  # noqa: F401 (they register theirs)
from mainline.evaluation.metrics.declaration import (
    GAP_METRICS,
    METRICS,
    added_titles,
    greater_is_better,
    is_directed,
    metric,
    title_of,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from mainline.evaluation.bootstrap import Counts, FloatArray
    from mainline.evaluation.metrics.resampled import Resampled

__all__ = [
    "GAP_METRICS", "METRICS", "added_titles", "greater_is_better", "is_directed",
    "measure", "metric", "names", "title_of",
]  # fmt: skip


def names(task: str) -> list[str]:
    """The metrics of `task` ("binary", "multiclass", "regression"), in the order of a report."""
    if task not in METRICS:
        raise ValueError(f"no task is called {task!r}; there are {', '.join(METRICS)}")
    return list(METRICS[task])


def measure(
    task: str,
    y: ArrayLike,
    score: ArrayLike,
    blocks: ArrayLike,
    weights: Counts,
    *,
    threshold: float = 0.5,
    classes: Sequence[object] | None = None,
    only: Sequence[str] | None = None,
) -> dict[str, FloatArray]:
    """Score a model on rows and on all resamples of their blocks.

    Parameters
    ----------
    task
        "binary", "multiclass" or "regression".
    y
        (n,) labels: 0 and 1, or class codes 0 to k - 1, or numbers.
    score
        The probability of 1 (n,), the classes' probabilities (n, k), or the prediction (n,).
    blocks
        (n,) block of each row as a column of `weights`; `mainline.data.blocks.codes` makes them. The rows may be a
        part of all, such as one slice.
    weights
        (1 + resamples, n_blocks) whole numbers, from `mainline.evaluation.bootstrap.draw`.
    threshold
        At or above it a row is predicted positive (binary).
    classes
        The names of the columns of `score` (multiclass): only to check their number and for messages.

    Returns
    -------
    dict of str to array of shape (1 + resamples,)
        By name, in the order of `names(task)`. NaN where a resample cannot be measured; all but the first where
        the rows lie in a single block, since then nothing varies between resamples that could be learnt from.

    Raises
    ------
    ValueError
        Where lengths do not match, there are no rows, or values are missing, infinite or outside their range;
        the message says how many.
    """
    from mainline.evaluation.metrics import inputs

    every = names(task)
    rows = inputs.check(task, y, score, blocks, weights, classes, threshold)
    values = {name: measured(task, name, rows) for name in (every if only is None else only)}
    if rows.counts.shape[1] == 1:
        for column in values.values():
            column[1:] = float("nan")
    return values


def measured(task: str, name: str, rows: Resampled) -> FloatArray:
    """One metric, as floats of the right shape: a project's own function may answer with anything."""
    import numpy as np

    with METRICS[task].calling(name):
        found = np.array(METRICS[task][name].measure(rows), dtype=np.float64)
        if found.shape != (len(rows.counts),):
            raise ValueError(
                f"it answered with shape {found.shape}, one number a resample {(len(rows.counts),)} needed"
            )
    return found
