"""The state of a checkout: one folder, written so that a kill or a full disk loses nothing."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mainline.runtime import models
from mainline.runtime.atomic_files import UNFINISHED, remove, sweep
from mainline.runtime.models import Model

# How many are kept: a record of the example has 3 MB, a frame 6, the checks of its tables 0.5.
RECORDS, FRAMES, CHECKS = 30, 5, 100


@dataclass(frozen=True)
class Workspace:
    """`root` is the checkout; `home` holds what may be deleted at will, except the MLflow stores.

    `home` is shared by the models of the checkout: what was fetched, digested and validated is so once for all of them.
    """

    root: Path
    home: Path
    of: Model = models.AT_TOP

    @classmethod
    def at(cls, root: Path, home: Path | None = None) -> Workspace:
        """The workspace of the model that this process works for."""
        return cls(root.resolve(), (home or root / ".mainline").resolve(), models.selected())

    @property
    def params(self) -> Path:
        """The settings of the model."""
        return self.root / self.of.params

    @property
    def state(self) -> Path:
        """What belongs to this model alone."""
        return self.home / models.FOLDER / self.of.below if self.of.name else self.home

    @property
    def records(self) -> Path:
        return self.state / "records"

    @property
    def frames(self) -> Path:
        return self.state / "frames"

    @property
    def cache(self) -> Path:
        return self.home / "cache"

    @property
    def checks(self) -> Path:
        """Results of validation and of the time-travel check, by their inputs."""
        return self.home / "checks"

    @property
    def model(self) -> Path:
        """The last export: the model for the server."""
        return self.state / "model"

    @property
    def layout(self) -> Path:
        """The image that a job may not push itself, in OCI's layout."""
        return self.state / "image"

    @property
    def worktrees(self) -> Path:
        return self.state / "worktrees"

    @property
    def reports(self) -> Path:
        return self.root / self.of.reports

    @property
    def last(self) -> Path:
        """The inputs and the result of the last run."""
        return self.state / "last.json"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """One run at a time in a checkout: a second one waits, with a message."""
        self.state.mkdir(parents=True, exist_ok=True)
        with open(self.home / "lock", "a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                print(
                    f"another run (process {lock.read().strip() or '?'}) is using this checkout: waiting",
                    file=sys.stderr,
                )
                fcntl.flock(lock, fcntl.LOCK_EX)
            lock.seek(0)
            lock.truncate()
            lock.write(str(os.getpid()))
            lock.flush()
            self._sweep()
            yield

    def _sweep(self) -> None:
        """Remove what a killed run has left; the lock must be held."""
        for path in (*self.home.iterdir(), *self.state.iterdir()):
            if path.name.startswith(UNFINISHED):
                remove(path)
        for folder in (self.records, self.frames, self.cache, self.checks, self.reports):
            sweep(folder)
        if self.worktrees.exists():
            from mainline.runtime import git

            for tree in self.worktrees.iterdir():
                git.remove_worktree(self.root, tree)

    def forget(self, fingerprint: str, frame: str | None) -> None:
        """Remove a record that is wrong, with everything that may have been made from the same wrong data."""
        for path in (self.records / fingerprint, *([self.frames / f"{frame}.parquet"] if frame else []), self.checks):
            remove(path)
        self.last.unlink(missing_ok=True)

    def prune(self, used: Iterable[Path]) -> None:
        """Keep what this run has `used` and the newest of the rest; MLflow has the history."""
        kept = {path.resolve() for path in used}
        for path in kept:
            os.utime(path)
        for folder, number in ((self.records, RECORDS), (self.frames, FRAMES), (self.checks, CHECKS)):
            if not folder.exists():
                continue
            newest = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
            for path in newest[number:]:
                if path.resolve() not in kept:
                    remove(path)
