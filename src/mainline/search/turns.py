"""One search at a time in a checkout, and what it says while it runs."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from mainline.config.schema import Settings
from mainline.errors import ConfigurationError
from mainline.evaluation import formatting
from mainline.search import results, rewrite
from mainline.search.space import Dimension
from mainline.search.study import Trial


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Raises ConfigurationError where another search works in this folder: two cannot write one journal.

    Other runs may go on meanwhile: a search takes minutes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise ConfigurationError(
                f"another search (process {lock.read().strip() or '?'}) is running in this checkout: wait for its end"
            ) from None
        lock.seek(0)
        lock.truncate()
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def line(trial: Trial, space: Sequence[Dimension], settings: Settings) -> str:
    """A trial that is the best so far, on a line."""
    changed = ", ".join(
        f"{one.setting.rpartition('.')[2]} {one.after}" for one in rewrite.changes(settings, space, trial.values)
    )
    after = formatting.duration(trial.clock)
    name = formatting.metric_name(settings.compare.metric)
    what = "today's settings" if trial.today else changed
    return f"  {after:>12}  trial {trial.number:>4}  {name} {results.fine(trial.value)}  {what}"


def processes(number: int) -> str:
    return formatting.plural(number, "process").replace("processs", "processes")
