"""The progress of a run on standard error: one line per stage, with its seconds."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TextIO


@dataclass
class Progress:
    """Prints stages as they end and keeps their seconds; silent where `stream` is None."""

    stream: TextIO | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    @classmethod
    def on_terminal(cls) -> Progress:
        return cls(sys.stderr)

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[Detail]:
        live = self.stream is not None and self.stream.isatty()
        if live:
            self._write(f"  · {name} …")
        detail = Detail()
        started = time.perf_counter()
        mark = "✗"
        try:
            yield detail
            mark = "✓"
        finally:
            took = time.perf_counter() - started
            self.seconds[name] = round(self.seconds.get(name, 0.0) + took, 3)
            self._write(("\r\033[K" if live else "") + f"  {mark} {name:<10}{took:6.2f} s  {detail.text}\n")

    def _write(self, text: str) -> None:
        if self.stream:
            with contextlib.suppress(OSError):  # a terminal that is gone costs no run
                self.stream.write(text)
                self.stream.flush()


@dataclass
class Detail:
    """A text that is shown when the stage ends."""

    text: str = ""
