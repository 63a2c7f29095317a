"""Markdown within a limit: the least important rows are cut first, with a notice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mainline.evaluation.formatting import count

NOTICE = "\n\n_… {number} more {lines}: the HTML report has them all._"


@dataclass(frozen=True)
class Part:
    """A piece of the comment. `rows` are cut from their end, `head` and `tail` stay."""

    head: str
    rows: Sequence[str] = ()
    tail: str = ""
    weight: int = 0  # the lightest part is cut first
    most: int = 10_000  # rows beyond this are cut even where there is room

    def written(self, shown: int) -> str:
        left_out = len(self.rows) - shown
        notice = NOTICE.format(number=count(left_out), lines="line" if left_out == 1 else "lines") if left_out else ""
        return self.head + "".join(f"\n{row}" for row in self.rows[:shown]) + notice + self.tail


def fit(parts: Sequence[Part], limit: int) -> str:
    """All parts with an empty line between, in at most `limit` characters.

    Heads and tails alone must fit: they are never cut.
    """
    shown = [min(len(part.rows), part.most) for part in parts]
    excess = sum(len(part.written(n)) + 2 for part, n in zip(parts, shown, strict=True)) - limit
    for place in sorted(range(len(parts)), key=lambda place: parts[place].weight):
        if excess <= 0:
            break
        part, before = parts[place], len(parts[place].written(shown[place]))
        # Cutting the first row adds the notice: aim for it in advance.
        wanted = excess + len(NOTICE) + 12
        while shown[place] and wanted > 0:
            shown[place] -= 1
            wanted -= len(part.rows[shown[place]]) + 1
        excess -= before - len(part.written(shown[place]))
    return "\n\n".join(part.written(n) for part, n in zip(parts, shown, strict=True)) + "\n"
