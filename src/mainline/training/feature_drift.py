"""Drift of one feature between two profiles, as a value that can be read where nothing is installed."""

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
