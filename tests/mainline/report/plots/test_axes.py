import re
import subprocess
import sys

from mainline.report.plots.axes import Figure, listed
from mainline.report.plots.svg import way


def paths(svg: str) -> list[list[tuple[float, float]]]:
    found = re.findall(r'<path d="M([^"Z]*)', svg)
    return [[tuple(map(float, point.split())) for point in path.split("L")] for path in found if "M" not in path]  # type: ignore[misc]


def test_values_lie_where_the_scales_say_and_nothing_is_drawn_outside() -> None:
    figure = Figure(5, 2)  # 360 by 144 points
    axes = figure.add((0.1, 0.25, 0.8, 0.5))
    axes.x.limits, axes.y.limits = (0, 10), (0, 1)
    axes.line([0, 5, 20], [0, 0.5, 1], "var(--ink)")
    svg = figure.written("some", "Some")
    assert [(36, 108), (180, 72), (612, 36)] in paths(svg)
    assert '<clipPath id="some-frame-0"><rect x="36" y="36" width="288" height="72"/></clipPath>' in svg
    assert svg.index('clip-path="url(#some-frame-0)"') < svg.index("L612 36")
    assert figure.written("some", "Some") == svg


def test_values_that_are_none_have_no_marker_and_boxes_lie_below_lines() -> None:
    figure, axes = listed(["north", "<south>"], "share")
    axes.marks([0.2, float("nan")], [0, 1], "var(--good)")
    axes.bars([0.2, -0.1], "var(--bad)", 0.5)
    svg = figure.written("list", 'A "list"')
    assert svg.count("<circle") == 1
    assert svg.index("<rect", svg.index("<g ")) < svg.index("<circle")
    assert "&lt;south&gt;</text>" in svg
    assert 'aria-label="A &quot;list&quot;"' in svg
    rows = [float(y) for y in re.findall(r'<text x="[^"]*" y="([^"]*)" text-anchor="end"', svg)]
    assert rows[0] + 0.21 * 72 < rows[1], "the first on top, each with a line to itself"


def test_a_line_is_parted_where_a_value_is_no_number() -> None:
    assert way([0, 1, float("nan"), 3, 4], [0, 1, 2, 3, float("inf")]) == "M0 0L1 1M3 3"


def test_numbers_and_names_are_written_around_the_frame_and_turned_ones_make_room() -> None:
    heights = []
    for turned in (0, 35):
        figure = Figure(4, 4)
        axes = figure.add((0.2, 0.3, 0.7, 0.6))
        axes.x.ticks, axes.turned = [(0, "a long name"), (1, "b")], turned
        axes.x.cover([0, 1])
        axes.labels, axes.title, axes.keys = ("predicted", "label"), "Confusion", [("-", "var(--good)", "a key")]
        svg = figure.written("turned", "")
        assert all(
            f">{said}</text>" in svg for said in ("a long name", "b", "predicted", "label", "Confusion", "a key")
        )
        heights.append(float(re.findall(r'y="([^"]*)"[^>]*>predicted<', svg)[0]))
    assert heights[1] > heights[0] + 30


def test_the_reports_are_drawn_without_matplotlib() -> None:
    drawn = "from mainline.report import html; from tests.mainline.report import samples; import sys;"
    drawn += "html.render(samples.corrected(), samples.curves()); assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", drawn], check=True)
