"""Finished files of the spool, one after the other: made Parquet of, landed, and only then removed.

A file lands under the name that it has in the spool. Whoever is killed between landing and removing
does the same again under the same name, so that each request is there once, whatever happens when.
While the store is away the files wait in the spool, whose size the server bounds.
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
from mainline.monitoring.shipping.destination import Folder, Store
from mainline.monitoring.shipping.parquet import convert
from mainline.monitoring.shipping.spool_reader import Broken, Unreadable, kind_of, stem_of
from mainline.serving.spool_files import CORRUPT, SUFFIX, adopt, claimed, finished

KINDS = ("predictions", "feedback")


@dataclass
class Shipped:
    """What one round has brought where it belongs."""

    files: int = 0
    lines: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    broken: list[Broken] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.lines['predictions']:,} requests and {self.lines['feedback']:,} labels in {self.files} files"

    @property
    def faults(self) -> list[str]:
        return [*map(str, self.broken), *self.unreadable]


def ship(spool: Path, landing: Folder | Store) -> Shipped:
    """Ship every finished file; those of writers that have died are finished first.

    Raises
    ------
    ExternalError
        Where one cannot be written where it belongs: it and the later ones stay in the spool.
    """
    found = Shipped()
    for kind in KINDS:
        adopt(spool, kind)
        for path in finished(spool, kind):
            with claimed(path) as descriptor:
                if descriptor is not None:
                    ship_file(path, landing, found)
    return found


def ship_file(path: Path, landing: Folder | Store, found: Shipped) -> None:
    """Ship one file that nobody else touches meanwhile."""
    with landing.place() as part:
        try:
            count, broken = convert(path, part)
        except Unreadable as error:
            os.replace(path, path.with_name(path.name.removesuffix(SUFFIX) + CORRUPT))
            found.unreadable.append(f"{error}; it is kept as {path.stem}{CORRUPT}")
            return
        if count:
            landing.land(part, f"{kind_of(path)}/{stem_of(path)}.parquet")
            found.files += 1
            found.lines[kind_of(path)] += count
    path.unlink(missing_ok=True)
    if broken.count:
        found.broken.append(broken)


def ship_once(spool: Path, landing: Folder | Store) -> Shipped:
    """Raises DataError at the end, where lines were left out."""
    found = ship(spool, landing)
    if found.faults:
        raise DataError(f"{spool}: {'; '.join(found.faults)}; {found} landed in {landing.name}")
    return found


def follow(spool: Path, landing: Callable[[], Folder | Store], seconds: float) -> int:
    """Ship every so many seconds until SIGTERM or SIGINT, and then once more."""
    stopping = threading.Event()
    failed, to = False, None
    with told_to_stop(stopping):
        while True:
            last = stopping.is_set()
            try:
                to = to or landing()
                found = ship(spool, to)
                failed = False
                for fault in found.faults:
                    say(f"{fault}: left out")
                if found.files:
                    say(f"{found} landed in {to.name}")
            except (MainlineError, OSError) as error:
                to = None
                # Said once: what waits is in the spool, and what that cannot hold is counted by the server.
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
