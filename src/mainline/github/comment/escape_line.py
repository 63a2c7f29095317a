"""One line of hostile Markdown, in which only the report's own vocabulary keeps its meaning.

Bold, a few tags, tables' bars and an interval's brackets pass; whatever else Markdown or HTML could act on becomes an
entity, which neither can. Mentions, references and addresses are found by GitHub in the finished page, where an
entity is a character again: there an empty comment parts them.
"""

from __future__ import annotations

import html
import re
import unicodedata
from dataclasses import dataclass, replace

PART = "<!-- -->"
LONGEST = 6_000  # of one line; the longest row of our own report has a third of that
TAGS_DEEP = 4
BREAKS = 20

TOKEN = re.compile(
    rf"(?P<part>{PART})|(?P<tag></?(?:b|i|code|sub|sup|br)>)"
    r"|&(?P<entity>#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});|(?P<raw>.)"
)
BOLD = re.compile(rf"\*\*(?=\S)(?:[^*<]|{PART})*(?:[^*<\s]|{PART})\*\*")  # without tags: nothing overlaps
UNDERSCORED = re.compile(r"_(?=\S)[^_]*[^_\s]_")
ENCODED = frozenset("<&\\`~$^*_")
# Where GitHub would see a person, an issue, an address or a commit: the match ends where the text is parted.
CALLS = re.compile(r"[@#](?=\S)|:(?=/)|G(?=H-\d)|w(?=ww\.)|[0-9a-f]{6}(?=[0-9a-f])", re.IGNORECASE)
CALLS_IN_CODE = re.compile(r"@(?=\S)|:(?=/)|w(?=ww\.)", re.IGNORECASE)


@dataclass(frozen=True)
class Piece:
    """A character as it reads and as it is written, or a tag."""

    read: str
    written: str
    tag: str = ""  # "b", "/b", "br" or "part"
    raw: bool = False


def visible(text: str) -> str:
    """Without control, direction, invisible and unassigned characters, and no more than four marks on a letter."""
    kept: list[str] = []
    marks = 0
    for character in text.replace("\r\n", "\n").replace("\r", "\n"):
        kind = unicodedata.category(character)
        marks = marks + 1 if kind in ("Mn", "Me") else 0
        if character in "\n ":
            kept.append(character)
        elif kind in ("Zl", "Zp", "Zs") or character == "\t":
            kept.append("\xa0" if character == "\xa0" else " ")
        elif kind[0] != "C" and marks <= 4:
            kept.append(character)
    return "".join(kept)


def harmless(line: str, text_at: int = -1) -> str:
    """A line of visible characters, made safe for a sentence, a heading, a list or a row of a table.

    `text_at` is the place of a character that shall be text although its neighbours would let it pass.
    """
    cut = line[:LONGEST] + ("…" if len(line) > LONGEST else "")
    pieces = paired(pieces_of(cut, text_at), in_table=cut.startswith("|"))
    return "".join(piece.written for piece in parted(pieces))


def pieces_of(line: str, text_at: int = -1) -> list[Piece]:
    emphasis = {place for found in BOLD.finditer(line) for place in _ends(found, 2)} - {text_at}
    if UNDERSCORED.fullmatch(line):
        emphasis |= {0, len(line) - 1}
    found: list[Piece] = []
    for token in TOKEN.finditer(line):
        if token["part"]:
            found.append(Piece("", PART, "part"))
        elif token["tag"]:
            found.append(Piece("", token["tag"], token["tag"].strip("<>")))
        elif token["entity"]:
            found += _entity(token[0])
        else:
            place = token.start()
            active = place == text_at or (place not in emphasis and _active(line, place))
            found.append(Piece(token[0], f"&#{ord(token[0])};" if active else token[0], raw=not active))
    return found


def paired(pieces: list[Piece], in_table: bool) -> list[Piece]:
    """Tags that open and close within one cell stay tags, every other becomes text."""
    kept = list(pieces)
    opened: list[tuple[str, int]] = []
    good: set[int] = set()
    breaks = 0
    for place, piece in enumerate(pieces):
        if piece.tag == "br":
            breaks += 1
            good |= {place} if breaks <= BREAKS else set()
        elif piece.tag.startswith("/"):
            if opened and opened[-1][0] == piece.tag[1:]:
                good |= {opened.pop()[1], place}
        elif piece.tag and piece.tag != "part":
            opened += [(piece.tag, place)] if len(opened) < TAGS_DEEP else []
        elif piece.raw and piece.read == "|" and in_table:
            opened = []
    for place, piece in enumerate(pieces):
        if piece.tag not in ("", "part") and place not in good:
            kept[place] = Piece(piece.written, piece.written.replace("<", "&#60;").replace(">", "&#62;"))
    return kept


def parted(pieces: list[Piece]) -> list[Piece]:
    """With a comment wherever the finished text would call somebody or name something."""
    done: list[Piece] = []
    node: list[Piece] = []
    deep = 0
    for piece in [*pieces, Piece("", "", "end")]:
        if not piece.tag:
            node.append(piece)
            continue
        done += _parted_node(node, CALLS_IN_CODE if deep else CALLS)
        node = []
        if piece.tag != "end":
            done.append(piece)
        deep += {"code": 1, "/code": -1}.get(piece.tag, 0)
    return done


def _parted_node(node: list[Piece], calls: re.Pattern[str]) -> list[Piece]:
    text = ""
    owner: list[int] = []
    for place, piece in enumerate(node):
        text += piece.read
        owner += [place] * len(piece.read)
    done = list(node)
    for found in calls.finditer(text):
        place = owner[found.end() - 1]
        done[place] = replace(done[place], written=done[place].written + PART)
    return done


def _entity(written: str) -> list[Piece]:
    read = visible(html.unescape(written)).replace("\n", " ")
    if not read or read == written:  # nothing to see, or no entity at all
        return [Piece(written, "&#38;" + written[1:])] if read else []
    return [Piece(read, "".join(f"&#{ord(c)};" for c in read) if read != "\xa0" else "&nbsp;")]


def _active(line: str, place: int) -> bool:
    """Whether Markdown or HTML could act on this character here."""
    character, before, after = line[place], line[place - 1 : place], line[place + 1 : place + 2]
    if character == "_" and before.isalnum() and after.isalnum():
        return False
    if character == "[":
        return not (after and after in "−+–.0123456789")  # an interval's bracket, no link's or tick box's
    if character == "]":
        return after in ("(", "[", ":")
    return character in ENCODED or (character in "@#" and bool(after.strip()))


def _ends(found: re.Match[str], width: int) -> list[int]:
    return [*range(found.start(), found.start() + width), *range(found.end() - width, found.end())]
