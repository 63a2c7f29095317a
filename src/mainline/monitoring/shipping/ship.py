"""Ship the finished files of the spool, one after the other: convert to Parquet, land, and only then remove.

A file lands under its name in the spool. After a kill between landing and removing, the next process repeats
it under the same name, so each request is there exactly once. While the store is unreachable the files wait in
the spool, whose size the server bounds.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mainline.errors import DataError, MainlineError
from mainline.monitoring.shipping.destination import Destination
from mainline.monitoring.shipping.parquet import convert
from mainline.monitoring.shipping.spool_reader import Broken, Unreadable, kind_of, stem_of
from mainline.serving.spool_files import CORRUPT, SUFFIX, adopt, claimed, finished

KINDS = ("predictions", "feedback")


@dataclass
class Shipped:
    """The result of one round."""

    files: int = 0
    lines: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    broken: list[Broken] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.lines['predictions']:,} requests and {self.lines['feedback']:,} labels in {self.files} files"

    @property
    def faults(self) -> list[str]:
        return [*map(str, self.broken), *self.unreadable]


def ship(spool: Path, landing: Destination) -> Shipped:
    """Ship every finished file; files of writers that have died are finished first.

    Raises
    ------
    ExternalError
        If a file cannot be written to the destination: it and the later ones stay in the spool.
    """
    shipped = Shipped()
    for kind in KINDS:
        adopt(spool, kind)
        for path in finished(spool, kind):
            with claimed(path) as descriptor:
                if descriptor is not None:
                    ship_file(path, landing, shipped)
    return shipped


def ship_file(path: Path, landing: Destination, shipped: Shipped) -> None:
    """Ship one file, which this process has claimed."""
    with landing.place() as part:
        try:
            count, broken = convert(path, part)
        except Unreadable as error:
            os.replace(path, path.with_name(path.name.removesuffix(SUFFIX) + CORRUPT))
            shipped.unreadable.append(f"{error}; the file is kept as {path.stem}{CORRUPT}")
            return
        if count:
            landing.land(part, f"{kind_of(path)}/{stem_of(path)}.parquet")
            shipped.files += 1
            shipped.lines[kind_of(path)] += count
    path.unlink(missing_ok=True)
    if broken.count:
        shipped.broken.append(broken)


def ship_once(spool: Path, landing: Destination) -> Shipped:
    """Raises DataError at the end if lines were skipped."""
    shipped = ship(spool, landing)
    if shipped.faults:
        raise DataError(f"{spool}: {'; '.join(shipped.faults)}; {shipped} landed in {landing.name}")
    return shipped


def follow(spool: Path, landing: Callable[[], Destination], seconds: float) -> int:
    """Repeat every `seconds` until SIGTERM or SIGINT, and then once more."""
    stopping = threading.Event()
    failed, to = False, None
    with told_to_stop(stopping):
        while True:
            last = stopping.is_set()
            try:
                to = to or landing()
                shipped = ship(spool, to)
                failed = False
                for fault in shipped.faults:
                    say(f"{fault}: skipped")
                if shipped.files:
                    say(f"{shipped} landed in {to.name}")
            except (MainlineError, OSError) as error:
                to = None
                # Reported once: files wait in the spool, and the server counts requests that do not fit there.
                if not failed:
                    say(f"{error}: {len(list(spool.glob(f'*{SUFFIX}')))} files wait in {spool}")
                failed = True
            if last:
                return MainlineError.status if failed else 0
            stopping.wait(seconds)


@contextlib.contextmanager
def told_to_stop(stopping: threading.Event) -> Iterator[None]:
    def stop(number: int, frame: object) -> None:
        stopping.set()

    former = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def say(text: str) -> None:
    print(f"mainline: {text}", file=sys.stderr, flush=True)
