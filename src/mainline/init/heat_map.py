"""The associations between columns as a picture: the darker, the closer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mainline.evaluation.formatting import plain
from mainline.init.associations import Pair

if TYPE_CHECKING:
    from markupsafe import Markup

NAME = 26  # characters of a column's name


@dataclass(frozen=True)
class HeatMap:
    names: tuple[str, ...]
    cells: Markup


def heat_map(names: Sequence[str], pairs: Sequence[Pair]) -> HeatMap | None:
    """The columns in an order that puts close ones next to each other; None with fewer than three of them."""
    from markupsafe import Markup

    if len(names) < 3:
        return None
    strength = {frozenset((pair.one, pair.other)): pair for pair in pairs}
    order = neighbours(names, pairs)
    parts = []
    for row, one in enumerate(order):
        for column, other in enumerate(order):
            pair = strength.get(frozenset((one, other)))
            if one == other or pair is None:
                parts.append(Markup('<rect class="self" x="{}" y="{}" width="1" height="1"/>').format(column, row))
            elif pair.strength >= 0.02:
                said = f"{plain(one, 60)} and {plain(other, 60)}: {pair.strength:.3f}"
                tone = "down" if pair.sign < 0 else "up"
                parts.append(
                    Markup(
                        '<rect class="{}" x="{}" y="{}" width="1" height="1" opacity="{:.2f}"><title>{}</title></rect>'
                    ).format(tone, column, row, pair.strength, said)
                )
    size = len(order)
    cells = Markup(
        '<svg class="heat" viewBox="0 0 {0} {0}" preserveAspectRatio="none" role="img" '
        'aria-label="Associations between {0} columns">{1}</svg>'
    ).format(size, Markup("").join(parts))
    return HeatMap(tuple(plain(name, NAME) for name in order), cells)


def neighbours(names: Sequence[str], pairs: Sequence[Pair]) -> list[str]:
    """Single linkage: clusters are joined at their closest pair, end to end."""
    cluster = {name: [name] for name in names}
    for pair in pairs:  # the closest first
        one, other = cluster[pair.one], cluster[pair.other]
        if one is not other:
            joined = one + other
            cluster.update(dict.fromkeys(joined, joined))
    return list(next(iter(cluster.values())))
