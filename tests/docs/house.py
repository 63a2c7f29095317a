"""The rooms and their imports as a Mermaid figure in CONTRIBUTING.md: `python -m tests.docs.house` writes it again.

An arrow is left out where a path of other arrows says the same (transitive reduction), and so are the arrows of
`pipelines`, which use almost every room.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping

from tests.imports import ROOMS, TOP, between_rooms, imports

PAGE = TOP / "CONTRIBUTING.md"
BEGIN, END = "<!-- house -->\n", "<!-- /house -->"

NOTE = """
Drawn from the imports by `make docs`. An arrow means "imports"; arrows that follow from others are left out.
"""


def figure(rooms: Mapping[str, set[str]]) -> str:
    """The figure as Mermaid text: importing rooms above imported ones, in the colours of the reader's theme."""
    lines = ["```mermaid", "flowchart TB"]
    lines += [f'    {name}["{name}"]' for name in reversed(ROOMS) if name in rooms]
    lines += [f"    {room} --> {other}" for room, other in needed_arrows(rooms)]
    return "\n".join([*lines, "```"]) + "\n"


def needed_arrows(rooms: Mapping[str, set[str]]) -> Iterator[tuple[str, str]]:
    """The arrows from which all others follow, from the top room to the bottom."""
    reached = {name: below(rooms, name) for name in rooms}
    for room in reversed(ROOMS):
        for other in sorted(rooms[room], key=ROOMS.index, reverse=True):
            if not any(other in reached[between] for between in rooms[room] - {other}):
                yield room, other


def below(rooms: Mapping[str, set[str]], name: str) -> set[str]:
    """Every room that `name` imports, directly or through others."""
    return rooms[name].union(*(below(rooms, other) for other in rooms[name]))


def block() -> str:
    return f"{BEGIN}{NOTE.lstrip()}\n{figure(between_rooms(imports()))}{END}"


def with_figure(text: str) -> str:
    """The page with its marked block replaced."""
    before, _, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise SystemExit(f"{PAGE.name} has no block {BEGIN.strip()} … {END}")
    return before + block() + after


if __name__ == "__main__":
    PAGE.write_text(with_figure(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(PAGE.relative_to(TOP), file=sys.stderr)
