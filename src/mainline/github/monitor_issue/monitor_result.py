"""What the monitor left: `monitor.json`, believed to hold a verdict, reasons and a window, and nothing more."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from mainline.errors import DataError

LARGEST = 4 << 20  # bytes
REASONS = 50


class Verdict(StrEnum):
    ok = "ok"
    drift = "drift"
    decay = "decay"
    invalid = "invalid"
    not_measurable = "not_measurable"


@dataclass(frozen=True)
class Health:
    """`start` and `end` of the window are as the monitor wrote them."""

    verdict: Verdict
    passed: bool
    reasons: list[str]
    start: str
    end: str
    rows: int
    versions: list[str]

    @property
    def wants_retraining(self) -> bool:
        """Invalid or missing predictions say nothing of the model."""
        return not self.passed and self.verdict in (Verdict.drift, Verdict.decay)


def read(file: Path) -> Health:
    """The health in a file; raises DataError where it is none."""
    try:
        content = json.loads(file.read_bytes()[:LARGEST])
        window = content.get("window") or {}
        versions = window.get("versions") or []
        return Health(
            verdict=Verdict(content["verdict"]),
            passed=content["passed"] is True,
            reasons=[str(reason) for reason in content["reasons"]][:REASONS],
            start=_text(window.get("from")),
            end=_text(window.get("to")),
            rows=int(window.get("rows") or 0),
            versions=[str(one) for one in versions][:REASONS],
        )
    except FileNotFoundError:
        raise DataError(f"{file} is not here: the monitor left no answer, its log says why") from None
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(f"{file} is no monitor's answer: {error!r}") from None


def _text(value: Any) -> str:
    return "" if value is None else str(value)
