"""The prediction log, for monitoring: what was asked, what was answered, by which model.

An answer never waits for it and the disk never fills: lines go to a queue of bounded bytes, one
thread writes them, files are rotated, the oldest removed; whatever is lost is counted by its reason.

A file is JSON lines. The first names the columns and the model; each further one is a request.
While a file is being written its name ends in `.part` and its writer holds a lock on it; a reader
takes finished files, and those whose writer has died become finished at the next start. Each
request is in one file once, or, if its process was killed within a fifth of a second, in none.
"""

from __future__ import annotations

import fcntl
import os
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from mainline.errors import ConfigurationError
from mainline.serving.configuration import Configuration
from mainline.serving.signature import Signature

FORMAT = 1
QUEUE_BYTES = 8 * 2**20
EVERY = 0.2  # seconds between two writes: what a SIGKILL can lose
RETRY = 5.0  # seconds until a folder that could not be written is tried again
SUFFIX = ".jsonl"
PART = ".jsonl.part"


class PredictionLog:
    def __init__(self, folder: Path, configuration: Configuration, signature: Signature, version: str) -> None:
        """Begins nothing yet: `start` does, in the process that answers."""
        self.folder = folder
        self.total_bytes = configuration.log_bytes
        self.file_bytes = min(configuration.log_file_bytes, configuration.log_bytes)
        self.keep = kept(signature, configuration.log_leave_out)
        names = [signature.names[i] for i in self.keep] if self.keep is not None else signature.names
        self.header = {
            "format": FORMAT,
            "columns": names,
            "classes": signature.classes,
            "version": version,
            "model_digest": signature.digest,
        }
        self.written = 0
        self.dropped: Counter[str] = Counter({"queue": 0, "disk": 0, "rotated": 0})
        self.queue: deque[bytes] = deque()
        # Bytes that went into the queue and came out of it, each counted by one thread alone.
        self.put_bytes = self.taken_bytes = 0
        self.encode = msgspec.json.Encoder().encode
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._work, name="prediction log", daemon=True)
        self.file: _File | None = None
        self.retry_at = 0.0
        self.complained = False

    def start(self) -> None:
        self.thread.start()

    def line(self, request: str, rows: Sequence[tuple[Any, ...]], answers: Any) -> bytes:
        """One request as it is logged; answers as lists."""
        if self.keep is not None:
            rows = [tuple([row[i] for i in self.keep]) for row in rows]
        return self.encode({"id": request, "time": time.time(), "rows": rows, "predictions": answers})

    def put(self, line: bytes) -> None:
        """Put a line into the queue, or count it as dropped: never waits. Called by one thread only."""
        if self.put_bytes - self.taken_bytes + len(line) > QUEUE_BYTES:
            self.dropped["queue"] += 1
            return
        self.put_bytes += len(line)
        self.queue.append(line)

    def stop(self) -> None:
        """Write what waits and finish the file."""
        self.stopping.set()
        self.thread.join()

    def _work(self) -> None:
        self._adopt()
        while True:
            last = self.stopping.wait(EVERY)
            while self.queue:
                self._write([self.queue.popleft() for _ in range(min(len(self.queue), 1000))])
            if last:
                self._finish()
                return

    def _write(self, lines: list[bytes]) -> None:
        size = sum(map(len, lines))
        try:
            if self.file is None and time.monotonic() < self.retry_at:
                raise OSError
            if self.file is None:
                self.file = _File(self.folder, self.encode(self.header))
            self.file.append(b"\n".join(lines) + b"\n")
            self.written += len(lines)
            self.complained = False
            if self.file.size >= self.file_bytes:
                self._finish()
        except OSError as error:
            self.dropped["disk"] += len(lines)
            self._give_up(error)
        self.taken_bytes += size

    def _give_up(self, error: OSError) -> None:
        """Leave the file as it is: what it holds up to the last whole write is good."""
        if error.errno is not None:
            self.retry_at = time.monotonic() + RETRY
            if not self.complained:
                said = f"{self.folder}: {error.strerror}: predictions are not kept until it can be written again"
                print(f"mainline: prediction log: {said}", file=sys.stderr, flush=True)
                self.complained = True
        self._finish()

    def _finish(self) -> None:
        if self.file is not None:
            file, self.file = self.file, None
            try:
                file.finish()
            except OSError as error:
                self._give_up(error)
        self._make_room()

    def _make_room(self) -> None:
        """Remove the oldest files until a whole new one fits below the bound."""
        try:
            files = sorted(self.folder.glob(f"predictions-*{SUFFIX}*"))
            sizes = [path.stat().st_size for path in files]
            room = self.total_bytes - self.file_bytes
            while files and sum(sizes) > room:
                oldest = files.pop(0)
                sizes.pop(0)
                if oldest.name.endswith(SUFFIX):
                    self.dropped["rotated"] += max(0, lines_of(oldest) - 1)
                    oldest.unlink(missing_ok=True)
        except OSError:
            pass  # another server that shares the folder was faster

    def _adopt(self) -> None:
        """Finish the files of writers that have died."""
        try:
            for path in self.folder.glob(f"predictions-*{PART}"):
                with open(path, "rb") as file:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    path.rename(path.with_name(path.name.removesuffix(".part")))
        except OSError:
            pass  # its writer lives
        self._make_room()


class _File:
    """One file of the log, locked as long as it is written."""

    def __init__(self, folder: Path, header: bytes) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        # Sorted by name is sorted by time, also between servers that share a folder.
        self.path = folder / f"predictions-{time.time_ns():020d}-{os.urandom(3).hex()}{PART}"
        self.descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.size = 0
        try:
            self.append(header + b"\n")
        except OSError:
            os.close(self.descriptor)
            self.path.unlink(missing_ok=True)
            raise

    def append(self, data: bytes) -> None:
        """All of it or, raising OSError, nothing: a line is never there by half."""
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
            os.rename(self.path, self.path.with_name(self.path.name.removesuffix(".part")))
        finally:
            os.close(self.descriptor)


def kept(signature: Signature, leave_out: Sequence[str]) -> list[int] | None:
    """The places of the columns to log; None for all of them.

    Raises
    ------
    ConfigurationError
        For a name that is no column: it was meant to be kept secret, and would not be.
    """
    unknown = [name for name in leave_out if name not in signature.names]
    if unknown:
        there = ", ".join(signature.names)
        raise ConfigurationError(f"MAINLINE_LOG_LEAVE_OUT: the model has no column {unknown[0]}: there are {there}")
    return [i for i, name in enumerate(signature.names) if name not in leave_out] if leave_out else None


def lines_of(path: Path) -> int:
    with open(path, "rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(2**20), b""))
