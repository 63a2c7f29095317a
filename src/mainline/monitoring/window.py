"""The window to judge: the last rows of one model in the log, with all that is odd about them."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.config.schema import Settings
from mainline.data.sources.duckdb_scan import text
from mainline.data.split import quoted
from mainline.monitoring import prediction_log
from mainline.monitoring.prediction_log import Problem
from mainline.runtime.atomic_files import remove

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

AHEAD = dt.timedelta(minutes=5)  # of the clock: two machines in step differ by less
THREADS = 4  # at the most: each holds pages of its own in memory


@dataclass
class Window:
    """The rows to judge: the view `log` of `connection`, of one model, without what the problems name.

    The view `own` holds all rows of that model. `versions` counts the rows of the window by version, those of
    other models too.
    """

    connection: DuckDBPyConnection
    spill: Path = Path()  # a folder for what does not fit into memory
    digest: str = ""
    version: str = ""
    start: dt.datetime | None = None
    end: dt.datetime | None = None
    first: dt.datetime | None = None  # of the rows; the window itself may begin before it
    rows: int = 0
    columns: dict[str, str] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def one(self, sql: str, values: Iterable[Any] = ()) -> tuple[Any, ...]:
        return self.connection.execute(sql, list(values)).fetchone() or ()


@contextlib.contextmanager
def spilling(folder: Path) -> Iterator[Path]:
    """A folder below `folder` for this process alone, gone at the end; what killed ones have left goes with it."""
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.iterdir():
        if not left.name.isdigit() or not is_running(int(left.name)):
            remove(left)
    own = folder / str(os.getpid())
    try:
        own.mkdir(exist_ok=True)
        yield own
    finally:
        remove(own)


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def connect(settings: Settings, spill: Path) -> DuckDBPyConnection:
    """A connection of bounded memory; what does not fit goes to the folder `spill`."""
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET enable_progress_bar = false")
    connection.execute("SET preserve_insertion_order = false")
    connection.execute(f"SET threads = {min(THREADS, os.cpu_count() or 1)}")
    connection.execute(f"SET memory_limit = '{settings.monitor.memory_megabytes}MB'")
    connection.execute(f"SET temp_directory = {text(str(spill))}")
    return connection


def day(settings: Settings) -> str:
    """SQL for the day of a logged row, as the training's days are counted."""
    return f"timezone({text(settings.data.timezone)}, _time)::DATE"


def load(
    window: Window, settings: Settings, groups: list[prediction_log.Files], digest: str | None, now: dt.datetime
) -> None:
    """Fill the window with the last `monitor.window` of one model: `digest`, or the one that answered last."""
    connection = window.connection
    if not groups:
        window.problems.append(Problem("empty window", "no readable file: nothing was predicted", fatal=False))
        return
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW every AS SELECT * REPLACE (_time::TIMESTAMPTZ AS _time, "
        f"_model_digest::VARCHAR AS _model_digest) FROM ({prediction_log.union(groups)})"
    )
    window.problems += prediction_log.schemas(connection, groups)
    if digest is None:
        last = "SELECT arg_max(_model_digest, _time) FROM every WHERE _time <= ?"
        digest = (window.one(last, [now + AHEAD]) or (None,))[0]
    window.digest = digest or ""
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW own AS SELECT * FROM every WHERE _model_digest = {text(window.digest)}"
    )
    skew(window, now)
    cut(window, settings, now)
    if window.rows:
        duplicates(window)


def skew(window: Window, now: dt.datetime) -> None:
    """Rows without a time, or from after now: a clock is wrong, and which rows belong where is not known."""
    late, none = window.one(
        "SELECT count(*) FILTER (_time > ?), count(*) FILTER (_time IS NULL) FROM every", [now + AHEAD]
    )
    if late or none:
        found = f"{late:,} rows are from the future and {none:,} have no time: check the server's clock; left out"
        window.problems.append(Problem("clock skew", found))


def cut(window: Window, settings: Settings, now: dt.datetime) -> None:
    connection = window.connection
    last = window.one("SELECT max(_time) FROM own WHERE _time <= ?", [now + AHEAD])[0]
    if last is None:
        window.problems.append(
            Problem("empty window", f"the log holds no row of the model {window.digest[:12] or '?'}", fatal=False)
        )
        return
    window.end, window.start = last, settings.monitor.window.before(last)
    within = f"_time > TIMESTAMPTZ '{window.start.isoformat()}' AND _time <= TIMESTAMPTZ '{window.end.isoformat()}'"
    connection.execute(f"CREATE OR REPLACE TEMP VIEW log AS SELECT * FROM own WHERE {within}")
    window.rows, window.first, window.version = window.one(
        "SELECT count(*), min(_time), arg_max(_version, _time)::VARCHAR FROM log"
    )
    window.columns = {row[0]: row[1] for row in connection.execute("DESCRIBE log").fetchall()}
    counted = (
        f"SELECT _version::VARCHAR, _model_digest, count(*) FROM every WHERE {within} GROUP BY 1, 2 ORDER BY 3 DESC"
    )
    for version, digest, rows in connection.execute(counted).fetchall():
        # The same name over two models is worth telling apart.
        name = version if digest == window.digest or version not in window.versions else f"{version} ({digest[:12]})"
        window.versions[name] = window.versions.get(name, 0) + rows


def others(window: Window) -> list[tuple[str, str, int]]:
    """Version, digest and rows of the models that answered in the same time."""
    if window.start is None or window.end is None:
        return []
    found: list[tuple[str, str, int]] = window.connection.execute(
        "SELECT any_value(_version)::VARCHAR, _model_digest, count(*) FROM every "
        "WHERE _time > ? AND _time <= ? AND _model_digest <> ? GROUP BY 2 ORDER BY 3 DESC",
        [window.start, window.end, window.digest],
    ).fetchall()
    return found


def duplicates(window: Window) -> None:
    # Grouped, and not counted as distinct: groups go to the disk where they do not fit. First by 64 bits of each.
    again = 0
    for key in ("hash(_request, _row)", "_request, _row"):
        grouped = f"SELECT count(*) AS n FROM log GROUP BY {key}"
        again = window.one(f"SELECT coalesce(sum(n - 1), 0)::BIGINT FROM ({grouped})")[0]
        if not again:
            return
    found = f"{again:,} rows repeat a request's id and row: each request is logged once"
    window.problems.append(Problem("duplicates", found))


def check_columns(window: Window, numeric: Iterable[str], categorical: Iterable[str], classes: int) -> None:
    """Inputs that are gone or no numbers any more, and answers that are none of this model's."""
    numeric = list(numeric)
    gone = [name for name in [*numeric, *categorical] if name not in window.columns]
    if gone:
        window.problems.append(Problem("schema", f"the log has no column {', '.join(gone)}: its drift is not known"))
    there = [name for name in numeric if name in window.columns]
    odd = [f"count(*) FILTER ({quoted(n)} IS NOT NULL AND TRY_CAST({quoted(n)} AS DOUBLE) IS NULL)" for n in there]
    wrong = f"count(*) FILTER (_prediction IS NULL OR len(_prediction) <> {classes or 1})"
    answers, *counted = window.one(f"SELECT {', '.join([wrong, *odd])} FROM log")
    for name, count in zip(there, counted, strict=True):
        if count:
            found = f"{count:,} values of {name} are no numbers: its type has changed"
            window.problems.append(Problem("schema", found))
    if answers:
        found = f"{answers:,} predictions do not hold {classes or 1} value{'s' * (classes > 1)}"
        window.problems.append(Problem("schema", found))
