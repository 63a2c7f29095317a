"""The last lines of a run on a terminal."""

from __future__ import annotations

import textwrap
from pathlib import Path

from mainline.evaluation.formatting import plain
from mainline.evaluation.results import Gate, Review
from mainline.report import ordering
from mainline.report.headline import gate_name, headline
from mainline.runtime import models

WIDTH = 100
NAME = 24
GREEN, RED, BOLD, PLAIN = "\033[32m", "\033[31m", "\033[1m", "\033[0m"


def terminal_summary(review: Review, reports: Path | str | None = None, *, colour: bool = False) -> str:
    """Headline, gates and where the reports are: lines of at most 100 columns, coloured only if asked."""
    reports = models.selected().reports if reports is None else reports
    tone = GREEN if review.passed else RED
    lines = [*warnings(review), *wrapped(headline(review))]
    found = [f"{BOLD}{tone}{line}{PLAIN}" if colour else line for line in lines]
    if review.gates:
        found += ["", *(gate_line(gate, colour) for gate in ordering.gates(review))]
    found += ["", *(f"  {reports}/{name}" for name in ("report.html", "report.md", "verdict.json"))]
    return "\n".join(found)


def warnings(review: Review) -> list[str]:
    """Why the verdict may mislead, above it."""
    return [
        line
        for warning in review.warnings
        for line in textwrap.wrap(f"⚠ {plain(warning, 600)}", WIDTH, subsequent_indent="  ")
    ]


def wrapped(line: str) -> list[str]:
    """The verdict and its evidence, on one line, or on one line each."""
    if len(line) <= WIDTH:
        return [line]
    return [
        part
        for piece in line.split(" — ", 1)
        for part in textwrap.wrap(
            piece, WIDTH, initial_indent="" if line.startswith(piece) else "  ", subsequent_indent="  "
        )
    ]


def gate_line(gate: Gate, colour: bool) -> str:
    word = "passed" if gate.passed else "failed"
    name = plain(gate_name(gate), NAME)
    said = plain(gate.measured, WIDTH - NAME - 14)
    mark = f"{'✓' if gate.passed else '✗'} {word}"
    if colour:
        mark = f"{GREEN if gate.passed else RED}{mark}{PLAIN}"
    return f"  {mark}  {name:<{NAME}}  {said}"
