"""Watching a model in production: read its log, measure, judge, report. Nothing is trained or changed."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mainline.errors import ConfigurationError
from mainline.monitor import drift, judge, labels, page, performance, rules, service, window
from mainline.monitor.findings import Cause, Check, Health
from mainline.monitor.reference import kept
from mainline.record import Record
from mainline.results import Interval
from mainline.settings import Settings
from mainline.workspace import Workspace, write_text

FEWEST = 200  # labelled rows of a slice that is measured


@dataclass(frozen=True)
class Asked:
    """What the call said; None is what params.yaml says."""

    log: Path | None = None
    labels: str | None = None
    model: str | None = None
    metrics: Path | None = None
    now: dt.datetime | None = None


def monitor(settings: Settings, workspace: Workspace, asked: Asked) -> Health:
    """The whole job, from the log to the reports."""
    known = records(workspace)
    spill = workspace.state / "spill"
    connection = window.connect(settings, spill)
    try:
        now = asked.now or dt.datetime.now(dt.UTC)
        folder = asked.log or workspace.root / settings.monitor.log
        seen = window.load(connection, settings, folder, asked.model, set(known), now)
        health = judged(settings, workspace, asked, seen, known.get(seen.digest))
    finally:
        connection.close()
        shutil.rmtree(spill, ignore_errors=True)
    report(workspace, health)
    return health


def judged(
    settings: Settings, workspace: Workspace, asked: Asked, seen: window.Window, record: Record | None
) -> Health:
    rules_ = settings.monitor
    checks: list[Check] = judge.log_checks(seen.problems, seen.rows, rules_)
    found: dict[str, Any] = {}
    cause = Cause.unknown
    labelled = asked.labels or rules_.labels
    if record and seen.rows:
        reference = reference_of(record, seen.columns)
        if seen.rows >= rules_.min_rows:
            found["drift"] = drift.measure(seen.connection, "log", "time::DATE", reference, rules_)
            predicted = prediction_drift(seen, record, settings)
            checks += judge.drift_checks(found["drift"], predicted, rules_)
        found["broken"] = rules.broken(
            seen, workspace.root / settings.data.expectations / "frame.yaml", settings.prepare.features.numeric
        )
        checks += judge.rule_checks(found["broken"])
        found["traffic"] = dict(
            seen.connection.execute("SELECT time::DATE::VARCHAR, count(*) FROM log GROUP BY 1 ORDER BY 1").fetchall()
        )
        if settings.task == "binary":
            found["estimated"] = performance.measure(performance.expected(seen.connection), settings).metrics
            found["promised"] = promised(record, settings).metrics
        if labelled:
            found["labels"] = labels.join(seen, settings, labelled)
            checks += judge.label_checks(found["labels"])
        if labelled and settings.task == "binary":
            more, cause, found["metrics"] = decay(seen, record, settings)
            checks += more
            found["slices"] = slices(seen, settings, record)
    if asked.metrics:
        found["service"] = service.read(asked.metrics)
        checks += judge.service_checks(found["service"], rules_)
    word, headline = judge.verdict(checks, cause, bool(labelled))
    start, end = (moment.isoformat() if moment else None for moment in (seen.start, seen.end))
    return Health(
        word, headline, cause, seen.digest, start, end, seen.rows, checks, seen.problems, seen.models, **found
    )


def decay(seen: window.Window, record: Record, settings: Settings) -> tuple[list[Check], Cause, dict[str, Interval]]:
    y = label_sql(record)
    scores = performance.of_view(seen.connection, "labelled", y)
    wanted = performance.expected(seen.connection, "labelled")
    reached = performance.measure(scores, settings)
    against = performance.difference(scores, wanted, settings) if scores.days == wanted.days and scores.days else None
    checks, cause = judge.performance_checks(reached, promised(record, settings), against, settings.monitor)
    return checks, cause, reached.metrics


def slices(seen: window.Window, settings: Settings, record: Record) -> list[dict[str, Any]]:
    """The metrics of each slice that the log can name."""
    found = []
    for column in settings.evaluate.slices:
        if column not in seen.columns:
            continue
        name = '"' + column.replace('"', '""') + '"'
        listed = seen.connection.execute(
            f"SELECT {name}::VARCHAR FROM labelled WHERE {name} IS NOT NULL GROUP BY 1 HAVING count(*) >= {FEWEST} "
            "ORDER BY count(*) DESC LIMIT 50"
        ).fetchall()
        for (value,) in listed:
            where = f"{name}::VARCHAR = '" + value.replace("'", "''") + "'"
            scores = performance.of_view(seen.connection, "labelled", label_sql(record), where)
            measured = performance.measure(scores, settings)
            found.append({"column": column, "value": value, "rows": measured.rows, "metrics": measured.metrics})
    return found


def label_sql(record: Record) -> str:
    """The label as 0 or 1: the second of the record's classes is 1."""
    positive = str(record.facts["classes"][1]).replace("'", "''")
    return f"(lower(y::VARCHAR) = lower('{positive}'))::INT"


def promised(record: Record, settings: Settings) -> performance.Measured:
    holdout = record.holdout
    block = np.arange(len(holdout.y)) % 30  # the record keeps no day: the level is what is promised
    return performance.measure(performance.of_rows(holdout.y, holdout.score, block), settings)


def prediction_drift(seen: window.Window, record: Record, settings: Settings) -> drift.FeatureDrift | None:
    """The window's predictions against the holdout's, which the model had not seen either; None for many classes."""
    from mainline.monitor import counts

    score = record.holdout.score
    if score.ndim > 1:
        return None
    ends = np.unique(np.quantile(score, counts.DECILES, method="inverted_cdf")).tolist()
    binned = np.bincount(1 + np.searchsorted(ends, score), minlength=len(ends) + 2)
    # One holdout has too few periods to learn a season from: monitor.prediction_psi is the floor.
    whole = kept(counts.Counted([dt.date(1970, 1, 1)], [], binned[np.newaxis]))
    now = counts.numeric(seen.connection, "log", "time::DATE", "prediction", ends)
    return drift.compare("prediction", {"edges": ends, **whole}, now, settings.monitor.false_alarms, settings.monitor)


def reference_of(record: Record, columns: list[str]) -> dict[str, Any]:
    whole = record.profile.get("monitor")
    if whole is None:
        raise ConfigurationError(f"{record.path} was kept before models were watched: train it again with `make run`")
    return {kind: {name: was for name, was in whole[kind].items() if name in columns} for kind in whole}


def records(workspace: Workspace) -> dict[str, Record]:
    """By the digest that a log may name: the recorded pipeline's, and those of the models exported from it."""
    read = [Record.read(path.parent) for path in sorted(workspace.records.glob("*/record.json"))]
    known = {record.digest: record for record in read}
    for path in sorted(workspace.state.glob("*/**/serving.json")):
        exported = json.loads(path.read_text(encoding="utf-8"))
        if exported.get("pipeline_digest") in known:
            known[exported["digest"]] = known[exported["pipeline_digest"]]
    return known


def report(workspace: Workspace, health: Health) -> None:
    write_text(workspace.reports / "monitor.md", page.markdown(health))
    write_text(workspace.reports / "monitor.html", page.html(health))
    content = _plain({**dataclasses.asdict(health), "passed": health.passed})
    write_text(workspace.reports / "monitor.json", json.dumps(content, indent=2, sort_keys=True, default=str) + "\n")


def _plain(value: Any) -> Any:
    """JSON has no NaN: what could not be measured is null."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
