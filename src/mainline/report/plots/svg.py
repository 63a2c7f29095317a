"""A Matplotlib figure as inline SVG that follows the page: its colours are CSS variables, its font the page's."""

from __future__ import annotations

import io
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Colours that no plot would choose by itself stand for the page's variables until the SVG is written.
INK, MUTED, GRID, SURFACE = "#fe0101", "#fe0102", "#fe0103", "#fe0104"
CANDIDATE, BASELINE, GOOD, BAD = "#fe0105", "#fe0106", "#fe0107", "#fe0108"
VARIABLES = {
    INK: "ink",
    MUTED: "muted",
    GRID: "line",
    SURFACE: "surface",
    CANDIDATE: "candidate",
    BASELINE: "baseline",
    GOOD: "good",
    BAD: "bad",
}
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,  # a dollar in a category's name is a dollar
    "font.size": 9.5,
    "axes.edgecolor": GRID,
    "axes.labelcolor": MUTED,
    "axes.titlecolor": INK,
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "xtick.color": GRID,
    "ytick.color": GRID,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "figure.facecolor": "none",
    "text.color": INK,
    "lines.solid_capstyle": "round",
}


def load_libraries() -> None:
    """Import Matplotlib, without the lists of properties in its docstrings, which take a quarter of the time."""
    if "matplotlib.figure" in sys.modules:
        return
    from matplotlib import artist

    listing = artist.kwdoc
    artist.kwdoc = lambda artist: ""
    try:
        import matplotlib.backends.backend_svg
        import matplotlib.figure  # noqa: F401
    finally:
        artist.kwdoc = listing


@contextmanager
def styled() -> Iterator[None]:
    """The Matplotlib style of the report, independent of the local matplotlibrc."""
    load_libraries()
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        yield


def written(figure: Figure, name: str, title: str) -> str:
    """The figure as an `<svg>` element, the same for the same figure; `title` is the text for screen readers."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    FigureCanvasSVG(figure)
    out = io.StringIO()
    # A salt of its own, so that no two plots of a page share an id.
    with matplotlib.rc_context({"svg.hashsalt": name}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # the reader's own font draws the letters, not Matplotlib's
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return inlined(out.getvalue(), title)


def inlined(text: str, title: str) -> str:
    text = text[text.index("<svg") :].strip()
    view = re.search(r'viewBox="[^"]*"', text)
    assert view
    text = re.sub(r"<metadata>.*?</metadata>", "", text, count=1, flags=re.DOTALL)
    text = re.sub(
        r"<svg[^>]*>", f'<svg class="plot" {view[0]} role="img" aria-label="{attribute(title)}">', text, count=1
    )
    text = re.sub(r' id="[A-Za-z0-9.]+_\d+"', "", text)  # of groups; what is referred to has a hash for its id
    text = re.sub(r"font: [^;\"]*?([\d.]+)px[^;\"]*", r"font-size: \1px", text)
    text = re.sub(r"font-family: [^;\"]*;? ?", "", text)
    text = re.sub(r' d="[^"]*"', lambda path: re.sub(r"(\.\d\d)\d+", r"\1", path[0]), text)
    for colour, variable in VARIABLES.items():
        text = text.replace(colour, f"var(--{variable})")
    text = text.replace("xlink:href", "href")
    return re.sub(r">\s+<", "><", text)


def attribute(value: str) -> str:
    return value.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
