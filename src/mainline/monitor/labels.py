"""Labels that arrive later, joined to what was predicted: by the request's id, or by the row's key."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from mainline.errors import ConfigurationError, DataError
from mainline.monitor.window import Window
from mainline.rows import quoted
from mainline.settings import Settings


@dataclass(frozen=True)
class Labels:
    """What became of the label table's rows."""

    rows: int = 0
    joined: int = 0
    by: str = ""  # the columns of the join
    repeated: int = 0  # the same label said again
    corrected: int = 0  # another label, later: the last one counts
    contradicting: int = 0  # another label at the same time, or without any: neither counts
    unknown: int = 0  # of rows that the log does not hold


def join(window: Window, settings: Settings, path: str) -> Labels:
    """Make the view `labelled` of the window's rows whose label is known, with `y` as it was given.

    Raises
    ------
    ConfigurationError
        Where nothing is at `path`, or no column to join by.
    DataError
        Where it cannot be read.
    """
    connection, name = window.connection, path.replace("'", "''")
    try:
        there = [row[0] for row in connection.execute(f"DESCRIBE FROM '{name}'").fetchall()]
        connection.execute(f"SELECT bit_xor(hash(COLUMNS(*))) FROM '{name}'").fetchall()
    except duckdb.IOException as error:
        raise ConfigurationError(f"{path}: no labels are here: {str(error).splitlines()[0]}") from None
    except duckdb.Error as error:
        raise DataError(f"{path}: the labels cannot be read: {str(error).splitlines()[0]}") from None
    by = keys(settings, there, window.columns, path)
    label = next((column for column in (settings.prepare.label, "label") if column in there), None)
    if label is None:
        raise ConfigurationError(f"{path}: no column is called {settings.prepare.label}, nor label")
    listed = ", ".join(map(quoted, by))
    when = "time" if "time" in there else "known_at" if "known_at" in there else "NULL"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE said AS SELECT {listed}, n, distinct_labels, at_last, y FROM ("
        f"SELECT {listed}, count(*) AS n, count(DISTINCT label) AS distinct_labels, "
        "count(DISTINCT label) FILTER (told IS NOT DISTINCT FROM newest) AS at_last, "
        "any_value(label) FILTER (told IS NOT DISTINCT FROM newest) AS y FROM ("
        f"SELECT {listed}, {quoted(label)} AS label, {when} AS told, "
        f"max({when}) OVER (PARTITION BY {listed}) AS newest "
        f"FROM '{name}' WHERE {quoted(label)} IS NOT NULL) GROUP BY {listed})"
    )
    rows, repeated, corrected, contradicting = connection.execute(
        "SELECT coalesce(sum(n), 0), coalesce(sum(n - distinct_labels) FILTER (at_last = 1), 0), "
        "count(*) FILTER (distinct_labels > 1 AND at_last = 1), count(*) FILTER (at_last > 1) FROM said"
    ).fetchone() or (0, 0, 0, 0)
    unknown = (connection.execute(f"SELECT count(*) FROM said ANTI JOIN own USING ({listed})").fetchone() or (0,))[0]
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW labelled AS SELECT log.*, said.y FROM log JOIN said USING ({listed}) "
        "WHERE at_last = 1"
    )
    joined = (connection.execute("SELECT count(*) FROM labelled").fetchone() or (0,))[0]
    return Labels(int(rows), joined, ", ".join(by), int(repeated), corrected, contradicting, unknown)


def keys(settings: Settings, there: list[str], logged: list[str], path: str) -> list[str]:
    if "request_id" in there:
        return ["request_id", "row"] if "row" in there else ["request_id"]
    key = settings.prepare.key
    if all(column in there and column in logged for column in key):
        return key
    raise ConfigurationError(
        f"{path}: labels are joined by request_id, or by {', '.join(key)} where both tables have them: "
        f"the labels have {', '.join(there)}"
    )
