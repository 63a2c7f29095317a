"""The results of the monitor as typed values. `monitor.json`, `monitor.md` and `monitor.html` are written from them."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from mainline.evaluation.results import Interval
from mainline.monitoring.service_metrics import Service
from mainline.runtime import typed_json
from mainline.training.feature_drift import FeatureDrift


class Verdict(StrEnum):
    """The worst of the checks, in this order."""

    invalid = "invalid"  # the log, its rows or the service are faulty: fix that first
    decay = "decay"
    drift = "drift"
    not_measurable = "not_measurable"
    ok = "ok"


STATUS = {Verdict.ok: 0, Verdict.drift: 1, Verdict.decay: 1, Verdict.not_measurable: 1, Verdict.invalid: 3}


class Cause(StrEnum):
    """The likely cause of a metric that is worse than evaluated."""

    none = "none"
    harder = "covariate shift likely"  # a new model would be worse as well
    aged = "concept drift likely"  # retraining can learn it
    unknown = "not known"


# The words of earlier versions, which a `monitor.json` of theirs still holds.
EARLIER_CAUSES = {"the world is harder": Cause.harder, "the model has aged": Cause.aged}


@dataclass(frozen=True)
class Check:
    name: str
    verdict: Verdict  # of this check alone
    measured: str
    rule: str

    @property
    def ok(self) -> bool:
        return self.verdict == Verdict.ok


@dataclass(frozen=True)
class Decay:
    """The headline metric in the window compared with its evaluation."""

    metric: str
    reached: Interval
    promised: Interval
    difference: Interval  # reached minus evaluated
    expected: Interval | None  # what the model's own probabilities predict for these rows
    surprise: Interval | None  # reached minus expected, less the same difference on the holdout
    cause: Cause
    tells: str  # how to verify the cause, in words


@dataclass(frozen=True)
class Labels:
    """Counts of the labels for the window's rows."""

    rows: int = 0  # labels of rows in the window
    joined: int = 0  # rows with a label
    repeated: int = 0  # labels that repeat an earlier one
    corrected: int = 0  # rows whose label changed later: the last one counts
    contradicting: int = 0  # rows with two labels of the same time: neither counts
    unknown: int = 0  # labels of rows that are not in the log
    strange: int = 0  # labels that are not one of the model's classes


@dataclass(frozen=True)
class Broken:
    column: str
    rule: str
    rows: int
    critical: bool


@dataclass(frozen=True)
class Slice:
    column: str
    value: str
    rows: int
    metrics: dict[str, Interval]  # empty if there are too few rows


@dataclass(frozen=True)
class Seen:
    """The window, as in `monitor.json`."""

    start: str | None = None
    end: str | None = None
    rows: int = 0
    versions: dict[str, int] = field(default_factory=dict)  # rows by version, including other models


@dataclass(frozen=True)
class Health:
    """The complete result."""

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
        """Each failed check as a sentence, the most severe first."""
        order = list(Verdict)
        bad = sorted((check for check in self.checks if not check.ok), key=lambda check: order.index(check.verdict))
        return [f"{check.name}: {check.measured} (required: {check.rule})" for check in bad]


def to_json(health: Health) -> dict[str, Any]:
    """The content of `monitor.json`; values that could not be measured are null."""
    found = dataclasses.asdict(health)
    window = found.pop("window")
    listed = {**window, "from": window["start"], "to": window["end"]}
    del listed["start"], listed["end"]
    whole = {**found, "passed": health.passed, "reasons": health.reasons, "window": listed}
    plain: dict[str, Any] = _plain(whole)
    return plain


def from_json(content: bytes) -> Health:
    """Read what `to_json` wrote, in this version or an earlier one; `passed` and `reasons` follow from the rest.

    Raises
    ------
    InvalidJson
        If the content is anything else.
    """
    found = typed_json.parse(content)
    if isinstance(found, dict):
        found = {name: value for name, value in found.items() if name not in ("passed", "reasons")}
        if isinstance(window := found.get("window"), dict):
            names = {"from": "start", "to": "end"}
            found["window"] = {names.get(name, name): value for name, value in window.items()}
        if isinstance(decay := found.get("decay"), dict):
            earlier = EARLIER_CAUSES.get(str(decay.get("cause")))
            found["decay"] = {**decay, "cause": earlier.value} if earlier else decay
    return typed_json.decode(Health, found)


def _plain(value: Any) -> Any:
    """JSON has no NaN and no infinity; `from_json` refuses texts above a maximum length."""
    if isinstance(value, dict):
        return {typed_json.cut(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        return typed_json.cut(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value
