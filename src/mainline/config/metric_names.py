"""The metrics of each task by name, to check `params.yaml` with before anything heavy is imported."""

from __future__ import annotations

NAMES: dict[str, tuple[str, ...]] = {
    "binary": (
        *("roc_auc", "average_precision", "log_loss", "brier", "calibration_error"),
        *("precision", "recall", "f1", "accuracy"),
    ),
    "multiclass": (
        *("accuracy", "balanced_accuracy", "macro_precision", "macro_recall", "macro_f1"),
        *("roc_auc", "log_loss", "brier", "calibration_error"),
    ),
    "regression": ("mae", "rmse", "r2", "bias", "median_absolute_error", "mape"),
}
# Its sign says in which direction a model errs: there is no better or worse to gate on.
UNDIRECTED = frozenset({"bias"})
# What Fairlearn measures a slice.
GAPS: dict[str, tuple[str, ...]] = {
    "binary": ("selection_rate", "recall", "false_positive_rate"),
    "multiclass": ("accuracy",),
    "regression": ("bias", "mae"),
}
