"""The doctor's output for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from mainline.github.doctor.check import NOT_SHOWN, Result
from mainline.github.repository import Connection

WIDTH = 100
GREEN, RED, DIM, BOLD, PLAIN = "\033[32m", "\033[31m", "\033[2m", "\033[1m", "\033[0m"
COMMAND = "make doctor FIX=1"


def head(connection: Connection, colour: bool) -> str:
    name = paint(connection.repository or "this checkout", BOLD, colour)
    return f"{name}: {connection.missing}" if connection.missing else name


def lines(result: Result, names: Sequence[str], colour: bool) -> Iterator[str]:
    """A line with the state, and below it what turns it on."""
    finding, column = result.finding, max(map(len, names)) + 2
    mark, tone = {"on": ("✓", GREEN), "off": ("✗", RED) if result.necessary else ("·", DIM)}.get(
        finding.state, ("·", DIM)
    )
    indent = " " * (4 + column)
    text = ("turned on now: " if result.applied else "") + finding.text
    first, *more = textwrap.wrap(text, WIDTH - len(indent), break_long_words=False, break_on_hyphens=False) or [""]
    yield f"  {paint(mark, tone, colour)} {result.name:<{column}}{first}"
    yield from (indent + line for line in more)
    if finding.state != "on":
        ways = [COMMAND] if finding.turn_on else []
        ways += [finding.by_hand] if finding.by_hand else []
        for number, way in enumerate(ways):
            # An address must stay whole to be clicked, however long the line.
            yield f"{indent}{paint('→', tone, colour)} {'or ' if number else ''}{way}"


def last(results: Iterable[Result], colour: bool) -> str:
    """The last line: how many settings are off."""
    results = list(results)
    failing = [one for one in results if one.fails]
    unseen = sum(one.finding.state == "unseen" for one in results)
    whose = ": an owner's token shows them" if any(one.finding.text == NOT_SHOWN for one in results) else ""
    rest = f" {unseen} of {len(results)} settings could not be read{whose}." if unseen else ""
    if not failing:
        word = "No necessary setting is off" if not unseen else "No visible necessary setting is off"
        return paint(f"{word}.", GREEN, colour) + rest
    can = sum(one.finding.turn_on is not None for one in failing)
    count = f"{len(failing)} necessary setting{'s are' if len(failing) > 1 else ' is'} off"
    turned = "it" if len(failing) == 1 else "them" if can == len(failing) else f"{can} of them"
    how = f": {COMMAND} turns {turned} on" if can else ""
    return paint(f"{count}{how}.", RED, colour) + rest


def paint(text: str, tone: str, colour: bool) -> str:
    return f"{tone}{text}{PLAIN}" if colour else text
