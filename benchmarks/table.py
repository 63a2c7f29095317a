"""The bench's table, as Markdown that reads well on a terminal too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WORDS = {True: "reached", False: "MISSED", None: ""}


@dataclass(frozen=True)
class Row:
    what: str
    goal: str
    measured: str
    reached: bool | None = None  # None where the row has no goal


def show(rows: Sequence[Row]) -> str:
    cells = [("what", "goal", "measured", "")]
    cells += [(row.what, row.goal, row.measured, WORDS[row.reached]) for row in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(4)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)
