"""What all plots share: a frame with two scales, what is drawn in it, and how either model is drawn."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mainline.report.plots import svg
from mainline.report.plots.curves import Curves, Floats, band, finite
from mainline.report.plots.scale import Scale
from mainline.report.plots.svg import BASELINE, CANDIDATE, DASHED, GRID, INK, MUTED

POINTS = 72  # an inch
HALF = (5.2, 3.7)  # inches, of one of two plots in a row
WIDE = 8.6  # inches, of a plot that has the row to itself
ROW = 0.21  # of a line of a plot that is a list
LETTER = 5.6 / POINTS  # a wide one, at the ticks' size
PAD = 3.5  # points between the frame and what is written at it
CAP = 0.72 * svg.SIZE  # the height of a capital
BAR, COLUMN = 0.62, 0.9  # widths, of what a bar has to itself
BARS, LINES, WORDS = 1, 2, 3  # what lies over what
TITLE = 11.4  # the size of its letters

Side = tuple[str, Floats, Floats]  # colour, labels, scores
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Plot:
    name: str
    title: str
    caption: str
    svg: str
    wide: bool = False


@dataclass
class Axes:
    """A frame in a figure: values are drawn in it once all of them are known.

    Attributes
    ----------
    left, top, width, height
        Of the frame, in points from the upper left corner of the figure.
    """

    left: float
    top: float
    width: float
    height: float
    x: Scale = field(default_factory=Scale)
    y: Scale = field(default_factory=Scale)
    labels: tuple[str, str] = ("", "")  # of the scales
    title: str = ""
    large: bool = True  # the letters of the title
    spine: bool = True  # a line at the left
    below: bool = True  # numbers at the lower scale
    turned: float = 0  # degrees of what is written there
    shapes: list[tuple[float, Callable[[], str]]] = field(default_factory=list)
    keys: list[tuple[str, str, str]] = field(default_factory=list)  # of the legend: kind, colour, text

    def across(self, value: Any) -> Any:
        low, high = self.x.ends
        return self.left + (value - low) / (high - low) * self.width

    def down(self, value: Any) -> Any:
        low, high = self.y.ends
        return self.top + self.height - (value - low) / (high - low) * self.height

    def add(self, over: float, shape: Callable[[], str]) -> None:
        self.shapes.append((over, shape))

    def line(
        self, x: Iterable[float], y: Iterable[float], colour: str, width: float = 1.5, dashes: Sequence[float] = (),
        alpha: float = 1.0, over: float = LINES,
    ) -> None:  # fmt: skip
        at, to = array(x), array(y)
        self.x.cover(at)
        self.y.cover(to)
        style = svg.stroke(colour, width, dashes, alpha)
        self.add(over, lambda: svg.tag("path", d=svg.way(self.across(at), self.down(to)), style=style))

    def steps(self, x: Sequence[float], y: Sequence[float], colour: str, width: float, over: float = LINES) -> None:
        """A value holds until the next one."""
        self.line(np.repeat(array(x), 2)[1:], np.repeat(array(y), 2)[:-1], colour, width, over=over)

    def marks(
        self, x: Iterable[float], y: Iterable[float], colour: str, marker: str = "o", size: float = 4,
        alpha: float = 1.0, face: str = "", over: float = LINES,
    ) -> None:  # fmt: skip
        at, to = array(x), array(y)
        self.x.cover(at)
        self.y.cover(to)
        edge = f"fill: none; stroke: {colour}; stroke-width: 0.8" if marker == "x" else svg.filled(colour, alpha)
        style = f"fill: {face}; stroke: {colour}" if face else edge

        def drawn() -> str:
            known = np.isfinite(at) & np.isfinite(to)
            places = zip(self.across(at[known]), self.down(to[known]), strict=True)
            return "".join(svg.mark(marker, a, b, size, style) for a, b in places)

        self.add(over, drawn)

    def area(self, x: Floats, low: Floats, high: Floats, colour: str, alpha: float) -> None:
        """Between two lines."""
        self.x.cover(x)
        self.y.cover([*low, *high])

        def drawn() -> str:
            there, back = self.across(x), self.across(x[::-1])
            way = svg.way([*there, *back], [*self.down(low), *self.down(high[::-1])])
            return svg.tag("path", d=f"{way}Z", style=svg.filled(colour, alpha))

        self.add(BARS, drawn)

    def stairs(self, values: Floats, edges: Floats, colour: str, alpha: float) -> None:
        """Bars side by side as one surface."""
        self.x.cover(edges, flush=True)
        self.y.cover([0.0], flush=True)
        self.y.cover(values)
        x, y = np.repeat(edges, 2), np.concatenate([[0.0], np.repeat(values, 2), [0.0]])
        style = svg.filled(colour, alpha)
        self.add(BARS, lambda: svg.tag("path", d=f"{svg.way(self.across(x), self.down(y))}Z", style=style))

    def outline(self, values: Floats, edges: Floats, colour: str, width: float, dashes: Sequence[float] = ()) -> None:
        """The upper edge of `stairs`."""
        self.y.cover([0.0], flush=True)
        x, y = np.repeat(edges, 2), np.concatenate([[0.0], np.repeat(values, 2), [0.0]])
        self.line(x, y, colour, width, dashes, over=BARS)

    def boxes(
        self, x: Iterable[float], y: Iterable[float], width: Iterable[float], height: Iterable[float], colour: str,
        alpha: float | Sequence[float] = 1.0,
    ) -> None:  # fmt: skip
        """Rectangles from a corner and a size, which may be negative."""
        at, to, wide, high = (array(values) for values in (x, y, width, height))
        self.x.cover([*at, *(at + wide)])
        self.y.cover([*to, *(to + high)])
        faint = np.broadcast_to(np.asarray(alpha), at.shape)

        def drawn() -> str:
            corners = self.across(at), self.down(to), self.across(at + wide), self.down(to + high)
            return "".join(
                svg.tag(
                    "rect", x=min(a, c), y=min(b, d), width=abs(c - a), height=abs(d - b), style=svg.filled(colour, f)
                )
                for a, b, c, d, f in zip(*corners, faint, strict=True)
            )

        self.add(BARS, drawn)

    def bars(self, values: Sequence[float], colour: str, alpha: float) -> None:
        """A bar from zero to each value, one below the other."""
        self.x.cover([0.0], flush=True)
        places = np.arange(len(values)) - BAR / 2
        self.boxes([0.0] * len(values), places, values, [BAR] * len(values), colour, alpha)

    def columns(self, below: Sequence[float], heights: Sequence[float], colour: str) -> None:
        """An upright bar for each height, one beside the other, each from what is `below` it."""
        self.y.cover([0.0], flush=True)
        self.boxes(np.arange(len(heights)) - COLUMN / 2, below, [COLUMN] * len(heights), heights, colour)

    def level(
        self, value: float, colour: str, width: float = 1.0, dashes: Sequence[float] = (), over: float = LINES
    ) -> None:
        """A line over the whole width."""
        self.y.cover([value])
        ends = [self.left, self.left + self.width]
        style = svg.stroke(colour, width, dashes)
        self.add(over, lambda: svg.tag("path", d=svg.way(ends, [self.down(value)] * 2), style=style))

    def upright(self, value: float, colour: str, width: float, dashes: Sequence[float] = ()) -> None:
        """A line over the whole height."""
        self.x.cover([value])
        ends = [self.top, self.top + self.height]
        style = svg.stroke(colour, width, dashes)
        self.add(LINES, lambda: svg.tag("path", d=svg.way([self.across(value)] * 2, ends), style=style))

    def says(
        self, said: str, x: float, y: float, size: float = svg.SIZE, anchor: str = "middle", shift: float = 0
    ) -> None:
        """Text in the frame, its middle at the height of `y`; `shift` is in points."""
        self.add(WORDS, lambda: svg.text(said, self.across(x) + shift, self.down(y) + CAP / 2, INK, anchor, size))

    def drawn(self, name: str) -> Iterable[str]:
        """The pieces, from the lowest; `name` is that of the part of the page outside of which nothing is drawn."""
        right, bottom = self.left + self.width, self.top + self.height
        x, y = self.x.written(self.width / (3 * svg.SIZE)), self.y.written(self.height / (2 * svg.SIZE))
        lines = [svg.way([a, a], [self.top, bottom]) for a, _ in placed(x, self.across) if self.x.grid]
        lines += [svg.way([self.left, right], [b, b]) for b, _ in placed(y, self.down) if self.y.grid]
        if lines:
            yield svg.tag("path", d="".join(lines), style=svg.stroke(GRID, 0.6))
        room = svg.tag("rect", x=self.left, y=self.top, width=self.width, height=self.height)
        yield f'<clipPath id="{name}">{room}</clipPath>'
        parts = [shape() for over, shape in sorted(self.shapes, key=lambda pair: pair[0]) if over < WORDS]
        yield f'<g clip-path="url(#{name})">{"".join(parts)}</g>'
        ends = svg.way([self.left, right], [bottom, bottom])
        left = svg.way([self.left, self.left], [self.top, bottom]) if self.spine else ""
        yield svg.tag("path", d=ends + left, style=svg.stroke(GRID, 0.8))
        yield from (shape() for over, shape in self.shapes if over == WORDS)
        yield from self.around(x, y, bottom)
        yield from self.legend()

    def around(self, x: Sequence[tuple[float, str]], y: Sequence[tuple[float, str]], bottom: float) -> Iterable[str]:
        """The numbers and names at the frame."""
        written = bottom + PAD + CAP + 1
        anchor = "end" if self.turned else "middle"
        for at, said in placed(x, self.across) if self.below else ():
            for row, part in enumerate(said.split("\n")):
                yield svg.text(part, at, written + 1.2 * svg.SIZE * row, MUTED, anchor, turned=-self.turned)
        for to, said in placed(y, self.down):
            yield svg.text(said, self.left - PAD, to + CAP / 2, MUTED, "end")
        if self.labels[0]:
            low = max((svg.width_of(said) for _, said in x), default=0) * math.sin(math.radians(self.turned))
            yield svg.text(self.labels[0], self.left + self.width / 2, written + low + svg.SIZE + 4.5, MUTED, "middle")
        if self.labels[1]:
            widest = max((svg.width_of(said) for _, said in y), default=0)
            at, middle = self.left - PAD - widest - 6, self.top + self.height / 2
            yield svg.text(self.labels[1], at, middle, MUTED, "middle", turned=-90)
        if self.title:
            pad, size = (6.0, TITLE) if self.large else (3.0, svg.SIZE)
            yield svg.text(self.title, self.left, self.top - pad, INK, size=size)

    def legend(self) -> Iterable[str]:
        """A row above the frame, where it covers no line; at the right, beside a title."""
        wide = [22 + svg.width_of(said) + 12 for _, _, said in self.keys]
        at = self.left + self.width - sum(wide) if self.title else self.left
        for (kind, colour, said), room in zip(self.keys, wide, strict=True):
            middle = self.top - 4 - CAP / 2
            if kind == "box":
                yield svg.tag("rect", x=at + 8, y=middle - CAP / 2, width=10, height=CAP, style=svg.filled(colour))
            elif kind in ("-", "--"):
                dashes = DASHED if kind == "--" else ()
                yield svg.tag("path", d=svg.way([at, at + 18], [middle] * 2), style=svg.stroke(colour, 1.5, dashes))
            else:
                style = svg.stroke(colour, 0.8) if kind == "x" else svg.filled(colour)
                yield svg.mark(kind, at + 12, middle, 4, style)
            yield svg.text(said, at + 22, self.top - 4, INK)
            at += room


@dataclass
class Figure:
    """Frames on a surface of width and height in inches."""

    width: float
    height: float
    frames: list[Axes] = field(default_factory=list)

    def add(self, box: Box) -> Axes:
        """A frame: its left and lower edge, width and height, as shares of the figure's."""
        wide, high = POINTS * self.width, POINTS * self.height
        left, low, width, height = box
        axes = Axes(wide * left, high * (1 - low - height), wide * width, high * height)
        self.frames.append(axes)
        return axes

    def written(self, name: str, title: str) -> str:
        """As an `<svg>` element, the same for the same figure; `title` is the text for screen readers."""
        parts = [part for place, axes in enumerate(self.frames) for part in axes.drawn(f"{name}-frame-{place}")]
        return svg.picture(POINTS * self.width, POINTS * self.height, title, parts)


def array(values: Iterable[float]) -> Floats:
    return np.asarray(values if isinstance(values, np.ndarray) else [*values], dtype=np.float64)


def placed(ticks: Sequence[tuple[float, str]], at: Callable[[float], float]) -> list[tuple[float, str]]:
    return [(at(value), said) for value, said in ticks]


def both(curves: Curves) -> list[Side]:
    """Colour, labels and scores: this model first."""
    sides: list[Side] = [(CANDIDATE, *finite(curves.y, curves.candidate))]
    if curves.baseline is not None:
        sides.append((BASELINE, *finite(curves.y, curves.baseline)))
    return [side for side in sides if len(side[1])]


def framed(size: tuple[float, float], box: Box) -> tuple[Figure, Axes]:
    figure = Figure(*size)
    return figure, figure.add(box)


def square(x: str, y: str) -> tuple[Figure, Axes]:
    figure, axes = framed(HALF, (0.13, 0.15, 0.84, 0.82))
    axes.labels = (x, y)
    axes.x.margin = axes.y.margin = 0.02
    return figure, axes


def line(axes: Axes, x: Floats, y: Floats, colour: str, marker: str = "") -> None:
    through = colour == CANDIDATE
    over = LINES + 0.5 * through
    axes.line(x, y, colour, 1.9 if through else 1.5, () if through else DASHED, over=over)
    if marker:
        axes.marks(x, y, colour, marker, 5, over=over)


def stairs(axes: Axes, shares: Floats, edges: Floats, colour: str) -> None:
    if colour == CANDIDATE:
        axes.stairs(shares, edges, colour, 0.28)
    axes.outline(shares, edges, colour, 1.3, () if colour == CANDIDATE else DASHED)


def banded(axes: Axes, sides: Sequence[Side], value: Callable[[Floats, Floats], Floats]) -> None:
    for colour, y, score in sides:
        x, low, middle, high = band(score, value(y, score))
        if colour == CANDIDATE:
            axes.area(x, low, high, colour, 0.16)
        line(axes, x, middle, colour)


def listed(labels: Sequence[str], x: str) -> tuple[Figure, Axes]:
    """A frame as wide as the page with a line for each label, the first on top."""
    height = 0.75 + ROW * len(labels)
    left = (max(map(len, labels)) * LETTER + 0.15) / WIDE
    figure, axes = framed((WIDE, height), (left, 0.5 / height, 0.98 - left, 1 - 0.6 / height))
    axes.y.ticks, axes.y.grid = [*enumerate(labels)], False
    axes.y.limits = (len(labels) - 0.4, -0.6)
    axes.labels = (x, "")
    return figure, axes
