"""Annotations: what failed, shown by GitHub on the line of the file that it is about."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mainline.config import loader
from mainline.errors import ConfigurationError
from mainline.github.actions import commands
from mainline.runtime import models

KEYS = {
    "label coverage": ("gates", "label_coverage"),
    "holdout drift": ("gates", "holdout_drift"),
    "training time": ("gates", "train_seconds"),
    "model size": ("gates", "model_megabytes"),
    "calibration error": ("gates", "calibration_error"),
    "container: cold start": ("stage", "cold_start_seconds"),
    "container: latency": ("stage", "p99_milliseconds"),
    "container: throughput": ("stage", "requests_per_second"),
    "container: memory": ("stage", "memory_megabytes"),
    "container: image size": ("stage", "image_megabytes"),
}
# The form in which our error messages name a line: `params.yaml:12: what is wrong`.
PLACE = re.compile(r"(?m)^\s*([\w./-]+\.(?:ya?ml|py)):(\d+): (.+)$")
MOST = 10  # GitHub shows ten per step


@dataclass(frozen=True)
class Annotation:
    file: str
    line: int
    title: str
    message: str
    level: str = "error"

    def __str__(self) -> str:
        """The workflow command."""
        return commands.annotation(self.level, self.title, self.message, self.file, self.line)


def of_verdict(verdict: Mapping[str, Any], file: Path) -> list[Annotation]:
    """Failed gates, each on its threshold's line in `params.yaml`; failed expectations, each on its line in a suite."""
    found = [
        Annotation(e["file"], int(e["line"]), f"{e['table']}: {e['rule']}", e["said"], "warning")
        for e in verdict.get("expectations", [])
    ]
    failed = [gate for gate in verdict.get("gates", []) if not gate["passed"]]
    if failed:
        try:
            settings = loader.load(file)
        except ConfigurationError:
            return found
        found = [
            Annotation(
                str(models.selected().params),
                settings.line(*keys_of(gate["name"])),
                f"gate: {gate['name']}",
                f"{gate['measured']}\n{gate['rule']}",
            )
            for gate in failed
        ] + found
    return found


def keys_of(gate: str) -> tuple[str, ...]:
    """The keys of a gate's threshold in `params.yaml`: `gates.margins.roc_auc` for `margin: roc_auc`."""
    kind, colon, metric = gate.partition(": ")
    if kind == "container":
        return KEYS.get(gate, ("stage",))
    if kind == "anchor":
        return ("gates", "anchor")
    return ("gates", f"{kind}s", metric) if colon else KEYS.get(gate, ("gates", gate))


def of_message(message: str) -> list[Annotation]:
    """The lines of files that an error message names."""
    return list(_places(message))


def _places(message: str) -> Iterator[Annotation]:
    for file, line, problem in PLACE.findall(message):
        if not file.startswith("/"):
            yield Annotation(file, int(line), problem[:80], problem)


def printed(annotations: list[Annotation]) -> list[str]:
    """At most as many as GitHub shows, errors first."""
    return [str(each) for each in sorted(annotations, key=lambda each: each.level != "error")[:MOST]]
