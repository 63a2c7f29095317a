"""Where a checkout keeps its state: one folder, written so that a kill or a full disk loses nothing."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Workspace:
    """`root` is the checkout; `state` holds what may be deleted at will, except the MLflow store."""

    root: Path
    state: Path

    @classmethod
    def at(cls, root: Path, state: Path | None = None) -> Workspace:
        return cls(root.resolve(), (state or root / ".mainline").resolve())

    @property
    def records(self) -> Path:
        return self.state / "records"

    @property
    def frames(self) -> Path:
        return self.state / "frames"

    @property
    def cache(self) -> Path:
        return self.state / "cache"

    @property
    def checks(self) -> Path:
        """What validation and the time-travel check said, by what they looked at."""
        return self.state / "checks"

    @property
    def model(self) -> Path:
        """The last export: the model as the server takes it."""
        return self.state / "model"

    @property
    def worktrees(self) -> Path:
        return self.state / "worktrees"

    @property
    def reports(self) -> Path:
        return self.root / "reports"

    @property
    def last(self) -> Path:
        """What the last run saw and answered."""
        return self.state / "last.json"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """One run at a time in a checkout: the second waits and says so."""
        self.state.mkdir(parents=True, exist_ok=True)
        with open(self.state / "lock", "a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                print(f"another run (process {lock.read().strip() or '?'}) is at work here: waiting", file=sys.stderr)
                fcntl.flock(lock, fcntl.LOCK_EX)
            lock.seek(0)
            lock.truncate()
            lock.write(str(os.getpid()))
            lock.flush()
            self._sweep()
            yield

    def _sweep(self) -> None:
        """Remove what a killed run had begun; with the lock held nobody else is writing."""
        for unfinished in self.state.glob("*/.unfinished-*"):
            if unfinished.is_dir():
                shutil.rmtree(unfinished, ignore_errors=True)
            else:
                unfinished.unlink(missing_ok=True)


@contextlib.contextmanager
def finished_file(path: Path) -> Iterator[Path]:
    """A temporary path that becomes `path` in one step when the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".unfinished-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def finished_folder(path: Path) -> Iterator[Path]:
    """A temporary folder that becomes `path` in one step when the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=path.parent))
    try:
        yield temporary
        temporary.chmod(0o755)
        if path.exists():
            shutil.rmtree(path)
        os.replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    with finished_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
