"""Pieces of an inline SVG that follows the page: its colours are CSS variables, its font is the page's.

The plots are drawn by hand: Matplotlib took half a second to be imported, and 50 ms for each plot.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterable

INK, MUTED, GRID, SURFACE = "var(--ink)", "var(--muted)", "var(--line)", "var(--surface)"
CANDIDATE, BASELINE, GOOD, BAD = "var(--candidate)", "var(--baseline)", "var(--good)", "var(--bad)"
SIZE = 9.5  # of letters: everything is in points
LETTER = 0.58  # the width of most letters, in sizes: the reader's own font draws them
DASHED, DOTTED = (4, 2), (1, 2)  # in widths of the line
MARKERS = {
    "s": "M-{0} -{0}H{0}V{0}H-{0}Z",
    "^": "M0 -{0}L{0} {0}H-{0}Z",
    "v": "M0 {0}L{0} -{0}H-{0}Z",
    "x": "M-{0} -{0}L{0} {0}M-{0} {0}L{0} -{0}",
}


def number(value: float) -> str:
    """A coordinate, to a hundredth of a point."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def tag(name: str, **attributes: float | str | None) -> str:
    """An element without content; a `_` in the name of an attribute is a hyphen, `None` leaves the attribute out."""
    return f"<{name}{written(attributes)}/>"


def written(attributes: dict[str, float | str | None]) -> str:
    return "".join(
        f' {name.replace("_", "-")}="{value if isinstance(value, str) else number(value)}"'
        for name, value in attributes.items()
        if value is not None
    )


def stroke(colour: str, width: float, dashes: Iterable[float] = (), alpha: float = 1.0) -> str:
    """The style of a line."""
    broken = ",".join(number(width * part) for part in dashes)
    return (
        f"fill: none; stroke: {colour}; stroke-width: {number(width)}"
        f"; stroke-linejoin: round{f'; stroke-dasharray: {broken}' if broken else '; stroke-linecap: round'}"
        f"{faint('stroke', alpha)}"
    )


def filled(colour: str, alpha: float = 1.0) -> str:
    """The style of a surface."""
    return f"fill: {colour}{faint('fill', alpha)}"


def faint(what: str, alpha: float) -> str:
    return f"; {what}-opacity: {number(alpha)}" if alpha < 1 else ""


def way(x: Iterable[float], y: Iterable[float]) -> str:
    """The path from point to point; one that is not a number parts it."""
    drawn, pen = [], "M"
    for a, b in zip(x, y, strict=True):
        if math.isfinite(a) and math.isfinite(b):
            drawn.append(f"{pen}{number(a)} {number(b)}")
            pen = "L"
        else:
            pen = "M"
    return "".join(drawn)


def mark(shape: str, x: float, y: float, size: float, style: str) -> str:
    """A marker of a height of `size`: o, s, ^, v or x."""
    if shape == "o":
        return tag("circle", cx=x, cy=y, r=size / 2, style=style)
    drawn = MARKERS[shape].replace("{0}", number(size / 2))
    return tag("path", d=drawn, transform=f"translate({number(x)} {number(y)})", style=style)


def text(
    said: str, x: float, y: float, colour: str, anchor: str = "start", size: float = SIZE, turned: float = 0
) -> str:
    """Text with its baseline at `y`; `turned` is in degrees around its anchor."""
    place = {"transform": f"rotate({number(turned)} {number(x)} {number(y)})"} if turned else {}
    style = f"font-size: {number(size)}px; fill: {colour}"
    inside = written({"x": x, "y": y, "text_anchor": anchor if anchor != "start" else None, **place, "style": style})
    return f"<text{inside}>{html.escape(said)}</text>"


def width_of(said: str, size: float = SIZE) -> float:
    return LETTER * size * len(said)


def picture(width: float, height: float, title: str, parts: Iterable[str]) -> str:
    """The `<svg>` element; `title` is the text for screen readers."""
    view = f"0 0 {number(width)} {number(height)}"
    return f'<svg class="plot" viewBox="{view}" role="img" aria-label="{html.escape(title)}">{"".join(parts)}</svg>'
