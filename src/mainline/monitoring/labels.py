"""Labels that arrive later, joined to what was predicted: by the request and row, or by the row's key."""

from __future__ import annotations

import datetime as dt
import json
import math
from pathlib import Path
from typing import Any

from mainline.config.schema import Settings
from mainline.data.collect import as_of, collect, relation_sql
from mainline.data.sources.duckdb_scan import text
from mainline.data.split import quoted
from mainline.monitoring import prediction_log
from mainline.monitoring.prediction_log import Problem
from mainline.monitoring.results import Labels
from mainline.monitoring.window import Window, day

# 64 bits for a request and its row: of a hundred million rows two are alike once in four thousand logs.
ROW = "hash(_request, _row::INT)"
PART_ROWS = 4_000_000  # are joined at a time: what of a join cannot go to the disk fits into 512 MB
NO_JOIN = "SELECT NULL::VARCHAR AS _request, NULL::INT AS _row, NULL::VARCHAR AS label, NULL::TIMESTAMPTZ AS told"


def join(
    window: Window,
    settings: Settings,
    task: str,
    classes: list[Any],
    feedback: list[prediction_log.Files],
    source: str | None,
) -> Labels:
    """Make the view `labelled` of the window's rows whose label is known, with `y`: its class's code, or the value.

    Its rows lie in files below the window's `spill`: a table of DuckDB's that grows keeps memory that nothing frees.
    `source` is SQL for a table of the key, `label` (JSON text) and `told`, as `table_of` makes it.
    """
    connection = window.connection
    key = [column for column in settings.prepare.key if column in window.columns]
    said = [by_request(feedback), by_key(feedback, settings, window)] if feedback else []
    if source and key == settings.prepare.key:
        said.append(matched(source, window, key, {}))
    sql = f"({' UNION ALL '.join(part for part in said if part) or NO_JOIN + ' WHERE false'})"
    slices = [f"log.{quoted(name)}" for name in settings.evaluate.slices if name in window.columns]
    columns = ", ".join([f"{day(settings)} AS block", "_prediction", *slices])
    unknown = strange = 0
    files = []
    parts = max(1, math.ceil(window.rows / PART_ROWS))
    for part in range(parts):
        of_part = f"{ROW} % {parts} = {part}"
        missed, odd = gather(window, sql, code_sql("label", task, classes), of_part)
        unknown, strange = unknown + missed, strange + odd
        files.append(window.spill / f"labelled-{part}.parquet")
        connection.execute(
            f"COPY (SELECT {columns}, told.* EXCLUDE (id) FROM log JOIN "
            "(SELECT id, n::BIGINT AS n, 1 AS kinds, y, false AS torn "
            "FROM said ANTI JOIN several USING (id) WHERE y IS NOT NULL UNION ALL "
            "SELECT id, sum(n)::BIGINT, count(*), arg_max(y, told), max(told, 2)[1] = max(told, 2)[2] "
            "FROM said SEMI JOIN several USING (id) WHERE y IS NOT NULL GROUP BY id"
            f") AS told ON told.id = {ROW} WHERE {of_part}) TO {text(str(files[-1]))} (FORMAT parquet)"
        )
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW labelled AS SELECT * FROM ({prediction_log.scan(files)}) WHERE NOT torn"
    )
    rows, repeated, corrected, contradicting, joined = window.one(
        "SELECT coalesce(sum(n), 0)::BIGINT, coalesce(sum(n - kinds) FILTER (NOT torn), 0)::BIGINT, "
        "count(*) FILTER (kinds > 1 AND NOT torn), count(*) FILTER (torn), count(*) FILTER (NOT torn) "
        f"FROM ({prediction_log.scan(files)})"
    )
    unknown += unmatched(window, feedback, settings)
    return Labels(rows, joined, repeated, corrected, contradicting, unknown, strange)


def gather(window: Window, said: str, y: str, of_part: str) -> tuple[int, int]:
    """Make the tables `said` (the part's labels) and `several` (rows with more than one).

    The answer counts labels of rows that the log does not hold, and labels that are none of the model's.
    """
    # Equal labels of a row are one already here, with the last time that it was said.
    window.connection.execute(
        f"CREATE OR REPLACE TEMP TABLE said AS SELECT {ROW} AS id, {y} AS y, count(*) AS n, "
        f"max(coalesce(told, TIMESTAMPTZ '1970-01-01 00:00:00+00')) AS told FROM {said} "
        f"WHERE label IS NOT NULL AND label <> 'null' AND {of_part} GROUP BY ALL"
    )
    # Joins and groups of plain values, which DuckDB can put on the disk; lists of them and NOT IN it cannot.
    unknown, strange = window.one(
        "SELECT (SELECT coalesce(sum(n), 0)::BIGINT FROM said ANTI JOIN "
        f"(SELECT {ROW} AS id FROM every WHERE {of_part}) AS rows USING (id)), "
        "(SELECT coalesce(sum(n), 0)::BIGINT FROM said WHERE y IS NULL)"
    )
    window.connection.execute(
        "CREATE OR REPLACE TEMP TABLE several AS "
        "SELECT id FROM said WHERE y IS NOT NULL GROUP BY id HAVING count(*) > 1"
    )
    return unknown, strange


def by_request(feedback: list[prediction_log.Files]) -> str:
    return (
        "SELECT _request, coalesce(_row, 0)::INT AS _row, _label AS label, _time::TIMESTAMPTZ AS told "
        f"FROM ({prediction_log.union(feedback)}) WHERE _request IS NOT NULL"
    )


def by_key(feedback: list[prediction_log.Files], settings: Settings, window: Window) -> str:
    key = settings.prepare.key
    types = {name: kind for files in feedback for name, kind in files.columns.items()}
    if not all(name in types and name in window.columns for name in key):
        return ""
    rows = (
        f"SELECT {', '.join(map(quoted, key))}, _label AS label, _time::TIMESTAMPTZ AS told "
        f"FROM ({prediction_log.union(feedback)}) WHERE _request IS NULL"
    )
    return matched(rows, window, key, types)


def matched(rows: str, window: Window, key: list[str], types: dict[str, str], kind: str = "JOIN") -> str:
    """Labels by key as labels by request: a row that was predicted twice gets its label twice.

    The log's types are those of JSON, a number or a text: its values are read as the labels' own types.
    """
    if not types:
        described = window.connection.execute(f"DESCRIBE {rows}").fetchall()
        types = {name: kind for name, kind, *_ in described}
    same = " AND ".join(f"TRY_CAST(o.{quoted(name)} AS {types[name]}) = l.{quoted(name)}" for name in key)
    return (
        "SELECT o._request, o._row::INT AS _row, l.label, l.told::TIMESTAMPTZ AS told "
        f"FROM ({rows}) AS l {kind} own AS o ON {same}"
    )


def unmatched(window: Window, feedback: list[prediction_log.Files], settings: Settings) -> int:
    """Feedback by key that is of no logged row, or names neither a request nor a key."""
    if not feedback:
        return 0
    nameless = f"SELECT count(*) FROM ({prediction_log.union(feedback)}) WHERE _request IS NULL"
    sql = by_key(feedback, settings, window)
    if not sql:
        return int(window.one(nameless)[0])
    missed = sql.replace(" JOIN own AS o", " LEFT JOIN every AS o", 1)
    return int(window.one(f"SELECT count(*) FROM ({missed}) WHERE _request IS NULL")[0])


def table_of(settings: Settings, root: Path, cache: Path, now: dt.datetime) -> str:
    """The table of `monitor.labels` as it stands `now`, which is later than `data.until`, as SQL.

    Raises
    ------
    MainlineError
        As `collect` does.
    """
    labels = settings.monitor.labels
    assert labels
    source = settings.data.sources[labels.source]
    tomorrow = now.date() + dt.timedelta(days=1)
    data = settings.data.model_copy(update={"sources": {labels.source: source}, "until": tomorrow})
    table = as_of(collect(data, root, cache)[labels.source], now)
    key = ", ".join(map(quoted, settings.prepare.key))
    told = quoted(source.time) if source.time else "NULL::TIMESTAMPTZ"
    return f"SELECT {key}, to_json({labels.value})::VARCHAR AS label, {told} AS told FROM ({relation_sql(table)})"


def code_sql(column: str, task: str, classes: list[Any]) -> str:
    """SQL for a label's code or value from its JSON text; NULL where it is none of the model's."""
    plain = f"(CASE WHEN json_valid({column}) THEN json_extract_string({column}, '$') END)"
    if task == "regression":
        return f"TRY_CAST({plain} AS DOUBLE)"
    cases = []
    for code, value in enumerate(classes):
        if isinstance(value, bool):
            said = f"lower({plain}) IN ('{json.dumps(value)}', '{int(value)}')"
        elif isinstance(value, int | float):
            said = f"TRY_CAST({plain} AS DOUBLE) = {value!r}"
        else:
            said = f"{plain} = {text(str(value))}"
        cases.append(f"WHEN {said} THEN {code}.0")
    return f"(CASE {' '.join(cases)} END)::DOUBLE"


def problems(labels: Labels) -> list[Problem]:
    """What of the labels must be known; contradictions and labels of no class make the window invalid."""
    found = []
    if labels.contradicting:
        said = f"{labels.contradicting:,} rows have two labels of one moment: neither counts"
        found.append(Problem("contradicting labels", said))
    if labels.strange:
        found.append(Problem("strange labels", f"{labels.strange:,} labels are none of the model's and were left out"))
    if labels.unknown:
        said = f"{labels.unknown:,} labels are of rows that the log does not hold"
        found.append(Problem("unknown labels", said, fatal=False))
    return found
