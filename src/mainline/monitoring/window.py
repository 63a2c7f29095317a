"""The window to evaluate: the last rows of one model in the log, and the problems in them."""

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

AHEAD = dt.timedelta(minutes=5)  # of now; synchronised clocks of two machines differ by less
# A 64-bit hash of request and row: a hundred million rows collide in about one of four thousand logs.
ROW = "hash(_request, _row::INT)"
GROUPS = 500  # of rows at random: to resample them is to resample rows, and takes no memory for each row
THREADS = 4  # at most: each thread holds its own pages in memory


@dataclass
class Window:
    """The rows to evaluate: the view `log` of `connection` has the rows of one model, without rows of unknown time.

    The view `own` has all rows of that model. `versions` counts the rows of the window by version, including
    other models.
    """

    connection: DuckDBPyConnection
    spill: Path = Path()  # a folder for data that do not fit into memory
    digest: str = ""
    version: str = ""
    start: dt.datetime | None = None
    end: dt.datetime | None = None
    first: dt.datetime | None = None  # time of the first row; the window may begin before it
    rows: int = 0
    columns: dict[str, str] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def one(self, sql: str, values: Iterable[Any] = ()) -> tuple[Any, ...]:
        return self.connection.execute(sql, list(values)).fetchone() or ()


@contextlib.contextmanager
def spilling(folder: Path) -> Iterator[Path]:
    """A folder below `folder` for this process, removed at the end, together with those of killed processes."""
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
    except PermissionError:  # a process of another user
        return True
    return True


def connect(settings: Settings, spill: Path) -> DuckDBPyConnection:
    """A connection with bounded memory; data that do not fit are spilled to the folder `spill`."""
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
    """SQL for the day of a logged row, in the time zone of the training's days."""
    return f"timezone({text(settings.data.timezone)}, _time)::DATE"


def block(settings: Settings) -> str:
    """SQL for the block of a logged row: its day, or without `compare.blocks` one of many groups of single rows."""
    return day(settings) if settings.compare.blocks else f"({ROW} % {GROUPS})::INT"


def load(
    window: Window, settings: Settings, groups: list[prediction_log.Files], digest: str | None, now: dt.datetime
) -> None:
    """Fill the window with the last `monitor.window` of one model: `digest`, or the model of the last prediction."""
    connection = window.connection
    if not groups:
        window.problems.append(Problem("empty window", "the log has no readable file of predictions", fatal=False))
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
    """Rows without a time or with one in the future: a clock is wrong, and their place is unknown."""
    late, none = window.one(
        "SELECT count(*) FILTER (_time > ?), count(*) FILTER (_time IS NULL) FROM every", [now + AHEAD]
    )
    if late or none:
        skipped = f"{late:,} rows are from the future and {none:,} have no time: skipped; check the server's clock"
        window.problems.append(Problem("clock skew", skipped))


def cut(window: Window, settings: Settings, now: dt.datetime) -> None:
    connection = window.connection
    last = window.one("SELECT max(_time) FROM own WHERE _time <= ?", [now + AHEAD])[0]
    if last is None:
        window.problems.append(
            Problem("empty window", f"the log has no rows of model {window.digest[:12] or '?'}", fatal=False)
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
        # Two models may have the same version: the digest tells them apart.
        name = version if digest == window.digest or version not in window.versions else f"{version} ({digest[:12]})"
        window.versions[name] = window.versions.get(name, 0) + rows


def others(window: Window) -> list[tuple[str, str, int]]:
    """Version, digest and rows of the other models in the window."""
    if window.start is None or window.end is None:
        return []
    counted: list[tuple[str, str, int]] = window.connection.execute(
        "SELECT any_value(_version)::VARCHAR, _model_digest, count(*) FROM every "
        "WHERE _time > ? AND _time <= ? AND _model_digest <> ? GROUP BY 2 ORDER BY 3 DESC",
        [window.start, window.end, window.digest],
    ).fetchall()
    return counted


def duplicates(window: Window) -> None:
    # GROUP BY, not count(DISTINCT): groups can spill to disk. First by a 64-bit hash, then exactly.
    again = 0
    for key in ("hash(_request, _row)", "_request, _row"):
        grouped = f"SELECT count(*) AS n FROM log GROUP BY {key}"
        again = window.one(f"SELECT coalesce(sum(n - 1), 0)::BIGINT FROM ({grouped})")[0]
        if not again:
            return
    repeated = f"{again:,} rows repeat the request id and row of another"
    window.problems.append(Problem("duplicates", repeated))


def check_columns(window: Window, numeric: Iterable[str], categorical: Iterable[str], classes: int) -> None:
    """Report missing inputs, inputs that are no longer numbers, and predictions that do not fit this model."""
    numeric = list(numeric)
    gone = [name for name in [*numeric, *categorical] if name not in window.columns]
    if gone:
        window.problems.append(Problem("schema", f"the log lacks the column {', '.join(gone)}: its drift is unknown"))
    there = [name for name in numeric if name in window.columns]
    odd = [f"count(*) FILTER ({quoted(n)} IS NOT NULL AND TRY_CAST({quoted(n)} AS DOUBLE) IS NULL)" for n in there]
    wrong = f"count(*) FILTER (_prediction IS NULL OR len(_prediction) <> {classes or 1})"
    answers, *counted = window.one(f"SELECT {', '.join([wrong, *odd])} FROM log")
    for name, count in zip(there, counted, strict=True):
        if count:
            mistyped = f"{count:,} values of {name} are not numbers: its type has changed"
            window.problems.append(Problem("schema", mistyped))
    if answers:
        misshaped = f"{answers:,} predictions do not have {classes or 1} value{'s' * (classes > 1)}"
        window.problems.append(Problem("schema", misshaped))
