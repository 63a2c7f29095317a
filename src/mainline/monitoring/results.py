"""What the monitor found, as typed values: `monitor.json` and both pages are written from these alone."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from mainline.evaluation.results import Interval
from mainline.monitoring.drift import FeatureDrift
from mainline.monitoring.labels import Labels
from mainline.monitoring.log_expectations import Broken
from mainline.monitoring.service_metrics import Service


class Verdict(StrEnum):
    """The worst of the checks, in this order."""

    invalid = "invalid"  # the log, its rows or the service are not in order: mend that first
    decay = "decay"
    drift = "drift"
    not_measurable = "not_measurable"
    ok = "ok"


STATUS = {Verdict.ok: 0, Verdict.drift: 1, Verdict.decay: 1, Verdict.not_measurable: 1, Verdict.invalid: 3}


class Cause(StrEnum):
    """Why a metric lies below its promise."""

    none = "none"
    harder = "the world is harder"  # a fresh model would fall as much
    aged = "the model has aged"  # retraining repairs it
    unknown = "not known"


@dataclass(frozen=True)
class Check:
    name: str
    verdict: Verdict  # what it alone would say
    measured: str
    rule: str

    @property
    def ok(self) -> bool:
        return self.verdict == Verdict.ok


@dataclass(frozen=True)
class Decay:
    """The headline metric in the window against what the evaluation promised."""

    metric: str
    reached: Interval
    promised: Interval
    difference: Interval  # reached minus promised
    expected: Interval | None  # by the model's own probabilities, of these very rows
    surprise: Interval | None  # reached minus expected, beyond what it was on the holdout
    cause: Cause
    tells: str  # what would tell, in words


@dataclass(frozen=True)
class Slice:
    column: str
    value: str
    rows: int
    metrics: dict[str, Interval]  # empty with too few rows to be measured


@dataclass(frozen=True)
class Seen:
    """The window, as `monitor.json` has it."""

    start: str | None = None
    end: str | None = None
    rows: int = 0
    versions: dict[str, int] = field(default_factory=dict)  # rows by version, those of other models too


@dataclass(frozen=True)
class Health:
    """The whole answer."""

    verdict: Verdict
    headline: str
    window: Seen
    model: str  # its digest
    version: str
    checks: list[Check]
    notes: list[str] = field(default_factory=list)
    drift: list[FeatureDrift] = field(default_factory=list)
    predictions: FeatureDrift | None = None
    broken: list[Broken] = field(default_factory=list)
    labels: Labels | None = None
    decay: Decay | None = None
    reached: dict[str, Interval] = field(default_factory=dict)
    promised: dict[str, Interval] = field(default_factory=dict)
    estimated: dict[str, Interval] = field(default_factory=dict)  # by the model's own probabilities
    daily: dict[str, float] = field(default_factory=dict)  # the headline metric by day
    slices: list[Slice] = field(default_factory=list)
    traffic: dict[str, int] = field(default_factory=dict)
    service: Service | None = None

    @property
    def passed(self) -> bool:
        return self.verdict == Verdict.ok

    @property
    def status(self) -> int:
        return STATUS[self.verdict]

    @property
    def reasons(self) -> list[str]:
        """Each check that is not in order in a sentence, those that made the verdict first."""
        order = list(Verdict)
        bad = sorted((check for check in self.checks if not check.ok), key=lambda check: order.index(check.verdict))
        return [f"{check.name}: {check.measured} (asked for: {check.rule})" for check in bad]


def to_json(health: Health) -> dict[str, Any]:
    """The content of `monitor.json`; what could not be measured is null."""
    found = dataclasses.asdict(health)
    window = found.pop("window")
    listed = {**window, "from": window["start"], "to": window["end"]}
    del listed["start"], listed["end"]
    whole = {**found, "passed": health.passed, "reasons": health.reasons, "window": listed}
    plain: dict[str, Any] = _plain(whole)
    return plain


def _plain(value: Any) -> Any:
    """JSON has no NaN and no infinity."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
