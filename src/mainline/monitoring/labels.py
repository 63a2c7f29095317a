"""Labels that arrive later, joined to the predictions: by request and row, or by the row's key."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mainline.config.schema import Settings
from mainline.data.as_written import is_typed
from mainline.data.collect import as_of, collect, relation_sql
from mainline.data.sources.duckdb_scan import text
from mainline.data.split import quoted
from mainline.monitoring import prediction_log
from mainline.monitoring.prediction_log import Problem
from mainline.monitoring.results import Labels
from mainline.monitoring.window import ROW, Window, block, day
from mainline.serving.spelling import FALSE, TRUE

PART_ROWS = 4_000_000  # joined at a time: the part of a join that cannot spill to disk fits into 512 MB
NO_JOIN = "SELECT NULL::VARCHAR AS _request, NULL::INT AS _row, NULL::VARCHAR AS label, NULL::TIMESTAMPTZ AS _received"


def join(
    window: Window,
    settings: Settings,
    task: str,
    classes: list[Any],
    feedback: list[prediction_log.Files],
    source: str | None,
) -> Labels:
    """Create the view `labelled` of the window's rows with a label; `y` is the code of the class, or the value.

    Its rows are in files below the window's `spill`: a growing DuckDB table would keep memory that is never freed.
    `source` is SQL for a table with the key, `label` (JSON text) and `_received`, from `table_of`.
    """
    connection = window.connection
    key = [column for column in settings.prepare.key if column in window.columns]
    relations = [by_request(feedback), by_key(feedback, settings, window)] if feedback else []
    if source and key == settings.prepare.key:
        relations.append(matched(source, window, key, {}))
    sql = f"({' UNION ALL '.join(part for part in relations if part) or NO_JOIN + ' WHERE false'})"
    slices = [f"log.{quoted(name)}" for name in settings.evaluate.slices if name in window.columns]
    columns = ", ".join([f"{day(settings)} AS day", f"{block(settings)} AS block", "_prediction", *slices])
    unknown = strange = 0
    files = []
    parts = max(1, math.ceil(window.rows / PART_ROWS))
    for part in range(parts):
        of_part = f"{ROW} % {parts} = {part}"
        missed, odd = gather(window, sql, code_sql("label", task, classes), of_part)
        unknown, strange = unknown + missed, strange + odd
        files.append(window.spill / f"labelled-{part}.parquet")
        connection.execute(
            f"COPY (SELECT {columns}, resolved.* EXCLUDE (id) FROM log JOIN "
            "(SELECT id, n::BIGINT AS n, 1 AS kinds, y, false AS torn "
            "FROM part_labels ANTI JOIN several USING (id) WHERE y IS NOT NULL UNION ALL "
            "SELECT id, sum(n)::BIGINT, count(*), arg_max(y, _received), max(_received, 2)[1] = max(_received, 2)[2] "
            "FROM part_labels SEMI JOIN several USING (id) WHERE y IS NOT NULL GROUP BY id"
            f") AS resolved ON resolved.id = {ROW} WHERE {of_part}) TO {text(str(files[-1]))} (FORMAT parquet)"
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


def gather(window: Window, relation: str, y: str, of_part: str) -> tuple[int, int]:
    """Create the tables `part_labels` (the part's labels) and `several` (rows with more than one).

    Returns the number of labels of rows that are not in the log, and of labels that are not classes of the model.
    """
    # Equal labels of a row are merged here, with the time of the last.
    window.connection.execute(
        f"CREATE OR REPLACE TEMP TABLE part_labels AS SELECT {ROW} AS id, {y} AS y, count(*) AS n, "
        f"max(coalesce(_received, TIMESTAMPTZ '1970-01-01 00:00:00+00')) AS _received FROM {relation} "
        f"WHERE label IS NOT NULL AND label <> 'null' AND {of_part} GROUP BY ALL"
    )
    # Joins and groups of plain values, which DuckDB can spill to disk; it cannot spill lists and NOT IN.
    unknown, strange = window.one(
        "SELECT (SELECT coalesce(sum(n), 0)::BIGINT FROM part_labels ANTI JOIN "
        f"(SELECT {ROW} AS id FROM every WHERE {of_part}) AS rows USING (id)), "
        "(SELECT coalesce(sum(n), 0)::BIGINT FROM part_labels WHERE y IS NULL)"
    )
    window.connection.execute(
        "CREATE OR REPLACE TEMP TABLE several AS "
        "SELECT id FROM part_labels WHERE y IS NOT NULL GROUP BY id HAVING count(*) > 1"
    )
    return unknown, strange


def by_request(feedback: list[prediction_log.Files]) -> str:
    return (
        "SELECT _request, coalesce(_row, 0)::INT AS _row, _label AS label, _time::TIMESTAMPTZ AS _received "
        f"FROM ({prediction_log.union(feedback)}) WHERE _request IS NOT NULL"
    )


def by_key(feedback: list[prediction_log.Files], settings: Settings, window: Window) -> str:
    key = settings.prepare.key
    types = {name: kind for files in feedback for name, kind in files.columns.items()}
    if not all(name in types and name in window.columns for name in key):
        return ""
    rows = (
        f"SELECT {', '.join(map(quoted, key))}, _label AS label, _time::TIMESTAMPTZ AS _received "
        f"FROM ({prediction_log.union(feedback)}) WHERE _request IS NULL"
    )
    return matched(rows, window, key, types)


def matched(rows: str, window: Window, key: list[str], types: dict[str, str], kind: str = "JOIN") -> str:
    """Turn labels by key into labels by request: a row that was predicted twice gets its label twice.

    The log has JSON types, a number or text: its values are cast to the types of the labels.
    """
    if not types:
        described = window.connection.execute(f"DESCRIBE {rows}").fetchall()
        types = {name: kind for name, kind, *_ in described}
    same = " AND ".join(f"TRY_CAST(o.{quoted(name)} AS {types[name]}) = l.{quoted(name)}" for name in key)
    return (
        "SELECT o._request, o._row::INT AS _row, l.label, l._received::TIMESTAMPTZ AS _received "
        f"FROM ({rows}) AS l {kind} own AS o ON {same}"
    )


def unmatched(window: Window, feedback: list[prediction_log.Files], settings: Settings) -> int:
    """The number of labels by key without a logged row, or with neither a request nor a key."""
    if not feedback:
        return 0
    nameless = f"SELECT count(*) FROM ({prediction_log.union(feedback)}) WHERE _request IS NULL"
    sql = by_key(feedback, settings, window)
    if not sql:
        return int(window.one(nameless)[0])
    missed = sql.replace(" JOIN own AS o", " LEFT JOIN every AS o", 1)
    return int(window.one(f"SELECT count(*) FROM ({missed}) WHERE _request IS NULL")[0])


def table_of(settings: Settings, root: Path, cache: Path, now: dt.datetime, classes: Sequence[Any] = ()) -> str:
    """SQL for the table of `monitor.labels` as of `now`, which is later than `data.until`.

    A column that is the label by itself is read as text where the classes are: the frame has them as they are written.

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
    column = labels.value.strip('"')
    if classes and all(isinstance(value, str) for value in classes) and is_typed(table, column):
        table = dataclasses.replace(table, columns={**table.columns, column: "VARCHAR"})
    key = ", ".join(map(quoted, settings.prepare.key))
    received = quoted(source.time) if source.time else "NULL::TIMESTAMPTZ"
    return (
        f"SELECT {key}, to_json({labels.value})::VARCHAR AS label, {received} AS _received FROM ({relation_sql(table)})"
    )


def code_sql(column: str, task: str, classes: list[Any]) -> str:
    """SQL for the code or value of a label from its JSON text; NULL if the model has no such class."""
    plain = f"(CASE WHEN json_valid({column}) THEN json_extract_string({column}, '$') END)"
    if task == "regression":
        return f"TRY_CAST({plain} AS DOUBLE)"
    cases = []
    for code, value in enumerate(classes):
        if isinstance(value, bool):  # in the words that the frame reads as true and false, too
            words = [*(TRUE if value else FALSE), str(int(value))]
            matches = f"lower(trim({plain})) IN ({', '.join(map(text, sorted(words)))})"
        elif isinstance(value, int | float):
            matches = f"TRY_CAST({plain} AS DOUBLE) = {value!r}"
        else:
            matches = f"{plain} = {text(str(value))}"
        cases.append(f"WHEN {matches} THEN {code}.0")
    return f"(CASE {' '.join(cases)} END)::DOUBLE"


def problems(labels: Labels) -> list[Problem]:
    """The problems of the labels; contradicting and invalid labels make the window invalid."""
    found = []
    if labels.contradicting:
        twice = f"{labels.contradicting:,} rows have two labels of the same time: neither counts"
        found.append(Problem("contradicting labels", twice))
    if labels.strange:
        found.append(
            Problem("invalid labels", f"{labels.strange:,} labels are not classes of the model and were skipped")
        )
    if labels.unknown:
        unlogged = f"{labels.unknown:,} labels belong to rows that are not in the log"
        found.append(Problem("unknown labels", unlogged, fatal=False))
    return found
