"""The metric of the verdict, rough margins until they are measured, and the threshold of a decision."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mainline.init.guesses.classes import Label
from mainline.init.guesses.holdout import Holdout
from mainline.init.guesses.table import Context

RARE = 0.05  # positives: below it ROC AUC is decided among the many negatives
UNBALANCED = 0.7  # of the rows in the largest class: a constant reaches this accuracy
SKEWED = 2.0  # of a regression's label: a few rows decide the squared error
MEASURED = "a rough value until equal models are measured: make margins WRITE=1"


@dataclass(frozen=True)
class Metric:
    name: str
    margins: dict[str, float]
    threshold: float | None = None  # binary
    scale: float = 1.0  # standard deviation of a regression's label


def guess(context: Context, label: Label, holdout: Holdout) -> Metric:
    """The metric, with the reason said; margins are replaced by measured ones later."""
    if label.task == "binary":
        found, why = binary(label)
    elif label.task == "multiclass":
        found, why = multiclass(label)
    else:
        found, why = regression(context, label)
    told = context.told
    told.decide("compare.metric", found.name, why, "params.yaml: compare.metric")
    told.reasons["compare", "metric"] = why
    for metric in found.margins:
        told.reasons["gates", "margins", metric] = MEASURED
    if found.threshold is not None:
        reason = f"the share of positives, {label.positive_share:.3g}: what a mistake of either kind costs is not known"
        told.decide("evaluate.threshold", f"{found.threshold:g}", reason, "params.yaml: evaluate.threshold")
        told.reasons["evaluate", "threshold"] = reason
    fewest = fewest_rows(holdout)
    told.reasons["compare", "min_rows"] = f"the holdout has about {holdout.rows:,} rows with a label"
    told.decide("compare.min_rows", str(fewest), "below what the holdout has", "params.yaml: compare.min_rows")
    return found


def binary(label: Label) -> tuple[Metric, str]:
    share = label.positive_share
    threshold = min(0.95, max(0.001, rounded(share, 2)))
    if share < RARE:
        why = f"{share:.2%} of the rows are positive: ROC AUC would be decided among the negatives"
        return Metric("average_precision", {"average_precision": 0.05, "brier": 0.002}, threshold), why
    why = "does not depend on the threshold; Brier says whether the probabilities are right"
    return Metric("roc_auc", {"roc_auc": 0.02, "brier": 0.005}, threshold), why


def multiclass(label: Label) -> tuple[Metric, str]:
    counts = label.counts or {}
    largest = max(counts.values(), default=0) / max(1, label.rows)
    if largest > UNBALANCED:
        why = f"the largest class has {largest:.0%} of the rows: a constant reaches this accuracy"
        return Metric("log_loss", {"log_loss": 0.05, "macro_f1": 0.05}), why
    return Metric("accuracy", {"accuracy": 0.02, "log_loss": 0.05}), "the share of rows whose class is right"


def regression(context: Context, label: Label) -> tuple[Metric, str]:
    scale, skew = context.sample.one(f"stddev_pop({label.sql})::DOUBLE, skewness({label.sql})::DOUBLE")
    scale = scale or 1.0
    if skew is not None and abs(skew) > SKEWED:
        why = f"{label.name} is skewed ({skew:.1f}): a few rows would decide the squared error"
        return Metric("mae", {"mae": rounded(0.02 * scale, 1)}, scale=scale), why
    why = f"in units of {label.name}; large errors weigh more"
    return Metric("rmse", {"rmse": rounded(0.03 * scale, 1)}, scale=scale), why


def fewest_rows(holdout: Holdout) -> int:
    """`compare.min_rows`: at most 200, and three quarters of a smaller holdout."""
    fewest = min(200, int(0.75 * holdout.rows))
    return fewest if fewest < 20 else fewest // 10 * 10


def rounded(value: float, digits: int) -> float:
    """To so many significant digits."""
    if not value:
        return 0.0
    return round(value, digits - 1 - math.floor(math.log10(abs(value))))
