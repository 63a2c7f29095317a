import dataclasses
import re
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from markdown_it import MarkdownIt

from mainline.evaluation.results import Gate, Review, Slice
from mainline.report import headline, markdown, markdown_details
from tests.mainline.report import samples, strategies
from tests.mainline.report.test_escape import OWN

GFM = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
BLOCKS = re.compile(r"<details>|<details open>|</details>|<summary><b>|</b></summary>")


@pytest.mark.slow
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(strategies.reviews)
def test_any_review_fits_with_its_headline_its_gates_and_closed_details(review: Review) -> None:
    text = markdown.render(review)
    text.encode()
    assert len(text) < 60_000
    # What changed among the judges comes first, then the headline.
    first = text.split("\n\n", 1)[1] if text.startswith("> [!WARNING]") else text
    assert first.startswith("## ✅" if review.passed else "## ❌")
    assert len(re.findall(r"^\| (?:✅&nbsp;passed|❌&nbsp;\*\*failed\*\*) \|", text, re.MULTILINE)) == len(review.gates)
    assert len(re.findall(r"^<details(?: open)?>$", text, re.MULTILINE)) == len(
        re.findall(r"^</details>$", text, re.MULTILINE)
    )
    for token in GFM.parse(text):
        assert token.type not in ("hr", "heading_open") or token.tag in ("h2", "h3", "h4")
        if token.type == "html_block":
            assert "<" not in BLOCKS.sub("", token.content.replace("<!-- -->", ""))
        for child in token.children or []:
            assert child.type not in ("link_open", "image", "code_inline", "s_open")
            assert child.type != "html_inline" or child.content in OWN


def test_the_headline_is_the_terminals() -> None:
    for review in (samples.flights(), samples.worse(), samples.refused_by_slices(), samples.without_baseline()):
        first = next(line for line in markdown.render(review).splitlines() if line.startswith("## "))
        assert first[5:] == headline.headline(review)[2:]


def test_failed_gates_come_first_with_their_reason() -> None:
    text = markdown.render(samples.refused_by_slices())
    rows = [line for line in text.splitlines() if line.startswith(("| ✅", "| ❌"))]
    assert rows[0].startswith("| ❌&nbsp;**failed** | slices |")
    assert "Why: a slice of 200 rows is noisy" in rows[0]
    assert "### Gates: 1 of 9 failed" in text


def test_a_cut_says_how_many_lines_it_left_out_and_where_they_are() -> None:
    few = samples.flights().slices[0]
    review = samples.flights(slices=[dataclasses.replace(few, value=str(place)) for place in range(1_234)])
    text = markdown.render(review)
    assert "1,214 more lines: the HTML report has them all" in text


def test_the_least_important_parts_are_cut_first() -> None:
    base = samples.flights()
    review = dataclasses.replace(
        base,
        gates=[Gate(f"gate {n}", "r" * 160, "m" * 160, n % 2 == 0) for n in range(150)],
        importance=base.importance,
        slices=[Slice(s.column * 10, s.value * 20, s.rows, s.metrics) for s in base.slices],
    )
    text = markdown.render(review)
    assert len(text) < 60_000
    assert len(re.findall(r"^\| (?:✅&nbsp;passed|❌&nbsp;\*\*failed\*\*) \|", text, re.MULTILINE)) == 150
    assert "19 more lines" in text[text.index("Feature importance") :]


def test_a_changed_threshold_is_pointed_out() -> None:
    text = markdown.render(samples.refused_by_slices())
    first = text.split("\n\n")[0]
    assert first.startswith("> [!WARNING]\n> **Gates changed in this pull request:**")
    assert "gates.margins.roc_auc" in text
    assert "Gates changed" not in markdown.render(samples.flights())


def test_a_dirty_checkout_is_said_to_be_irreproducible() -> None:
    side = dataclasses.replace(samples.flights().candidate, clean=False)
    assert "the commit alone does not reproduce this run" in markdown.render(samples.flights(candidate=side))


def test_the_chart_holds_nothing_that_mermaid_could_act_on() -> None:
    text = markdown.render(samples.flights(seconds={'a"] click x [': 1.0, "```\n": 2.0, "train": 3.0}))
    chart = text[text.index("```mermaid") :].split("```")[1]
    assert '["a click x ", "stage", "train"]' in chart


def test_rendering_the_comment_imports_no_heavy_library() -> None:
    script = (
        "import sys\nfrom mainline.report import markdown, terminal\n"
        "heavy = {'matplotlib', 'pandas', 'sklearn', 'numpy', 'jinja2'} & set(sys.modules)\nassert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_bar_of_the_largest_number_that_there_is_is_a_whole_one() -> None:
    assert markdown_details.bar(1.7e308, 1.7e308) == markdown_details.bar(1.0, 1.0)
