"""The prediction log as tables in DuckDB: the typed loader of the reading side.

Two forms are read from one folder. The server's own: JSON lines whose first names the columns and the model,
each further one a request. And Parquet with the columns request_id, row (0 where there is none), time,
model_digest (or model_version), the inputs by name, and prediction: the probability of the positive class, the
value, or the class.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.errors import ConfigurationError
from mainline.rows import quoted
from mainline.settings import Settings

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

LONGEST = 16 * 2**20  # bytes of a line: the server's queue holds none beyond 8 MB
AHEAD = dt.timedelta(minutes=5)  # of the clock: two machines in step differ by less


@dataclass(frozen=True)
class Problem:
    """Something of the log that could not be taken as it is."""

    name: str  # corrupt file, clock skew, duplicates, schema, model version
    found: str
    fatal: bool = True


@dataclass
class Window:
    """The rows to judge: the view `log` of `connection`, of one model, without what the problems name."""

    connection: DuckDBPyConnection
    digest: str
    start: dt.datetime | None = None
    end: dt.datetime | None = None
    rows: int = 0
    columns: list[str] = field(default_factory=list)
    models: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def connect(settings: Settings, spill: Path) -> DuckDBPyConnection:
    """A connection of bounded memory; what does not fit goes to the folder `spill`."""
    import duckdb

    spill.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET preserve_insertion_order = false")
    connection.execute(f"SET memory_limit = '{settings.monitor.memory_megabytes}MB'")
    connection.execute(f"SET temp_directory = '{spill}'")
    return connection


def load(
    connection: DuckDBPyConnection,
    settings: Settings,
    folder: Path,
    digest: str | None,
    known: set[str],
    now: dt.datetime,
) -> Window:
    """The last `monitor.window` of the log of the model `digest`; None: of the known model that answered last.

    Raises
    ------
    ConfigurationError
        Where there is no such folder.
    """
    if not folder.is_dir():
        raise ConfigurationError(f"{folder} is not here: monitor.log names the folder of the prediction log")
    window = Window(connection, digest or "")
    parts = [part for path in sorted(folder.rglob("*")) if (part := readable(window, settings, path))]
    if not parts:
        window.problems.append(Problem("empty window", f"{folder} holds no readable log: nothing was predicted"))
        connection.execute("CREATE OR REPLACE TEMP VIEW log AS SELECT 1 AS nothing WHERE false")
        return window
    connection.execute(f"CREATE OR REPLACE TEMP VIEW every AS {' UNION ALL BY NAME '.join(parts)}")
    counted = connection.execute("SELECT model, count(*) FROM every GROUP BY 1 ORDER BY 2 DESC").fetchall()
    window.models = {str(model): count for model, count in counted}
    if digest is None:
        last = connection.execute(
            "SELECT model FROM every WHERE time <= ? GROUP BY 1 ORDER BY list_contains(?, model) DESC, max(time) DESC",
            [now + AHEAD, sorted(known)],
        ).fetchone()
        window.digest = last[0] if last else ""
    mixed(window, known)
    skew(window, now)
    cut(window, settings, now)
    check_schema(window, settings)
    duplicates(window)
    return window


def readable(window: Window, settings: Settings, path: Path) -> str | None:
    """SQL for one file's rows, or None where it is no log or cannot be read: then a problem says why."""
    import duckdb

    name = str(path).replace("'", "''")
    try:
        if path.suffix == ".parquet":
            described = f"SELECT column_name, column_type FROM (DESCRIBE FROM '{name}')"
            types = dict(window.connection.execute(described).fetchall())
            # Every page is read once: what is corrupt in the middle shows only there.
            window.connection.execute(f"SELECT bit_xor(hash(COLUMNS(*))) FROM '{name}'").fetchall()
            return parquet_sql(window, path, name, types)
        if path.suffix == ".jsonl":
            return lines_sql(window, path, name)
    except (duckdb.Error, ValueError, KeyError, OSError) as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        window.problems.append(Problem("corrupt file", f"{path.name} cannot be read and was left out: {first}"))
    return None


def parquet_sql(window: Window, path: Path, name: str, types: dict[str, str]) -> str | None:
    lacking = [column for column in ("request_id", "time", "prediction") if column not in types]
    model = next((column for column in ("model_digest", "model_version") if column in types), None)
    if lacking or model is None:
        said = ", ".join([*lacking, *([] if model else ["model_digest"])])
        window.problems.append(Problem("schema", f"{path.name} has no column {said} and was left out"))
        return None
    row = "" if "row" in types else ", 0 AS row"
    return f"SELECT * REPLACE (time::TIMESTAMPTZ AS time), {quoted(model)}::VARCHAR AS model{row} FROM '{name}'"


def lines_sql(window: Window, path: Path, name: str) -> str:
    """The server's JSON lines: rows and predictions are lists side by side."""
    with open(path, encoding="utf-8") as file:
        header = json.loads(file.readline())
    columns, classes = header["columns"], header.get("classes")
    reader = (
        f"(SELECT * FROM read_json('{name}', format = 'newline_delimited', maximum_object_size = {LONGEST}, "
        "columns = {id: 'VARCHAR', time: 'DOUBLE', rows: 'JSON[][]', predictions: 'JSON[]'}) WHERE id IS NOT NULL)"
    )
    window.connection.execute(f"SELECT count(*), sum(len(rows)) FROM {reader}").fetchall()
    inputs = "".join(f", values[{i}]->>'$' AS {quoted(column)}" for i, column in enumerate(columns, 1))
    answer = "(answer->>-1)::DOUBLE" if classes and len(classes) == 2 else "answer->>'$'"
    digest = str(header["model_digest"]).replace("'", "''")
    return (
        f"SELECT id AS request_id, row, to_timestamp(time) AS time, '{digest}' AS model{inputs}, "
        f"{answer} AS prediction FROM (SELECT id, time, unnest(rows) AS values, unnest(predictions) AS answer, "
        f"unnest(range(len(rows))) AS row FROM {reader})"
    )


def mixed(window: Window, known: set[str]) -> None:
    if window.digest not in known:
        found = f"the model {window.digest[:12] or 'without a digest'} is unknown to the records of this checkout"
        window.problems.append(Problem("model version", found))
    others = {model: rows for model, rows in window.models.items() if model != window.digest}
    for model, rows in others.items():
        where = "known" if model in known else "unknown to the records of this checkout"
        found = f"{rows:,} rows are of the model {model[:12]}, {where}; they are not counted here"
        window.problems.append(Problem("model version", found, fatal=model not in known))


def skew(window: Window, now: dt.datetime) -> None:
    """Rows without a time, or from after now: a clock is wrong, and which rows belong where is not known."""
    late, none = window.connection.execute(
        "SELECT count(*) FILTER (time > ?), count(*) FILTER (time IS NULL) FROM every", [now + AHEAD]
    ).fetchone() or (0, 0)
    if late or none:
        found = f"{late:,} rows are from the future and {none:,} have no time: check the server's clock; left out"
        window.problems.append(Problem("clock skew", found))


def cut(window: Window, settings: Settings, now: dt.datetime) -> None:
    connection, digest = window.connection, window.digest.replace("'", "''")
    connection.execute(f"CREATE OR REPLACE TEMP VIEW own AS SELECT * FROM every WHERE model = '{digest}'")
    last = (connection.execute("SELECT max(time) FROM own WHERE time <= ?", [now + AHEAD]).fetchone() or (None,))[0]
    if last is None:
        found = f"the log holds no row of the model {window.digest[:12]}"
        window.problems.append(Problem("empty window", found))
        connection.execute("CREATE OR REPLACE TEMP VIEW log AS SELECT * FROM own WHERE false")
        return
    window.end, window.start = last, settings.monitor.window.before(last)
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW log AS SELECT * FROM own WHERE time > TIMESTAMPTZ '{window.start.isoformat()}' "
        f"AND time <= TIMESTAMPTZ '{last.isoformat()}'"
    )
    window.rows = (connection.execute("SELECT count(*) FROM log").fetchone() or (0,))[0]
    window.columns = [row[0] for row in connection.execute("DESCRIBE log").fetchall()]


def check_schema(window: Window, settings: Settings) -> None:
    """Columns that are gone, and values that are no numbers where the model was trained on numbers."""
    if not window.rows:
        return
    features = settings.prepare.features
    gone = [name for name in features.names if name not in window.columns]
    if gone:
        window.problems.append(Problem("schema", f"the log has no column {', '.join(gone)}: its drift is not known"))
    there = [name for name in features.numeric if name in window.columns]
    if not there:
        return
    odd = ", ".join(
        f"count(*) FILTER ({quoted(n)} IS NOT NULL AND TRY_CAST({quoted(n)} AS DOUBLE) IS NULL)" for n in there
    )
    found: tuple[Any, ...] = window.connection.execute(f"SELECT {odd} FROM log").fetchone() or ()
    for name, count in zip(there, found, strict=True):
        if count:
            window.problems.append(
                Problem("schema", f"{count:,} values of {name} are no numbers: its type has changed")
            )


def duplicates(window: Window) -> None:
    if not window.rows:
        return
    again = (
        window.connection.execute("SELECT count(*) - count(DISTINCT hash(request_id, row)) FROM log").fetchone() or (0,)
    )[0]
    if again:
        found = f"{again:,} rows repeat a request's id: each request is logged once"
        window.problems.append(Problem("duplicates", found))
