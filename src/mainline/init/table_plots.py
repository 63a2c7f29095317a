"""The small plots of the page, as SVG that stretches to its place; all text around them is HTML.

Drawn by hand, as the reports' plots are: a small figure costs Matplotlib 0.1 s, and a page has a hundred of them. Here
one costs less than a millisecond.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mainline.evaluation.formatting import count, share
from mainline.init.column_bins import even_step, number
from mainline.init.label_target import Target
from mainline.init.table_counts import Cells

if TYPE_CHECKING:
    from markupsafe import Markup

FEWEST = 10  # rows with a label: the label of fewer is not drawn
HEIGHT = 100.0
WIDTH = 1000.0


@dataclass(frozen=True)
class Point:
    """The label in one bin: its mean or its share of positives, and 95 % of what it may be."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Scale:
    """The axis of the label, with round numbers at its ends."""

    low: float
    high: float
    shares: bool

    def place(self, value: float) -> float:
        """From 0 to 1."""
        return min(1.0, max(0.0, (value - self.low) / (self.high - self.low))) if self.high > self.low else 0.5

    def written(self, value: float) -> str:
        return percent(value) if self.shares else number(value)


def percent(value: float) -> str:
    return f"{100 * value:.0f} %" if value == 0 or value >= 0.1 else f"{100 * value:.2g} %"


def points_of(cells: Cells, target: Target | None, chosen: Sequence[int]) -> list[Point | None]:
    """The label in each of the chosen bins; None where too few rows have one."""
    if target is None or target.task == "multiclass":
        return [None] * len(chosen)
    return [point(cells, target, place) for place in chosen]


def point(cells: Cells, target: Target, place: int) -> Point | None:
    rows = int(cells.known[place])
    if rows < FEWEST:
        return None
    if target.names:
        p, z = float(cells.sums[place, 1]) / rows, 1.96
        middle = (p + z * z / (2 * rows)) / (1 + z * z / rows)  # Wilson's interval
        half = z / (1 + z * z / rows) * math.sqrt(p * (1 - p) / rows + z * z / (4 * rows * rows))
        return Point(p, max(0.0, middle - half), min(1.0, middle + half))
    mean = float(cells.sums[place, 0]) / rows
    variance = max(0.0, float(cells.sums[place, 1]) / rows - mean * mean)
    half = 1.96 * math.sqrt(variance / rows)
    return Point(mean, mean - half, mean + half)


def scale_of(points: Sequence[Point | None], overall: Point | None, target: Target | None) -> Scale:
    shares = bool(target and target.names)
    found = [each for each in (*points, overall) if each]
    if not found:
        return Scale(0.0, 1.0, shares)
    low, high = min(each.low for each in found), max(each.high for each in found)
    low = 0.0 if shares else low
    step = even_step((high - low) / 4)
    high = step * math.ceil(high / step + 1e-9) if high > low else high + step
    return Scale(step * math.floor(low / step), min(high, 1.0) if shares else high, shares)


def histogram(
    names: Sequence[str], cells: Cells, target: Target | None, overall: Point | None, title: str, *, first: int = 1
) -> tuple[Markup, Scale | None]:
    """Rows by bin as bars, the label as a line above them; of a multiclass label its classes' shares below."""
    from markupsafe import Markup

    chosen = range(first, first + len(names))
    points = points_of(cells, target, list(chosen))
    scale = scale_of(points, overall, target) if any(points) else None
    most = max((int(cells.rows[place]) for place in chosen), default=0) or 1
    step = WIDTH / len(names)
    gap = min(step * 0.12, 6.0)
    parts = []
    for column, place in enumerate(chosen):
        rows = int(cells.rows[place])
        height = max(HEIGHT * 0.96 * rows / most, 1.0 if rows else 0.0)
        said = f"{names[column]}: {rows_said(rows)}{label_said(cells, target, place, scale)}"
        parts.append(
            Markup(
                '<g><title>{}</title><rect class="hit" x="{:.1f}" width="{:.1f}" height="100"/>'
                '<rect class="b" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/></g>'
            ).format(said, column * step, step, column * step + gap / 2, HEIGHT - height, step - gap, height)
        )
    if scale:
        parts.append(line(points, scale, step, overall))
    drawn = svg("bins", "".join(parts), title)
    if target and target.task == "multiclass":
        drawn += svg("classes", classes(cells, list(chosen), step, gap), f"{title}: shares of the classes")
    return drawn, scale


def line(points: Sequence[Point | None], scale: Scale, step: float, overall: Point | None) -> Markup:
    """The label's line, with its intervals, and the whole table's value as dashes."""
    from markupsafe import Markup

    def y(value: float) -> float:
        return 97 - 94 * scale.place(value)

    at = [(step * (place + 0.5), each) for place, each in enumerate(points) if each]
    path = " ".join(f"{'M' if not n else 'L'}{x:.1f} {y(each.value):.1f}" for n, (x, each) in enumerate(at))
    reach = "".join(f"M{x:.1f} {y(each.low):.1f}V{y(each.high):.1f}" for x, each in at)
    dots = "".join(f"M{x:.1f} {y(each.value):.1f}h0" for x, each in at)
    level = f'<path class="level" d="M0 {y(overall.value):.1f}H1000"/>' if overall else ""
    return Markup(
        f'{level}<path class="reach" d="{reach}"/><path class="line" d="{path}"/><path class="dots" d="{dots}"/>'
    )


def classes(cells: Cells, chosen: Sequence[int], step: float, gap: float) -> Markup:
    """The classes' shares in each bin, one upon the other."""
    from markupsafe import Markup

    paths: dict[int, str] = {}
    for column, place in enumerate(chosen):
        known, top = int(cells.known[place]), 0.0
        if known < FEWEST:
            continue
        x, width = column * step + gap / 2, step - gap
        for class_, part in enumerate(cells.sums[place].tolist()):
            height = HEIGHT * part / known
            if height:
                paths[class_] = paths.get(class_, "") + f"M{x:.0f} {top:.1f}h{width:.0f}v{height:.1f}h-{width:.0f}z"
            top += height
    return Markup("".join(f'<path class="k{class_}" d="{path}"/>' for class_, path in sorted(paths.items())))


def sparkline(values: Sequence[float], title: str) -> Markup | str:
    """A value by period, to its own scale."""
    found = [(place, value) for place, value in enumerate(values) if math.isfinite(value)]
    if len(found) < 2:
        return ""
    low, high = min(value for _, value in found), max(value for _, value in found)
    step = WIDTH / (len(values) - 1)
    reach = (high - low) or 1.0
    path = " ".join(
        f"{'M' if not n else 'L'}{place * step:.1f} {94 - 88 * (value - low) / reach if high > low else 50:.1f}"
        for n, (place, value) in enumerate(found)
    )
    return svg("spark", f'<path class="line" d="{path}"/>', title)


def svg(kind: str, content: Any, title: str) -> Markup:
    """Content that is markup already in a frame that stretches; `title` is the text for screen readers."""
    from markupsafe import Markup

    return Markup(
        '<svg class="{}" viewBox="0 0 1000 100" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>'
    ).format(kind, title, Markup(content))


def rows_said(rows: int) -> str:
    return f"{count(rows)} row{'' if rows == 1 else 's'}"


def label_said(cells: Cells, target: Target | None, place: int, scale: Scale | None) -> str:
    """The label in a bin, in words."""
    if target is None:
        return ""
    known = int(cells.known[place])
    if target.task == "multiclass":
        most = int(cells.sums[place].argmax())
        return f", most often {target.names[most]} ({share(cells.sums[place, most] / known)})" if known else ""
    found = point(cells, target, place)
    if found is None:
        return ""
    return f", {target.what} {share(found.value) if target.names else number(found.value)}"
