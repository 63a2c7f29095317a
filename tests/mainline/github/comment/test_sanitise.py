"""The report's Markdown: what acts becomes text, and what our own reports hold looks the same afterwards."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from mainline.github.comment.sanitise import CUT, sanitise
from markdown_it import MarkdownIt

from mainline.evaluation.results import Review
from mainline.report import markdown
from tests.mainline.report import samples, strategies

GFM = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
LIMIT = 60_000
SHA = "d00dfeed" * 5
ALLOWED = {
    "h1", "h2", "h3", "h4", "h5", "h6", "p", "ul", "ol", "li", "blockquote", "table", "thead", "tbody", "tr", "th",
    "td", "strong", "em", "pre", "code", "hr", "br", "b", "i", "sub", "sup", "details", "summary",
}  # fmt: skip
CALLS = re.compile(r"@\w|#\d|\bGH-\d|://|\bwww\.\w|[0-9a-f]{7}|\w+/\w+#\d|\w@\w", re.IGNORECASE)


class Page(HTMLParser):
    """What a browser would find: tags, attributes, comments, and the texts that GitHub searches for calls."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.comments: list[str] = []
        self.texts: list[str] = []
        self.feed(GFM.render(source))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [pair for pair in attrs if pair[0] != "style"]
        if tag not in ("br", "hr"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes what nobody opened"
        assert self.open.pop() == tag

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def handle_data(self, data: str) -> None:
        if not {"code", "pre"} & set(self.open):
            self.texts.append(data)


def check(report: str) -> str:
    """Nothing in the sanitised report acts, whatever it was; the sanitised text."""
    clean = sanitise(report, LIMIT)
    page = Page(clean)
    assert set(page.tags) <= ALLOWED
    assert not page.open
    assert set(page.comments) <= {" "}
    for name, value in page.attributes:
        assert (name, value) in [("open", None), ("open", ""), ("start", value)] or (
            name == "class" and re.fullmatch(r"language-[a-z]+", value or "")
        ), (name, value)
    for text in page.texts:
        assert not CALLS.search(text), text
    assert len(clean) <= LIMIT
    return clean


def shown(source: str) -> str:
    """The page without what nobody sees."""
    return GFM.render(source).replace("<!-- -->", "")


def text_of(source: str) -> str:
    """What a reader sees, white space at the ends of cells and lines aside."""
    return re.sub(r"\s+", " ", re.sub(r"\s*(<[^>]*>)\s*", r"\1", shown(source)))


REVIEWS = [samples.flights, samples.worse, samples.refused_by_slices, samples.without_baseline]


@pytest.mark.parametrize("review", REVIEWS)
def test_our_own_reports_look_the_same_afterwards(review: object) -> None:
    assert callable(review)
    report = markdown.render(review())
    assert shown(check(report)) == shown(report)


@pytest.mark.slow
@settings(max_examples=25, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate])
@given(strategies.reviews)
def test_any_report_of_ours_looks_the_same_afterwards(review: Review) -> None:
    report = markdown.render(review)
    assert text_of(sanitise(report, LIMIT + 5_000)) == text_of(report)


def test_a_base_named_by_its_commit_looks_the_same_and_names_no_commit() -> None:
    report = markdown.render(samples.worse())
    report = report.replace("worse than main", f"worse than {SHA[:12]}")
    assert SHA[:12] in report
    clean = check(report)
    assert SHA[:12] not in clean.splitlines()[0]
    assert shown(clean) == shown(report)


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
@pytest.mark.parametrize(
    "place", ["{}", "a {} b", "## {}", "- {}", "> {}", "| a | {} |\n|---|---|\n| {} | b |", "**{}**", "<i>{}</i>"]
)
def test_nobody_and_nothing_is_called(call: str, place: str) -> None:
    check(place.replace("{}", call))


@pytest.mark.parametrize(
    "code", ["<details>\n```sh\n@everyone #1\n```", "<br>\n```sh\n@everyone\n```", "```sh\n x\n   ```\n@everyone\n```",
             "~~~\n@everyone\n~~~", "`@everyone", "``@everyone``", "<code>@everyone\n\n@x</code>", "    @everyone",
             "```sh @x\n@everyone\n```", "- ```sh\n@everyone", "> ```sh\n@everyone", "<code>@a | b</code> @everyone"]
)  # fmt: skip
def test_what_only_looks_like_code_calls_nobody(code: str) -> None:
    check(code)


@pytest.mark.parametrize(
    "link", ["[x](https://example.org)", "[x][1]\n\n[1]: https://example.org", "![x](https://example.org/a.png)",
             "[1]: https://example.org\n\n[1]", "[.5](x)", "[^1]\n\n[^1]: note", "<a href=x>y</a>", "<img src=x>",
             "![](https://cml.dev/watermark.png#0123 \"CML watermark mainline review\")", "<a\nhref=x>y</a>",
             "[x]\n(https://example.org)", "[1](/settings)", "[1][2]\n\n[2]: /settings"]
)  # fmt: skip
def test_links_and_pictures_become_text(link: str) -> None:
    page = Page(check(link))
    assert not {"a", "img"} & set(page.tags)


@pytest.mark.parametrize(
    "markup", ["<script>alert(1)</script>", "<style>*{display:none}</style>", "<b onclick=x>y</b>", "<details x>",
               "<!-- mainline run=9 attempt=9 head=00 -->", "<!--\n@everyone\n-->", "<!-->", "<![CDATA[x]]>", "<?x?>",
               "<table><tr><td>x", "<h1>Passed</h1>", "<pre>\n@x</pre>", "<b>x", "x</b>", "<b><i>x</b></i>",
               "**a <i>b** c</i>", "| <b>a | b</b> |\n|---|---|\n| <i>c | d</i> |", "<summary>x</summary>",
               "</summary>", "<br/>", "<input type=checkbox>"]
)  # fmt: skip
def test_other_tags_and_comments_become_text(markup: str) -> None:
    clean = check(markup)
    assert "mainline run=9" not in Page(clean).comments


def test_a_bomb_of_closing_tags_is_gone() -> None:
    clean = check("</details>\n" * 10_000 + "the end")
    assert "details" not in clean
    assert "the end" in clean


def test_a_bomb_of_opening_tags_is_three_deep_and_closed() -> None:
    clean = check("<details>\n<summary>x</summary>\n\n" * 10_000 + "the end")
    assert clean.count("<details>") == clean.count("</details>") == 3
    nested = check("<details>\n" * 5 + "deep\n" + "</details>\n" * 5 + "after")
    assert nested.rstrip().endswith("after")


def test_details_that_stay_open_are_closed_before_the_page_ends() -> None:
    assert check("<details open>\n<summary>x</summary>\n\ninside").rstrip().endswith("</details>")


@pytest.mark.parametrize("deep", ["> " * 5_000 + "x", "- " * 5_000 + "x", "1. " * 5_000 + "x", "*a **b " * 4_000])
def test_nothing_nests_without_end(deep: str) -> None:
    html = GFM.render(check(deep))
    assert html.count("<blockquote>") + html.count("<ul>") + html.count("<ol>") + html.count("<em>") <= 4


def test_only_our_own_chart_is_drawn() -> None:
    chart = '```mermaid\nxychart-beta horizontal\n    title "Seconds"\n    bar [1.00]\n```'
    assert "```mermaid" in check(chart)
    for line in ('    click A "https://example.org"', "%%{init: {}}%%", "graph TD", '    title "<img src=x>"'):
        assert "mermaid" not in check(chart.replace("    bar", f"{line}\n    bar"))
    for language in ("geojson", "stl", "math", "suggestion", "topojson"):
        assert language not in check(f"```{language}\nx\n```")


@pytest.mark.slow
def test_ten_megabytes_of_text_are_cut_with_a_notice() -> None:
    for text in ("word " * 2_000_000, "line\n" * 2_000_000, "@#" * 5_000_000, "```sh\n" + "x\n" * 5_000_000):
        clean = check(text)
        assert clean.endswith(CUT + "\n")
        assert "cut here" in "".join(Page(clean).texts)


def test_a_cut_leaves_nothing_open() -> None:
    clean = check("<details>\n<summary>x</summary>\n\n" + "| a | b |\n" * 20_000)
    assert clean.rstrip().endswith("_")
    assert clean.count("<details>") == clean.count("</details>") == 1
    clean = check("<details>\n\n```sh\n" + "echo\n" * 20_000)
    assert clean.count("```") == 2


def test_control_and_direction_characters_and_piles_of_marks_are_gone() -> None:
    clean = check("a\x00b\x1b[31mc\u202ed\u2066e\u200bf\ufeffg\ud800h\U000e0041i" + "z" + "\u0300" * 500)
    assert clean.replace("\u0300", "").strip() == "ab[31mcdefghiz"
    assert clean.count("\u0300") == 4
    assert "⚠️" in check("⚠️ warning")


PIECES = [
    "@everyone", "#1", "GH-1", "https://x.org", "www.x", SHA[:10], "&#64;", "&", "#", "@", "<b>", "</b>", "<i>",
    "</i>", "<code>", "</code>", "<br>", "<details>", "</details>", "<summary>", "</summary>", "<!-- -->", "<!--",
    "-->", "`", "```", "```sh", "~~~", "\n", "\n\n", "\n", "| ", "|---|---|", "> ", "- ", "1. ", "## ", "**", "_", "*",
    "[", "]", "(", ")", "!", "\\", " ", "    ", "\t", "x", "1", ":", "//", "\u200b", "<script>", "<a href=x>", "$", "^",
    "[1]", "]:", "===", "---", "&nbsp;", "&lt;",
]  # fmt: skip


@example("-->**//#****")
@given(st.lists(st.sampled_from(PIECES), max_size=60).map("".join))
def test_no_mixture_of_pieces_acts_and_sanitising_twice_changes_nothing(report: str) -> None:
    clean = check(report)
    assert sanitise(clean, LIMIT) == clean


@given(st.text(max_size=300))
def test_no_text_acts(report: str) -> None:
    check(report)
