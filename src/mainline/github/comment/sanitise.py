"""A hostile report as a comment that can only say things: no mention, link, picture, tag or trick of its own.

The grammar is the one of `mainline.report.markdown`, which passes unchanged to the eye. All else becomes plain text.
"""

from __future__ import annotations

import re

from mainline.github.comment.escape_line import harmless, visible

FENCE = re.compile(r"(`{3,})([A-Za-z0-9_+-]*) *")
LANGUAGES = {"sh", "text", "json", "yaml", "python", "diff", "toml"}  # of the rest, some are drawn by GitHub
CHART = re.compile(
    r'xychart-beta horizontal|    title "[A-Za-z0-9 ;,._-]*"|    x-axis \[[A-Za-z0-9 ",_-]*\]'
    r'|    y-axis "[A-Za-z0-9 ]*" 0 --> [0-9.]+|    bar \[[0-9., ]*\]'
)
SUMMARY = re.compile(r"<summary>(.*)</summary>")
# At most two quotes, then one list item or heading: nothing nests without end.
PREFIX = re.compile(r"(?:> ?){0,2}(?:-(?: |$)|\d{1,4}\.(?: |$)|#{1,6}(?: |$))?")
AGAIN = re.compile(r">|[-+*=](?=[-+= ]|$)|\d+[.)](?= |$)|#{1,6}(?= |$)")
ALERT = re.compile(r"> \[!(?:NOTE|TIP|IMPORTANT|WARNING|CAUTION)\]")
RULE = re.compile(r"-{3,}|\|(?: ?:?-+:? ?\|)+")
DEEPEST = 3
CUT = "\n\n_… cut here: the report is longer than a comment may be. The artifacts of the run hold all of it._"


def sanitise(report: str, limit: int) -> str:
    """The report without anything that acts, at most `limit` characters; a cut says so.

    What our own reports hold looks the same afterwards. Sanitising twice changes nothing.
    """
    page = _Page(limit - len(CUT))
    # A character of the report is at least one of the comment's, but for those that nobody sees.
    lines = visible(report[: 8 * limit]).split("\n")
    whole = len(report) <= 8 * limit
    place = 0
    while place < len(lines) and not page.full:
        place = _block(page, lines, place)
    return page.closed(whole and not page.full)


def _block(page: _Page, lines: list[str], place: int) -> int:
    """Write the block that begins at `place`; where the next one begins."""
    line = lines[place].strip(" ")
    fence = FENCE.fullmatch(line)
    if fence:
        end = _end_of_fence(lines, place + 1, len(fence[1]))
        _fenced(page, fence, lines[place + 1 : end])
        return end + 1
    if line in ("<details>", "<details open>"):
        found = SUMMARY.fullmatch(lines[place + 1].strip(" ")) if place + 1 < len(lines) else None
        page.open(line, harmless(found[1]) if found else "more")
        return place + 2 if found else place + 1
    if line == "</details>":
        page.close()
    elif line:
        page.put(_line(line))
    else:
        page.gap()
    return place + 1


def _line(line: str) -> str:
    if ALERT.fullmatch(line) or RULE.fullmatch(line):
        return line
    found = PREFIX.match(line)
    prefix = found[0] if found else ""
    rest = line[len(prefix) :].lstrip(" ")
    again = AGAIN.match(rest)  # a second list, quote or heading on the same line is text
    return prefix + harmless(rest, again.end() - 1 if again else -1)


def _end_of_fence(lines: list[str], place: int, width: int) -> int:
    closing = re.compile(rf" {{0,3}}`{{{width},}} *")
    while place < len(lines) and not closing.fullmatch(lines[place]):
        place += 1
    return place


def _fenced(page: _Page, fence: re.Match[str], content: list[str]) -> None:
    language = fence[2] if fence[2] in LANGUAGES else ""
    if fence[2] == "mermaid" and content and all(CHART.fullmatch(line) for line in content):
        language = "mermaid"
    page.gap()
    page.fence(fence[1], language, content)
    page.gap()


class _Page:
    """Lines as they are written, never more than `room` characters with what must still be closed."""

    def __init__(self, room: int) -> None:
        self.lines: list[str] = []
        self.room = room
        self.deep = 0
        self.beyond = 0  # opened deeper than DEEPEST, not written
        self.full = False

    def put(self, line: str) -> None:
        if self.full or len(line) + 1 > self.room - len("\n\n</details>\n") * self.deep:
            self.full = True
        else:
            self.lines.append(line)
            self.room -= len(line) + 1

    def gap(self) -> None:
        if self.lines and self.lines[-1]:
            self.put("")

    def open(self, line: str, summary: str) -> None:
        if self.deep == DEEPEST or self.beyond:
            self.beyond += 1
            return
        self.gap()
        self.deep += 1
        self.put(line)
        self.deep -= self.full
        self.put(f"<summary>{summary}</summary>")
        self.gap()

    def close(self) -> None:
        if self.beyond:
            self.beyond -= 1
        elif self.deep:
            self.gap()
            self.deep -= 1
            self.put("</details>")
            self.gap()

    def fence(self, marks: str, language: str, content: list[str]) -> None:
        before = len(self.lines), self.room
        self.room -= len(marks) + 1
        self.put(marks + language)
        for line in content:
            self.put(line)
        if self.full and len(self.lines) == before[0]:
            self.room = before[1]
            return
        self.lines.append(marks)

    def closed(self, whole: bool) -> str:
        end = "\n\n</details>" * self.deep
        return "\n".join(self.lines).rstrip("\n") + end + ("" if whole else CUT) + "\n"
