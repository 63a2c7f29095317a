"""Markdown as a browser would find it on GitHub: what acts in it is found here, so that tests can forbid it."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from markdown_it import MarkdownIt

GFM = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
ALLOWED = {
    "h1", "h2", "h3", "h4", "h5", "h6", "p", "ul", "ol", "li", "blockquote", "table", "thead", "tbody", "tr", "th",
    "td", "strong", "em", "pre", "code", "hr", "br", "b", "i", "sub", "sup", "details", "summary",
}  # fmt: skip
CALLS = re.compile(r"@\w|#\d|\bGH-\d|://|\bwww\.\w|[0-9a-f]{7}|\w+/\w+#\d|\w@\w", re.IGNORECASE)
CALLS_IN_CODE = re.compile(r"@\w|://|\bwww\.\w", re.IGNORECASE)
LANGUAGES = ("language-sh", "language-mermaid")


class Page(HTMLParser):
    """Tags, attributes, comments, and the texts that GitHub searches for mentions and references."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.comments: list[str] = []
        self.texts: list[str] = []
        self.code: list[str] = []
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
        assert self.open, f"</{tag}> closes what is not open"
        assert self.open.pop() == tag

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def handle_data(self, data: str) -> None:
        if "pre" not in self.open:
            (self.code if "code" in self.open else self.texts).append(data)


def check(source: str) -> Page:
    """Nothing in the Markdown links, mentions, loads, hides or runs anything; the page."""
    page = Page(source)
    assert set(page.tags) <= ALLOWED
    assert not page.open
    assert set(page.comments) <= {" "}
    for name, value in page.attributes:
        allowed = {"open": (None, ""), "start": (value,), "class": LANGUAGES}
        assert value in allowed.get(name, ()), (name, value)
    for text in page.texts:
        assert not CALLS.search(text), text
    for text in page.code:
        assert not CALLS_IN_CODE.search(text), text
    return page
