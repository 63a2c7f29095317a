"""Every metric of a task, on the data as they are and on all resamples at once.

counts = resampling.draw(n_blocks, resamples=2000, seed=0)
candidate = metrics.measure("binary", y, new_score, blocks, counts)
baseline = metrics.measure("binary", y, old_score, blocks, counts)
resampling.interval(candidate["roc_auc"] - baseline["roc_auc"], confidence=0.95)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from mainline.evaluation.bootstrap import Counts, FloatArray
from mainline.evaluation.metrics import binary, inputs, multiclass, regression

_TASKS = {"binary": binary, "multiclass": multiclass, "regression": regression}

GREATER_IS_BETTER: Mapping[str, bool] = {
    name: better for task in _TASKS.values() for name, better in task.GREATER_IS_BETTER.items()
}
# Shown, but nothing to gate on: its sign says in which direction the model errs.
UNDIRECTED = frozenset({"bias"})


def names(task: str) -> list[str]:
    """The metrics of `task` ("binary", "multiclass", "regression"), in the order of a report."""
    if task not in _TASKS:
        raise ValueError(f"no task is called {task!r}; there are {', '.join(_TASKS)}")
    return list(_TASKS[task].GREATER_IS_BETTER)


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
    names(task)
    rows = inputs.check(task, y, score, blocks, weights, classes)
    if task == "binary":
        values = binary.measure(rows.y.astype(np.intp), rows.score, rows.blocks, rows.counts, threshold=threshold)
    elif task == "multiclass":
        values = multiclass.measure(rows.y.astype(np.intp), rows.score, rows.blocks, rows.counts)
    else:
        values = regression.measure(rows.y, rows.score.astype(np.float64), rows.blocks, rows.counts)
    if rows.counts.shape[1] == 1:
        for column in values.values():
            column[1:] = np.nan
    return values if only is None else {name: values[name] for name in only}
