"""Annotations: what failed, shown by GitHub beside the line that it is about."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mainline.config import loader
from mainline.errors import ConfigurationError

KEYS = {
    "label coverage": ("gates", "label_coverage"),
    "training time": ("gates", "train_seconds"),
    "model size": ("gates", "model_megabytes"),
    "calibration error": ("gates", "calibration_error"),
    "container: cold start": ("stage", "cold_start_seconds"),
    "container: latency": ("stage", "p99_milliseconds"),
    "container: throughput": ("stage", "requests_per_second"),
    "container: memory": ("stage", "memory_megabytes"),
    "container: image size": ("stage", "image_megabytes"),
}
# As every message of ours names a place: `params.yaml:12: what is wrong`.
PLACE = re.compile(r"(?m)^\s*([\w./-]+\.(?:ya?ml|py)):(\d+): (.+)$")
MOST = 10  # GitHub shows ten of a step


@dataclass(frozen=True)
class Annotation:
    file: str
    line: int
    title: str
    message: str
    level: str = "error"

    def __str__(self) -> str:
        """The workflow command; whatever the texts hold, it is one command."""
        place = f"file={for_property(self.file)},line={self.line},title={for_property(self.title)}"
        return f"::{self.level} {place}::{for_message(self.message)}"


def for_message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def for_property(text: str) -> str:
    return for_message(text).replace(":", "%3A").replace(",", "%2C")


def of_verdict(verdict: Mapping[str, Any], file: Path) -> list[Annotation]:
    """The gates that failed, each on its threshold's line of `params.yaml`; the expectations, each on its suite's."""
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
                file.name,
                settings.line(*keys_of(gate["name"])),
                f"gate: {gate['name']}",
                f"{gate['measured']}\n{gate['rule']}",
            )
            for gate in failed
        ] + found
    return found


def keys_of(gate: str) -> tuple[str, ...]:
    """Where in `params.yaml` a gate's threshold stands: `margin: roc_auc` in `gates.margins.roc_auc`."""
    kind, colon, metric = gate.partition(": ")
    if kind == "container":
        return KEYS.get(gate, ("stage",))
    return ("gates", f"{kind}s", metric) if colon else KEYS.get(gate, ("gates", gate))


def of_message(message: str) -> list[Annotation]:
    """The places that a refusal's message names."""
    return list(_places(message))


def _places(message: str) -> Iterator[Annotation]:
    for file, line, said in PLACE.findall(message):
        if not file.startswith("/"):
            yield Annotation(file, int(line), said[:80], said)


def printed(annotations: list[Annotation]) -> list[str]:
    """At most as many as GitHub shows, errors first."""
    return [str(one) for one in sorted(annotations, key=lambda one: one.level != "error")[:MOST]]
