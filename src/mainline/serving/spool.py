"""Lines on their way to disk: answers never wait for the disk, and the disk never fills.

Lines go to a queue of bounded bytes and one thread writes them; files are rotated by size and by age,
the oldest removed; lost lines are counted by reason. Each line is in one file once, or, if its
process was killed within a fifth of a second, in no file.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter, deque
from pathlib import Path
from typing import Any

import msgspec

from mainline.serving.spool_files import Writing, adopt, make_room

FORMAT = 2
QUEUE_BYTES = 8 * 2**20
EVERY = 0.2  # seconds between two writes: what a SIGKILL can lose
RETRY = 5.0  # seconds until a folder that could not be written is tried again


class Spool:
    def __init__(
        self, folder: Path, name: str, header: dict[str, Any], total_bytes: int, file_bytes: int, file_seconds: float
    ) -> None:
        """Starts nothing yet: call `start` in the process that serves.

        Parameters
        ----------
        name
            What its files' names begin with.
        header
            The first line of each file.
        total_bytes
            Of all its files.
        file_bytes, file_seconds
            The size and the age at which a new file is begun.
        """
        self.folder = folder
        self.name = name
        self.header = {"format": FORMAT, **header}
        self.total_bytes = total_bytes
        self.file_bytes = min(file_bytes, total_bytes)
        self.file_seconds = file_seconds
        self.written = 0
        self.dropped: Counter[str] = Counter({"queue": 0, "disk": 0, "rotated": 0})
        self.queue: deque[bytes] = deque()
        # Bytes that went into the queue and came out of it, each counted by one thread alone.
        self.put_bytes = self.taken_bytes = 0
        self.encode = msgspec.json.Encoder().encode
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._work, name=name, daemon=True)
        self.file: Writing | None = None
        self.retry_at = 0.0
        self.complained = False

    def start(self) -> None:
        self.thread.start()

    def has_room(self, size: int) -> bool:
        return self.put_bytes - self.taken_bytes + size <= QUEUE_BYTES

    def put(self, line: bytes) -> None:
        """Put a line into the queue, or count it as dropped: never waits. Called by one thread only."""
        if not self.has_room(len(line)):
            self.dropped["queue"] += 1
            return
        self.put_bytes += len(line)
        self.queue.append(line)

    def stop(self) -> None:
        """Write what waits and finish the file."""
        self.stopping.set()
        self.thread.join()

    def _work(self) -> None:
        adopt(self.folder, self.name)
        self._make_room()
        while True:
            last = self.stopping.wait(EVERY)
            while self.queue:
                self._write([self.queue.popleft() for _ in range(min(len(self.queue), 1000))])
            if last or (self.file and time.monotonic() - self.file.began >= self.file_seconds):
                self._finish()
            if last:
                return

    def _write(self, lines: list[bytes]) -> None:
        size = sum(map(len, lines))
        try:
            if self.file is None and time.monotonic() < self.retry_at:
                raise OSError
            if self.file is None:
                self.file = Writing(self.folder, self.name, self.encode(self.header))
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
                said = f"{self.folder}: {error.strerror}: {self.name} are not logged until it can be written again"
                print(f"mainline: log: {said}", file=sys.stderr, flush=True)
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
        """So that a whole new file fits below the bound."""
        self.dropped["rotated"] += make_room(self.folder, self.name, self.total_bytes - self.file_bytes)
