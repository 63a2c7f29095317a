"""What the monitor found, as typed values: `monitor.json` and both pages are written from these alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from mainline.monitor.drift import FeatureDrift
from mainline.monitor.labels import Labels
from mainline.monitor.rules import Broken
from mainline.monitor.service import Service
from mainline.monitor.window import Problem
from mainline.results import Interval


class State(StrEnum):
    ok = "ok"
    look = "look"
    alarm = "alarm"
    unmeasured = "unmeasured"


class Cause(StrEnum):
    """Why a metric lies below its promise."""

    none = "none"
    harder = "the world is harder"  # a fresh model would fall as much
    aged = "the model has aged"  # retraining repairs it
    unknown = "not known"


@dataclass(frozen=True)
class Check:
    name: str
    state: State
    measured: str
    rule: str


@dataclass(frozen=True)
class Health:
    """The whole answer."""

    verdict: str  # healthy, look, alarm, not_measurable
    headline: str
    cause: Cause
    model: str
    start: str | None
    end: str | None
    rows: int
    checks: list[Check]
    problems: list[Problem] = field(default_factory=list)
    models: dict[str, int] = field(default_factory=dict)
    drift: list[FeatureDrift] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    labels: Labels | None = None
    metrics: dict[str, Interval] = field(default_factory=dict)
    promised: dict[str, Interval] = field(default_factory=dict)
    estimated: dict[str, Interval] = field(default_factory=dict)
    slices: list[dict[str, Any]] = field(default_factory=list)
    traffic: dict[str, int] = field(default_factory=dict)
    service: Service | None = None

    @property
    def passed(self) -> bool:
        return self.verdict == "healthy"
