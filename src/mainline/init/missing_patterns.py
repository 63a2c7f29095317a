"""Which values are missing together: combinations of columns, their rows, and what the label is in them."""

from __future__ import annotations

from dataclasses import dataclass

from mainline.evaluation.formatting import count, plain, share
from mainline.init.column_bins import number
from mainline.init.label_target import Target
from mainline.init.table_plots import FEWEST
from mainline.init.table_counts import Counts

SHOWN = 10  # combinations


@dataclass(frozen=True)
class Pattern:
    missing: tuple[str, ...]
    rows: str
    share: str
    label: str


@dataclass(frozen=True)
class Patterns:
    columns: int  # that are looked at
    rows: tuple[Pattern, ...]
    more: int  # combinations that are not shown


def patterns(counts: Counts, target: Target | None) -> Patterns | None:
    """The most frequent combinations; None where fewer than two columns have missing values."""
    if not counts.missing:
        return None
    order = sorted(counts.patterns, key=lambda bits: (-counts.patterns[bits], bits))
    shown = [pattern(counts, bits, target) for bits in order[:SHOWN]]
    return Patterns(len(counts.missing), tuple(shown), max(0, len(order) - SHOWN))


def pattern(counts: Counts, bits: int, target: Target | None) -> Pattern:
    missing = tuple(plain(name, 40) for place, name in enumerate(counts.missing) if bits >> place & 1)
    rows, known = counts.patterns[bits], counts.labelled[bits]
    label = ""
    if target and target.task != "multiclass" and known >= FEWEST:
        value = counts.positives[bits] / known
        label = share(value) if target.names else number(value)
    return Pattern(missing, count(rows), share(rows / counts.rows), label)
