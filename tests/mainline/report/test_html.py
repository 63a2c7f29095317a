import dataclasses
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from mainline.data.messages import Messages
from mainline.evaluation.results import Change, Importance, Review, Slice, TableVersion, verdict
from mainline.report import html, markdown
from mainline.report.plots.curves import Curves
from tests.mainline.report import samples, strategies

VOID = {"meta", "br", "link", "img"}
ADDRESS = re.compile(r"(?:href|src|action|xlink:href)=\"(?!#)|url\((?!#)|@import|<script|<link|<iframe", re.IGNORECASE)


class Balanced(HTMLParser):
    """Every element is closed by its own tag."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.events: list[str] = []
        self.text: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value for name, value in attrs if name == "id" and value]
        self.events += [name for name, _ in attrs if name.startswith("on")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value for name, value in attrs if name == "id" and value]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


PAGES = {
    "binary": (samples.flights(), samples.curves()),
    "first": (samples.without_baseline(), samples.curves(baseline=False)),
    "multiclass": samples.multiclass(),
    "regression": samples.regression(),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_one_small_file_that_needs_nothing_else(name: str) -> None:
    page = html.render(*PAGES[name])
    assert len(page.encode()) < 600_000
    assert not ADDRESS.search(page.replace('xmlns:xlink="http://www.w3.org/1999/xlink"', ""))
    found = Balanced(page)
    assert len(found.ids) == len(set(found.ids))
    assert page.count('<svg class="plot"') >= 4


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_the_same_review_gives_the_same_bytes(name: str) -> None:
    assert html.render(*PAGES[name]) == html.render(*PAGES[name])


@pytest.mark.slow
def test_plots_take_their_colours_from_the_page() -> None:
    page = html.render(*PAGES["binary"])
    plots = "".join(re.findall(r'<svg class="plot".*?</svg>', page, re.DOTALL))
    assert "var(--candidate)" in plots
    assert "var(--baseline)" in plots
    assert re.findall(r"#[0-9a-fA-F]{6}\b", plots) == []
    assert "font-family" not in plots
    assert "baseline" not in "".join(
        re.findall(r"var\(--\w+\)", html.render(*PAGES["first"])[20_000:].split("</style>")[-1])
    )


@pytest.mark.slow
def test_text_from_data_is_escaped_in_tables_and_plots() -> None:
    bad = '<script>alert("x")</script>$\\frac$'
    slices = [Slice(bad, bad, s.rows, s.metrics) for s in samples.slices()[:3]]
    review = samples.flights(base_ref=bad, slices=slices, changes=[Change("parameter", bad, bad, bad)], notes=[bad])
    page = html.render(review, samples.curves())
    assert "<script" not in page
    assert Balanced(page).events == []


def test_messages_that_are_no_rows_are_in_page_and_comment_with_the_place_where_they_are() -> None:
    read = Messages(1_234, 2, 0, 7, ".mainline/cache/streams/clicks/0a1b")
    clicks = TableVersion("clicks", "sha256:" + "1a2b" * 16, 1_225, None, None, messages=read)
    quiet = dataclasses.replace(clicks, name="quiet", messages=Messages(9, 0, 0, 0, "elsewhere"))
    review = samples.flights(tables=[clicks, quiet])
    for text in (html.render(review), markdown.render(review)):
        row = next(line for line in text.splitlines() if "cache/streams" in line)
        assert re.findall(r"1,234|clicks\b|0a1b|\b[27]\b", re.sub("<[^>]*>", " ", row)) == [
            "clicks", "1,234", "2", "7", "clicks", "0a1b",
        ]  # fmt: skip
        assert "elsewhere" not in text
    assert verdict(review)["messages"]["clicks"]["aside"] == 9


def test_every_slice_and_change_is_on_the_page() -> None:
    slices = [dataclasses.replace(samples.slices()[0], value=f"slice-{n}") for n in range(1_000)]
    page = html.render(samples.flights(slices=slices), None)
    assert all(f"slice-{n}<" in page for n in range(1_000))


@pytest.mark.slow
@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(strategies.reviews)
def test_any_review_makes_a_page(review: Review) -> None:
    few = dataclasses.replace(
        review, **{f: getattr(review, f)[:20] for f in ("slices", "drift", "changes", "importance")}
    )
    page = html.render(few, None)
    page.encode()
    assert "<script" not in page
    Balanced(page)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1.7e308])
def test_what_no_axis_can_hold_is_left_out_of_the_plots(value: float) -> None:
    odd = samples.metric("roc_auc", value, 0.7)
    slices = [*samples.slices()[:2], Slice("carrier", "odd", 300, [odd])]
    importance = [*samples.flights().importance[:2], Importance("odd", value, value, value)]
    page = html.render(samples.flights(slices=slices, importance=importance), None)
    plots = "".join(re.findall(r'<svg class="plot".*?</svg>', page, re.DOTALL))
    assert "odd" not in plots
    assert "odd" in page


@pytest.mark.slow
@pytest.mark.parametrize("y", [[0, 0, 0], [1, 1, 1], [0, 1, 1], []])
@pytest.mark.parametrize("score", [0.5, float("nan"), 0.0])
def test_a_holdout_with_little_in_it_still_makes_a_page(y: list[int], score: float) -> None:
    curves = Curves(np.array(y), np.full(len(y), score), np.full(len(y), 0.25))
    Balanced(html.render(samples.flights(), curves))


@pytest.mark.slow
@pytest.mark.parametrize("task", ["multiclass", "regression"])
@pytest.mark.parametrize("rows", [0, 1, 3])
def test_other_tasks_with_little_in_them_still_make_a_page(task: str, rows: int) -> None:
    review, curves = PAGES[task]
    assert curves.baseline is not None
    Balanced(
        html.render(review, Curves(curves.y[:rows], curves.candidate[:rows], curves.baseline[:rows], curves.classes))
    )
