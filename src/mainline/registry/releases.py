"""The releases of a while, with their records: what a new model is compared with besides the baseline."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from mainline.config.schema import Settings
from mainline.errors import MainlineError
from mainline.evaluation.comparison import Release
from mainline.registry import models, runs
from mainline.registry.models import Registry, Version
from mainline.runtime.worker import Worker
from mainline.training.record import Record

MOST = 12  # the newest: each is scored on the holdout, which takes a tenth of a second


def ask(worker: Worker, state: Path, records: Path, settings: Settings) -> Future[Any] | None:
    """Let the worker, which has MLflow open, look them up; None where `gates.anchor` is not set."""
    if settings.gates.anchor is None:
        return None
    since = start(settings)
    return worker.submit(look_up, state=str(state), records=str(records), since=since.isoformat())


def answered(asked: Future[Any] | None) -> list[Release]:
    if asked is None:
        return []
    return [
        Release(
            found["version"],
            found["commit"],
            found["released"],
            Record.read(Path(found["record"])) if found["record"] else None,
            found["problem"],
        )
        for found in asked.result()
    ]


def look_up(state: str, records: str, since: str) -> list[dict[str, Any]]:
    """In the worker: the releases as JSON."""
    with runs.converted_errors(state):
        client, _ = runs.open_client(state)
        found = released(Registry(client, models.name()), Path(records), dt.datetime.fromisoformat(since))
    return [
        {
            "version": one.version,
            "commit": one.commit,
            "released": one.released,
            "record": str(one.record.path) if one.record else None,
            "problem": one.problem,
        }
        for one in found
    ]


def recent(held: Registry, records: Path, settings: Settings) -> list[Release]:
    """The releases of the last `gates.anchor.for`; none where it is not set."""
    return released(held, records, start(settings)) if settings.gates.anchor else []


def start(settings: Settings) -> dt.datetime:
    assert settings.gates.anchor
    return settings.gates.anchor.within.before(dt.datetime.now(dt.UTC))


def released(held: Registry, records: Path, since: dt.datetime) -> list[Release]:
    """The versions that went to production since then, and were not rolled back, the newest first."""
    chosen = [version for version in held.versions() if in_time(version, since) and not version.tags.get("rolled_back")]
    return [with_record(held, version, records) for version in reversed(chosen[-MOST:])]


def in_time(version: Version, since: dt.datetime) -> bool:
    try:
        at = dt.datetime.fromisoformat(version.tags.get("released", ""))
    except ValueError:
        return False
    return (at if at.tzinfo else at.replace(tzinfo=dt.UTC)) >= since


def with_record(held: Registry, version: Version, records: Path) -> Release:
    commit = version.tags.get("commit", "none")
    record: Record | None
    try:
        record, problem = held.record_of(version, records), ""
    except MainlineError as error:
        record, problem = None, str(error)
    return Release(version.number, None if commit == "none" else commit, version.tags["released"], record, problem)
