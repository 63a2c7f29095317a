import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from mainline.report import escape
from mainline.report.escape import code, fenced, prose

HOSTILE = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</details>", "<!-- -->", "&lt;b&gt;", "&copy;",
    "@octocat", "a@example.org", "#123", "owner/repo#5", "GH-7", "https://example.org", "www.example.org",
    ":tada:", "[link](https://example.org)", "![image](x.png)", "[a]: https://example.org", "[x] done", "[ref][1]",
    "a|b", "a\\|b", "\\", "`code`", "```", "``` a `` b `", "**bold**", "__bold__", "_it_", "*it*", "~~gone~~",
    "line\nbreak", "line\r\n\r\n# heading", "# heading", "- item", "+ item", "1. item", "12) item", "> quote", "---",
    "===", "$x^2$", "    indented", "\u202eevil", "\x1b[31m", "\ud800x", "\u2028x",
]  # fmt: skip
GFM = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
OWN = {"<code>", "</code>", "<!-- -->", "<br>", "<i>", "</i>"}


def shape(markdown: str) -> list[str]:
    """Types of all tokens, with every piece of HTML that is not ours by its content."""
    found = []
    for token in GFM.parse(markdown):
        found.append(token.type)
        for child in token.children or []:
            if child.type == "html_inline" and child.content in OWN:
                continue
            if child.type not in ("text", "text_special"):
                found.append(child.type + child.content)
    return found


def shown(markdown: str) -> str:
    """The text that a reader sees."""
    parts = [c.content for t in GFM.parse(markdown) for c in t.children or [] if c.type in ("text", "text_special")]
    return "".join(parts)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("escape", [prose, code])
def test_hostile_text_stays_text_in_a_list_and_in_a_table(text: str, escape: object) -> None:
    assert callable(escape)
    assert shape(f"- {escape(text)}\n- next") == shape("- word\n- next")
    table = "| a | b |\n|---|---|\n| {} | z |"
    assert shape(table.format(escape(text))) == shape(table.format("word"))


@given(st.text(max_size=60))
def test_any_text_stays_text_and_reads_the_same(text: str) -> None:
    table = "| a | b |\n|---|---|\n| {} | z |"
    assert shape(table.format(prose(text) or "x")) == shape(table.format("word"))
    read = "".join(c if c.isprintable() else " " if c.isspace() else "" for c in text)
    assert shown(f"start {prose(text, 600)}").split() == ["start", *read.split()]


@pytest.mark.parametrize(
    "text", ["@octocat", "mail@example.org", "#123", "o/r#5", "GH-7", "https://x.org", "www.x.org", ":tada:"]
)
def test_nothing_in_finished_text_calls_a_person_an_issue_or_an_address(text: str) -> None:
    """GitHub looks at text nodes of the finished page: a comment ends one."""
    html = GFM.render(prose(text))
    for node in re.split(r"<[^>]*>", html):
        assert not re.search(r"@\w|#\d|GH-\d|://|www\.\w|:\w+:", node)


def test_intervals_stay_readable_in_the_source() -> None:
    assert prose("−.002 [−.006, +.003]") == "−.002 [−.006, +.003]"


@given(st.lists(st.text(max_size=80), max_size=5))
def test_a_code_block_ends_where_it_should(lines: list[str]) -> None:
    kinds = [token.type for token in GFM.parse(fenced(lines, "sh") + "\n\nafter")]
    assert kinds == ["fence", "paragraph_open", "inline", "paragraph_close"]


@given(st.text(alphabet="@#<|", max_size=2000), st.integers(20, 200))
def test_escaping_does_not_let_text_grow_without_end(text: str, limit: int) -> None:
    assert len(prose(text, limit)) <= 3 * limit + 1


@given(st.text(st.sampled_from("aw.GH-1f0²: )[(@#_*·é\u0301"), max_size=12), st.integers(1, 12))
def test_a_text_without_notable_characters_is_what_looking_at_each_would_make_of_it(value: str, limit: int) -> None:
    found = prose(value, limit), code(value, limit)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(escape, "NOTABLE", re.compile(""))
        assert (prose(value, limit), code(value, limit)) == found
