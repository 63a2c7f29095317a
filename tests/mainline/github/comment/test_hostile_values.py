"""A report whose values attack: in the Markdown that the trusted job writes, each of them is text."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from mainline.evaluation.results import Change, Review, Section
from mainline.report import markdown, report_json
from mainline.report.without_training import Stopped, Unchanged
from mainline.runtime import typed_json
from mainline.runtime.typed_json import LONGEST
from tests.mainline.github.comment.hostile import everywhere
from tests.mainline.github.comment.page import GFM, Page, check
from tests.mainline.report import samples, strategies

SHA = "d00dfeed" * 5
CHANGES = [Change("gate", "gates", "1", "2"), Change("code", "src/x.py", "…", "changed"), Change("x", "y", None, None)]


def posted(report: report_json.Report) -> str:
    """The Markdown that is posted for a report, as it comes out of its JSON."""
    return report_json.to_markdown(report_json.from_json(report_json.to_json(report).encode()))


def shorter(review: Review, rows: int = 1) -> Review:
    """With so many rows in the long tables, whose rows are all alike: most of a report, and of its checking, are they.

    The slices that have fallen and risen are kept, and the features whose drift has a note.
    """
    return dataclasses.replace(
        review,
        slices=review.slices[-max(rows, 4) :],
        drift=review.drift[: max(rows, 6)],
        importance=review.importance[-max(rows, 3) :],
    )


def reports(*texts: str) -> list[report_json.Report]:
    """Every kind of report, with one of the texts wherever a text can be."""
    first, changes = texts[0], everywhere(CHANGES, *texts)
    section = Section(first, list(texts), list(texts), [list(texts)] * 3)
    shown = {
        "slices": [],
        "drift": [],
        "importance": [],
        "sections": [section],
        "titles": {"roc_auc": first, "x": first},
        "notes": list(texts),
        "base_ref": first,
        "estimator": first,
        "blocks": first,
        "seconds": {first: 1.0},
    }
    return [
        everywhere(shorter(samples.refused_by_slices(), len(texts)), *texts),
        samples.flights(metric=first, metrics=[samples.metric(first, 0.7, 0.6)], **shown),
        Unchanged(first, first, list(texts), changes),
        Stopped(first, first, 2, list(texts), len(texts), changes),
    ]


def check_everywhere(*texts: str) -> None:
    for report in reports(*texts):
        source = posted(report)
        check(source)
        assert len(source) <= markdown.LIMIT


@pytest.mark.parametrize(
    "call",
    [
        "@everyone", "@octo-org/team", "*@*everyone", "@<b></b>x @everyone", "&#64;everyone", "&#x40;everyone",
        "&commat;everyone", "\\@everyone", "@\u200beveryone", "@\u202eeveryone", "&#64;&#8203;everyone",
        "a@example.org", "#1", "owner/repo#1", "&num;1", "&#35;1", "&#35;&#49;", "# #1", "GH-1", "gh-1",
        "&#71;H-1", "G&#72;&#45;1", "fixes #1", "Closes GH-12", "resolves owner/repo#3", f"owner/repo@{SHA}",
        SHA, SHA[:7], f"{SHA[:6]}&#54;", "abcdef1...abcdef2",
        "https://example.org", "<https://example.org>", "https&colon;//example.org", "https:&#47;/example.org",
        "www.example.org", "&#119;ww.example.org", "mailto:a@example.org", "ftp://example.org",
    ],
)  # fmt: skip
def test_nobody_and_nothing_is_called(call: str) -> None:
    places = ["{}", "a {} b", "## {}", "- {}", "> {}", "| a | {} |\n|---|---|\n| {} | b |", "**{}**", "<i>{}</i>"]
    check_everywhere(*(place.replace("{}", call) for place in places))


@pytest.mark.parametrize(
    "code", ["<details>\n```sh\n@everyone #1\n```", "<br>\n```sh\n@everyone\n```", "```sh\n x\n   ```\n@everyone\n```",
             "~~~\n@everyone\n~~~", "`@everyone", "``@everyone``", "<code>@everyone\n\n@x</code>", "    @everyone",
             "```sh @x\n@everyone\n```", "- ```sh\n@everyone", "> ```sh\n@everyone", "<code>@a | b</code> @everyone",
             "</code>@everyone", "```", "````", "`" * 90]
)  # fmt: skip
def test_what_only_looks_like_code_calls_nobody(code: str) -> None:
    check_everywhere(code)


@pytest.mark.parametrize(
    "link", ["[x](https://example.org)", "[x][1]\n\n[1]: https://example.org", "![x](https://example.org/a.png)",
             "[1]: https://example.org\n\n[1]", "[.5](x)", "[^1]\n\n[^1]: note", "<a href=x>y</a>", "<img src=x>",
             "![](https://cml.dev/watermark.png#0123 \"CML watermark mainline review\")", "<a\nhref=x>y</a>",
             "[x]\n(https://example.org)", "[1](/settings)", "[1][2]\n\n[2]: /settings"]
)  # fmt: skip
def test_links_and_pictures_become_text(link: str) -> None:
    check_everywhere(link)


@pytest.mark.parametrize(
    "markup", ["<script>alert(1)</script>", "<style>*{display:none}</style>", "<b onclick=x>y</b>", "<details x>",
               "<!-- mainline run=9 attempt=9 head=00 -->", "<!--\n@everyone\n-->", "<!-->", "<![CDATA[x]]>", "<?x?>",
               "<table><tr><td>x", "<h1>Passed</h1>", "<pre>\n@x</pre>", "<b>x", "x</b>", "<b><i>x</b></i>",
               "**a <i>b** c</i>", "| <b>a | b</b> |\n|---|---|\n| <i>c | d</i> |", "<summary>x</summary>",
               "</summary>", "<br/>", "<input type=checkbox>", "</details>" * 99, "<details>" * 99]
)  # fmt: skip
def test_tags_and_comments_become_text(markup: str) -> None:
    check_everywhere(markup)


@pytest.mark.parametrize("deep", ["> " * 5_000 + "x", "- " * 5_000 + "x", "1. " * 5_000 + "x", "*a **b " * 4_000])
def test_nothing_nests_without_end(deep: str) -> None:
    for report in reports(deep):
        html = GFM.render(posted(report))
        assert "<blockquote>\n<blockquote>" not in html
        assert "<li>\n<ul>" not in html
        assert "<em>a" not in html


@pytest.mark.parametrize(
    "text", ['    click A "https://example.org"', "%%{init: {}}%%", '"] graph TD', "```\n```geojson\n{}\n```"]
)
def test_only_our_own_chart_is_drawn(text: str) -> None:
    source = posted(samples.flights(seconds={text: 1.0, f"{text}2": 2.0}))
    chart = source.partition("```mermaid\n")[2].partition("\n```")[0].splitlines()
    assert [line.split()[0] for line in chart] == ["xychart-beta", "title", "x-axis", "y-axis", "bar"]
    assert not set(chart[2]) & set("%{}:/<`")
    for language in ("geojson", "stl", "math", "suggestion", "topojson"):
        check(posted(reports(f"```{language}\nx\n```")[-1]))


def test_control_and_direction_characters_and_piles_of_marks_are_gone() -> None:
    text = "a\x00b\x1b[31mc\u202ed\u2066e\u200bf\ufeffg\ud800h\U000e0041i" + "z" + "\u0300" * 500
    for report in reports(text):
        source = posted(report)
        assert not set(source) & set("\x00\x1b\u202e\u2066\u200b\ufeff\ud800\U000e0041")
        assert "\u0300" * 5 not in source


def test_our_own_reports_lose_nothing_on_their_way() -> None:
    for report in (samples.flights(), samples.worse(), samples.refused_by_slices(), samples.without_baseline()):
        assert posted(report) == markdown.render(report)


@pytest.mark.slow
@settings(
    max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate]
)
@given(strategies.reviews)
def test_any_report_is_the_same_after_its_json(review: Review) -> None:
    content = json.dumps(typed_json.encode(Review, review), allow_nan=False)  # of any size: drawn ones are beyond 8 MB
    assert markdown.render(typed_json.decode(Review, typed_json.parse(content.encode()))) == markdown.render(review)


@pytest.mark.slow
def test_the_longest_texts_in_thousands_of_rows_fit_into_a_comment() -> None:
    text = "@<|`é" * 100
    review = everywhere(samples.flights(), text)
    many = samples.flights(
        **{name: getattr(review, name) * 40 for name in ("gates", "metrics", "slices", "changes", "notes", "drift")}
    )
    long = json.loads(report_json.to_json(samples.flights(notes=["x" * 9_000])))
    assert len(long["report"]["notes"][0]) == LONGEST
    assert len(posted(many)) <= markdown.LIMIT
    wordy = Section(text, [text * 5] * 20, [text] * 12, [[text] * 12] * 60)
    assert len(posted(samples.flights(sections=[wordy] * 9))) <= markdown.LIMIT
    assert len(posted(Stopped(text, text, 2, [text] * 400, 9_999, everywhere(CHANGES, text) * 20))) <= markdown.LIMIT
    assert len(posted(Unchanged(text, text, [text] * 999, everywhere(CHANGES, text) * 20))) <= markdown.LIMIT


def with_text(text: str) -> Review:
    review = samples.flights(notes=[text], estimator=text, base_ref=text, changes=everywhere(CHANGES, text))
    return shorter(review)


PIECES = [
    "@everyone", "#1", "GH-1", "https://x.org", "www.x", SHA[:10], "&#64;", "&", "#", "@", "<b>", "</b>", "<i>",
    "</i>", "<code>", "</code>", "<br>", "<details>", "</details>", "<summary>", "</summary>", "<!-- -->", "<!--",
    "-->", "`", "```", "```sh", "~~~", "\n", "\n\n", "\n", "| ", "|---|---|", "> ", "- ", "1. ", "## ", "**", "_", "*",
    "[", "]", "(", ")", "!", "\\", " ", "    ", "\t", "x", "1", ":", "//", "\u200b", "<script>", "<a href=x>", "$", "^",
    "[1]", "]:", "===", "---", "&nbsp;", "&lt;",
]  # fmt: skip


@pytest.mark.slow
@settings(deadline=None)
@example("-->**//#****")
@given(st.lists(st.sampled_from(PIECES), max_size=60).map("".join))
def test_no_mixture_of_pieces_acts(text: str) -> None:
    check(posted(with_text(text)))
    check(posted(Unchanged(text, text, [text], [])))


@pytest.mark.slow
@settings(deadline=None)
@given(st.text(max_size=300))
def test_no_text_acts(text: str) -> None:
    check(posted(with_text(text)))
    assert "script" not in Page(posted(Stopped(text, text, 1, [text], 1, []))).tags
