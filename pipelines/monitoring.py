"""Monitor a model in production: read its log, measure, evaluate, report. Nothing is trained or changed."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from mainline.config.schema import Settings
from mainline.data.sources import remote
from mainline.errors import ConfigurationError, ExternalError
from mainline.evaluation import metrics
from mainline.monitoring import (
    checks as judge,
)
from mainline.monitoring import (
    labels,
    log_expectations,
    model_lookup,
    performance,
    performance_decay,
    prediction_drift,
    service_metrics,
    window,
)
from mainline.monitoring import (
    prediction_log as log,
)
from mainline.monitoring import (
    report as page,
)
from mainline.monitoring.results import Cause, Check, Health, Seen, to_json
from mainline.runtime.atomic_files import write_text
from mainline.runtime.workspace import Workspace
from mainline.training import drift
from mainline.training.record import Record

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class Asked:
    """The arguments of the call; None means the value in params.yaml, or now."""

    log: str | None = None
    model: str | None = None
    metrics: Path | None = None
    now: dt.datetime | None = None


@dataclass(frozen=True)
class Job:
    """The input of every step."""

    settings: Settings
    workspace: Workspace
    asked: Asked
    now: dt.datetime
    day: str  # SQL for a row's day
    spill: Path  # data that do not fit into memory


def monitor(settings: Settings, workspace: Workspace, asked: Asked) -> Health:
    """The whole job: from the log to the reports."""
    health = watched(settings, workspace, asked)
    report(workspace, health)
    return health


def watched(settings: Settings, workspace: Workspace, asked: Asked) -> Health:
    """Evaluate the log, without writing a report."""
    import duckdb

    now = asked.now or dt.datetime.now(dt.UTC)
    with window.spilling(workspace.state / "spill") as spill, window.connect(settings, spill) as connection:
        job = Job(settings, workspace, asked, now, window.day(settings), spill)
        try:
            return judged(job, connection, lambda: window.connect(settings, spill))
        except duckdb.OutOfMemoryException as error:
            reason = str(error).splitlines()[0]
            raise ExternalError(
                f"monitor.memory_megabytes: {settings.monitor.memory_megabytes} is too small: {reason}"
            ) from None


def judged(job: Job, connection: DuckDBPyConnection, connect: Callable[[], DuckDBPyConnection]) -> Health:
    seen, feedback = read(job, connection, connect)
    models = model_lookup.local(job.workspace)
    record = model_lookup.record_of(seen, job.workspace, models) if seen.rows else None
    checks: list[Check] = judge.size_check(seen.rows, job.settings.monitor)
    found: dict[str, Any] = {}
    cause = Cause.none
    if seen.rows:
        seen.problems += strangers(job, seen, models)
    if seen.rows and record:
        found["traffic"] = traffic(seen, job.day)
        more, measured = inputs(job, seen, record)
        checks, found = checks + more, found | measured
        more, measured = outcomes(job, seen, record, feedback)
        checks, found = checks + more, found | measured
        cause = found["decay"].cause if found.get("decay") else Cause.none
    elif seen.rows:
        checks.append(judge.unknown_model(seen.digest, seen.version))
    if job.asked.metrics:
        found["service"] = service_metrics.read(job.asked.metrics)
        checks += judge.service_checks(found["service"], job.settings.monitor)
    checks = judge.log_checks(seen.problems) + checks
    verdict, headline = judge.verdict(checks, cause)
    zone = ZoneInfo(job.settings.data.timezone)
    start, end = (when.astimezone(zone).isoformat() if when else None for when in (seen.first, seen.end))
    return Health(
        verdict, headline, Seen(start, end, seen.rows, seen.versions), seen.digest, seen.version, checks,
        [problem.found for problem in seen.problems if not problem.fatal], **found,
    )  # fmt: skip


def read(
    job: Job, connection: DuckDBPyConnection, connect: Callable[[], DuckDBPyConnection]
) -> tuple[window.Window, list[log.Files]]:
    """The window, and the files with feedback."""
    workspace, place = job.workspace, job.asked.log or job.settings.monitor.log
    if not remote.is_remote(place) and not (workspace.root / place).is_dir():
        raise ConfigurationError(f"{place} is not a folder: set monitor.log to the location of the prediction log")
    seen = window.Window(connection, job.spill)
    paths = log.located(place, "predictions", workspace.root, workspace.cache)
    window.load(
        seen, job.settings, log.readable(connect, paths, log.PREDICTIONS, seen.problems), job.asked.model, job.now
    )
    feedback = log.located(place, "feedback", workspace.root, workspace.cache)
    return seen, log.readable(connect, feedback, log.FEEDBACK, seen.problems)


def strangers(job: Job, seen: window.Window, models: dict[str, Record]) -> list[log.Problem]:
    """Other models in the window: known ones are noted, unknown ones make it invalid."""
    problems = []
    for version, digest, rows in window.others(seen):
        there = models.get(digest) or model_lookup.by_version(version, digest, job.workspace, models)
        why = "not evaluated here" if there else "not evaluated, and no record in this checkout or in the registry"
        text = f"{rows:,} rows are from version {version}, model {digest[:12]}: {why}"
        problems.append(log.Problem("model version", text, fatal=there is None))
    return problems


def traffic(seen: window.Window, day: str) -> dict[str, int]:
    counted = seen.connection.execute(f"SELECT {day}::VARCHAR, count(*) FROM log GROUP BY 1 ORDER BY 1")
    return dict(counted.fetchall())


def inputs(job: Job, seen: window.Window, record: Record) -> tuple[list[Check], dict[str, Any]]:
    """The drift of inputs and predictions, and the expectations about single values."""
    settings = job.settings
    reference = drift.reference_of(record, list(seen.columns))
    numeric, categorical = record.profile["monitor"]["numeric"], record.profile["monitor"]["categorical"]
    window.check_columns(seen, numeric, categorical, len(record.facts.classes))
    found: dict[str, Any] = {}
    checks: list[Check] = []
    if seen.rows >= settings.monitor.min_rows:
        found["drift"] = drift.measure(seen.connection, "log", job.day, reference, settings.monitor)
        found["predictions"] = prediction_drift.measure(seen, record, settings, job.day)
        checks = judge.drift_checks(found["drift"], found["predictions"], settings.monitor)
    suite = job.workspace.root / settings.data.expectations / "frame.yaml"
    found["broken"] = log_expectations.broken(seen, suite, list(numeric))
    return checks + judge.rule_checks(found["broken"]), found


def outcomes(
    job: Job, seen: window.Window, record: Record, feedback: list[log.Files]
) -> tuple[list[Check], dict[str, Any]]:
    """The performance on labelled rows, with the evaluated one and the one estimated from the probabilities."""
    settings, task, classes = job.settings, record.facts.task, record.facts.classes
    promise = performance.promised(record, settings)
    found: dict[str, Any] = {"promised": promise.intervals(settings)}
    if task != "regression" and seen.rows >= settings.monitor.min_rows:
        every = performance.expected(performance_decay.logged(window.block(settings)))
        estimated = performance.measure(seen.connection, every, task, len(classes), settings).intervals(settings)
        # Estimated from themselves, probabilities are always calibrated.
        found["estimated"] = {name: value for name, value in estimated.items() if name != "calibration_error"}
    asked = settings.monitor.labels is not None
    if not asked and not feedback:
        return [], found
    source = labels.table_of(settings, job.workspace.root, job.workspace.cache, job.now, classes) if asked else None
    joined = found["labels"] = labels.join(seen, settings, task, classes, feedback, source)
    seen.problems += labels.problems(joined)
    checks = judge.label_checks(joined, asked, settings.monitor)
    if joined.joined < settings.monitor.min_labelled:
        return checks, found
    reached = performance.measure(seen.connection, performance_decay.labelled(), task, len(classes), settings)
    found["reached"] = reached.intervals(settings)
    found["decay"] = performance_decay.judge(seen, record, reached, promise, settings)
    found["daily"] = performance_decay.daily(seen, record, settings)
    found["slices"] = performance_decay.slices(seen, record, settings)
    if found["decay"] is None:
        return [*checks, judge.no_sums(settings.compare.metric, metrics.names(task))], found
    return checks + judge.decay_checks(
        found["decay"], found["reached"].get("calibration_error"), settings.monitor
    ), found


def report(workspace: Workspace, health: Health) -> None:
    write_text(workspace.reports / "monitor.md", page.markdown(health))
    write_text(workspace.reports / "monitor.html", page.html(health))
    content = json.dumps(to_json(health), indent=2, sort_keys=True, allow_nan=False) + "\n"
    write_text(workspace.reports / "monitor.json", content)
