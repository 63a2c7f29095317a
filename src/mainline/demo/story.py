"""The events of the demo, one line each: on the terminal as they happen, on the page at the end."""

from __future__ import annotations

import contextlib
import datetime as dt
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TextIO

Kind = Literal["good", "bad", "warn", "plain"]
MARKS: dict[Kind, str] = {"good": "✓", "bad": "✗", "warn": "!", "plain": "·"}


@dataclass
class Event:
    """`day` is the simulated day, `seconds` the real duration, `exit` the status of the command."""

    day: dt.date
    title: str
    text: str = ""
    kind: Kind = "plain"
    exit: int | None = None
    seconds: float = 0.0
    link: str | None = None  # a page in the same folder

    def line(self) -> str:
        status = "" if not self.exit else f" (exit {self.exit})"
        return f"  {self.day}  {MARKS[self.kind]} {self.title:<11}{self.seconds:6.1f} s  {self.text}{status}"


@dataclass
class Story:
    stream: TextIO = field(default_factory=lambda: sys.stdout)
    events: list[Event] = field(default_factory=list)
    began: float = field(default_factory=time.perf_counter)

    @contextlib.contextmanager
    def event(self, day: dt.date, title: str) -> Iterator[Event]:
        """The caller sets the text on the event. A failed event is not added: its error is reported instead."""
        live = self.stream.isatty()
        if live:
            print(f"  {day}  … {title}", end="", file=self.stream, flush=True)
        event = Event(day, title)
        started = time.perf_counter()
        try:
            yield event
        finally:
            if live:
                print("\r\033[K", end="", file=self.stream, flush=True)
        event.seconds = time.perf_counter() - started
        self.events.append(event)
        self.say(event.line())

    def say(self, text: str) -> None:
        print(text, file=self.stream, flush=True)

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.began
