"""Drift of one feature, as values that can be read where nothing is installed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Drift:
    """One feature between the baseline's training rows and the candidate's."""

    feature: str
    psi: float
    missing_before: float
    missing_now: float
    note: str = ""  # such as new categories


@dataclass(frozen=True)
class FeatureDrift:
    """One column of a window, or of the holdout, compared with the training rows."""

    feature: str
    kind: str  # numeric, categorical
    rows: int
    psi: float
    threshold: float
    why: str  # what set the threshold: "season", "noise", "floor"
    jensen_shannon: float
    statistic: float  # Kolmogorov-Smirnov's (numeric), chi-squared per degree of freedom (categorical)
    missing_before: float
    missing_now: float
    missing_threshold: float
    missing_days: list[str]  # days with far more missing values than any day of training
    new_share: float  # rows with values that training did not have (categorical)
    daily: dict[str, float]  # PSI by day
    daily_missing: dict[str, float]  # the share by day

    @property
    def most_missing(self) -> float:
        return max(self.daily_missing.values(), default=0.0)

    @property
    def drifted(self) -> bool:
        return self.psi > self.threshold

    @property
    def missing(self) -> bool:
        return self.missing_now > self.missing_threshold or bool(self.missing_days)
