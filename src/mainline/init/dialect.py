"""How a text file writes its values: the settings of its source, what was decided, and what a person should look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mainline.init.proposal import Decision, Finding


@dataclass
class Dialect:
    """Settings of the source, what was decided, and what a person should look at."""

    settings: dict[str, Any] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def decide(self, table: str, setting: str, value: Any, chosen: str, reason: str) -> None:
        self.settings[setting] = value
        where = f"data.sources.{table}.{setting}"
        self.decisions.append(Decision(where, chosen, reason, f"params.yaml: {where}"))

    def as_numbers(self, columns: Sequence[str]) -> None:
        """DuckDB reads numbers with separators of thousands, but infers text."""
        if columns:
            self.settings["types"] = {**self.settings.get("types", {}), **dict.fromkeys(columns, "DOUBLE")}
