"""The files of a spool: JSON lines, one file written at a time, each removed by the process that ships it.

While a file is being written its name ends in `.part` and its writer holds a lock on it. A process that ships
or removes a finished file holds a lock on it too: a line is shipped or dropped, never both.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

SUFFIX = ".jsonl"
PART = ".jsonl.part"
CORRUPT = ".jsonl.corrupt"  # unreadable from the first line, kept for inspection


class Writing:
    """One file of the spool, locked as long as it is written."""

    def __init__(self, folder: Path, name: str, header: bytes) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        # Sorted by name is sorted by time, also between servers that share a folder.
        self.path = folder / f"{name}-{time.time_ns():020d}-{os.urandom(3).hex()}{PART}"
        self.descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        self.began = time.monotonic()
        self.size = 0
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.append(header + b"\n")
        except OSError:
            os.close(self.descriptor)
            self.path.unlink(missing_ok=True)
            raise

    def append(self, data: bytes) -> None:
        """Append all of it or, raising OSError, nothing: there are no partial lines."""
        done = 0
        try:
            while done < len(data):
                done += os.write(self.descriptor, data[done:])
        except OSError:
            os.ftruncate(self.descriptor, self.size)
            raise
        self.size += len(data)

    def finish(self) -> None:
        try:
            os.rename(self.path, finished_name(self.path))
        finally:
            os.close(self.descriptor)


def finished_name(part: Path) -> Path:
    return part.with_name(part.name.removesuffix(".part"))


def finished(folder: Path, name: str) -> list[Path]:
    """Whole files of one kind, the oldest first."""
    return sorted(folder.glob(f"{name}-*{SUFFIX}"))


def adopt(folder: Path, name: str) -> None:
    """Finish the files of writers that have died."""
    for path in folder.glob(f"{name}-*{PART}"):
        with contextlib.suppress(OSError), claimed(path) as descriptor:
            # An empty one may be a writer's that is about to lock it.
            if descriptor is not None and os.fstat(descriptor).st_size:
                path.rename(finished_name(path))


@contextlib.contextmanager
def claimed(path: Path) -> Iterator[int | None]:
    """The file, open to be read and exclusively locked; None if another process holds it or has removed it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield None
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            there = os.path.samestat(os.stat(path), os.fstat(descriptor))
        except (BlockingIOError, FileNotFoundError):
            there = False
        yield descriptor if there else None
    finally:
        os.close(descriptor)


def make_room(folder: Path, name: str, room: int) -> int:
    """Remove the oldest files until all together take at most `room` bytes; returns the number of lines lost."""
    lost = 0
    with contextlib.suppress(OSError):  # another server that shares the folder was faster
        sizes = {path: path.stat().st_size for path in sorted(folder.glob(f"{name}-*{SUFFIX}*"))}
        for path in [path for path in sizes if not path.name.endswith(PART)]:
            if sum(sizes.values()) <= room:
                break
            with claimed(path) as descriptor:
                if descriptor is None:
                    continue
                path.unlink()
                if path.name.endswith(SUFFIX):
                    lost += max(0, lines_of(descriptor) - 1)
            del sizes[path]
    return lost


def lines_of(descriptor: int) -> int:
    count = 0
    while chunk := os.read(descriptor, 2**20):
        count += chunk.count(b"\n")
    return count
