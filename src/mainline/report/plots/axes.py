"""What all plots share: their frame and how either model is drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mainline.report.plots.curves import Curves, Floats, band, finite
from mainline.report.plots.svg import BASELINE, CANDIDATE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HALF = (5.2, 3.7)  # inches, of one of two plots in a row
WIDE = 8.6  # inches, of a plot that has the row to itself
ROW = 0.21  # of a line of a plot that is a list
LETTER = 5.6 / 72  # a wide one, at the ticks' size

Side = tuple[str, Floats, Floats]  # colour, labels, scores


@dataclass(frozen=True)
class Plot:
    name: str
    title: str
    caption: str
    svg: str
    wide: bool = False


def both(curves: Curves) -> list[Side]:
    """Colour, labels and scores: this model first."""
    sides: list[Side] = [(CANDIDATE, *finite(curves.y, curves.candidate))]
    if curves.baseline is not None:
        sides.append((BASELINE, *finite(curves.y, curves.baseline)))
    return [side for side in sides if len(side[1])]


def framed(size: tuple[float, float], box: tuple[float, float, float, float]) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=size)
    return figure, figure.add_axes(box)


def square(x: str, y: str) -> tuple[Figure, Axes]:
    figure, axes = framed(HALF, (0.13, 0.15, 0.84, 0.82))
    axes.set(xlabel=x, ylabel=y)
    axes.margins(0.02)
    return figure, axes


def line(axes: Axes, x: Floats, y: Floats, colour: str, marker: str = "") -> None:
    through = colour == CANDIDATE
    axes.plot(
        x, y, color=colour, linewidth=1.9 if through else 1.5, linestyle="-" if through else (0, (4, 2)),
        zorder=3 if through else 2, marker=marker, markersize=4,
    )  # fmt: skip


def stairs(axes: Axes, shares: Floats, edges: Floats, colour: str) -> None:
    if colour == CANDIDATE:
        axes.stairs(shares, edges, color=colour, alpha=0.28, fill=True, linewidth=0)
        axes.stairs(shares, edges, color=colour, linewidth=1.3)
    else:
        axes.stairs(shares, edges, color=colour, linewidth=1.3, linestyle=(0, (4, 2)))


def banded(axes: Axes, sides: Sequence[Side], value: Callable[[Floats, Floats], Floats]) -> None:
    for colour, y, score in sides:
        x, low, middle, high = band(score, value(y, score))
        if colour == CANDIDATE:
            axes.fill_between(x, low, high, color=colour, alpha=0.16, linewidth=0)
        line(axes, x, middle, colour)


def listed(labels: Sequence[str], x: str) -> tuple[Figure, Axes]:
    """A frame as wide as the page with a line for each label, the first on top."""
    height = 0.75 + ROW * len(labels)
    left = (max(map(len, labels)) * LETTER + 0.15) / WIDE
    figure, axes = framed((WIDE, height), (left, 0.5 / height, 0.98 - left, 1 - 0.6 / height))
    axes.set_yticks(range(len(labels)), labels)
    axes.grid(visible=False, axis="y")
    axes.set(ylim=(len(labels) - 0.4, -0.6), xlabel=x)
    return figure, axes
