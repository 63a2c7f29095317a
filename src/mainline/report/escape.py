"""Untrusted text in GitHub-flavoured Markdown: column names, values, branches and files stay plain text.

Characters that Markdown or HTML could act on become entities, which neither can. GitHub looks for mentions,
references, commits and links in the finished text, where an entity is a character again: there an empty comment
separates the character from what follows, so that nothing in the page mentions a person or another issue.
"""

from __future__ import annotations

import re
import unicodedata

from mainline.evaluation.formatting import plain

ACTIVE = frozenset("`*_~<>|\\&#@!$^{}")
SUSPECT = ACTIVE | frozenset(":[]-+=.)wWgG")  # what `_piece` looks at; every other character stays as it is
PART = "<!-- -->"
GROWTH = 3  # text may grow to so many times its limit; beyond, it is cut earlier
MARKS = 4  # combining marks on one letter: more run over the lines around it
# Nothing in a text without any of these becomes anything else.
NOTABLE = re.compile(r"[`*_~<>|\\&#@!$^{}:\[\]]|^[-+=]|^\w+[.)]|www\.|GH-", re.IGNORECASE)
COMMIT = re.compile(r"[0-9a-f]{6}(?=[0-9a-f])", re.IGNORECASE)  # GitHub links these where such a commit exists


def prose(value: object, limit: int = 300) -> str:
    """Text in a sentence, a list or a cell of a table."""
    return _escaped(value, limit, parted="@#:")


def code(value: object, limit: int = 80) -> str:
    """A name or a value, set as code: there GitHub makes no mention, reference or emoji, only addresses."""
    return f"<code>{_escaped(value, limit, parted='@') or ' '}</code>"


def fenced(lines: list[str], language: str = "") -> str:
    """A code block whose fence is longer than any run of backticks within.

    Images are broken there too: CML finds its watermark, which is one, in the source of any comment.
    """
    cleaned = [_few_marks(plain(line, 400)).replace("![", "! [") for line in lines]
    longest = max((len(run) for line in cleaned for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join([f"{fence}{language}", *cleaned, fence])


def _escaped(value: object, limit: int, parted: str) -> str:
    text = _few_marks(plain(value, limit))
    if not NOTABLE.search(text) and not COMMIT.search(text):
        return text
    pieces: list[str] = []
    room = max(GROWTH * limit, 40)
    commits = {found.end() - 1 for found in COMMIT.finditer(text)} if "#" in parted else set()
    for place, character in enumerate(text):
        piece = _piece(text, place, character, parted) if character in SUSPECT else character
        piece += PART * (place in commits)
        room -= len(piece)
        if room < 0:
            return "".join(pieces) + "…"
        pieces.append(piece)
    return "".join(pieces)


def _piece(text: str, place: int, character: str, parted: str) -> str:
    before, after = text[place - 1 : place], text[place + 1 : place + 2]
    entity = f"&#{ord(character)};"
    if character == ":":
        quiet = not after.strip() or after.isdigit()  # a time, or the end of a clause
        return character if quiet else entity + PART * (character in parted or after == "/")
    if character in ACTIVE and not (character == "_" and before.isalnum() and after.isalnum()):
        return entity + PART * (character in parted and bool(after.strip()))
    if character == "[" and not (after and after in "−+–.0123456789"):
        return entity  # the brackets of an interval stay, a link's or a tick box's do not
    if character == "]" and after in ("(", "[", ":"):
        return entity
    if _begins_list(text, place, character):
        return entity
    if text[place : place + 4].lower() == "www." or text[place : place + 3].upper() == "GH-":
        return character + PART
    return character


def _few_marks(text: str) -> str:
    if text.isascii():
        return text
    kept: list[str] = []
    marks = 0
    for character in text:
        marks = marks + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        if marks <= MARKS:
            kept.append(character)
    return "".join(kept)


def _begins_list(text: str, place: int, character: str) -> bool:
    after = text[place + 1 : place + 2]
    if place == 0:
        return character in "-+=" and not after.isdigit() and after != "."
    return character in ".)" and not after.strip() and text[:place].isdigit()
