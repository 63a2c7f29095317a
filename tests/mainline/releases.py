"""What the tests of registry, release and audit are set up with: a store with runs that hold small models."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import mlflow

# Loaded once, for every process that is forked here.
import mlflow.store.model_registry.sqlalchemy_store
import mlflow.store.tracking.sqlalchemy_store
from mlflow.store.db import utils

from mainline.registry import runs as tracking
from mainline.registry.audit_log import AuditLog, FileEntryStore
from mainline.registry.models import Version, open_registry
from mainline.release.promotion import ReleaseSession
from tests.folders import Folder

forking = multiprocessing.get_context("fork")

# Here and in every fork, the newest schema is known, which MLflow finds by reading its migrations as it opens a store.
utils._get_latest_schema_revision = functools.cache(utils._get_latest_schema_revision)
utils._get_latest_schema_revision()


def image(name: str) -> str:
    return f"sha256:{hashlib.sha256(name.encode()).hexdigest()}"


def tags(name: str) -> dict[str, str]:
    return {"model_digest": hashlib.sha256(f"model {name}".encode()).hexdigest(), "verdict": "no_worse", "commit": name}


class Echo(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    def predict(self, model_input: list[str]) -> list[str]:
        return model_input


def make_store(folder: Path, runs: int) -> list[str]:
    """Run ids, the oldest first. In a process of its own: the store's engine must not be open when others fork."""
    with forking.Pool(1) as pool:
        return pool.apply(_make_store, (folder, runs))


def _make_store(folder: Path, runs: int) -> list[str]:
    registry = open_registry(folder)
    _, artifacts = tracking.store(folder)
    experiment = registry.client.create_experiment(tracking.EXPERIMENT, artifacts)
    made = []
    for number in range(runs):
        with mlflow.start_run(experiment_id=experiment) as run:
            mlflow.pyfunc.log_model(name="model", python_model=Echo(), pip_requirements=["mlflow"])
            mlflow.set_tag("number", number)
        made.append(str(run.info.run_id))
    return made


def session(folder: Path, target: Folder | None, who: str = "a tester") -> ReleaseSession:
    registry = open_registry(folder)
    return ReleaseSession(registry, AuditLog(FileEntryStore(folder / "audit.jsonl"), registry), target, who)


def register(at: ReleaseSession, run: str, name: str) -> Version:
    return at.registry.register(run, tags(name))


def apart(work: Callable[..., Any], *given: Any) -> BaseProcess:
    """Begin work in a process of its own, which has all that was imported here."""
    process = forking.Process(target=work, args=given)
    process.start()
    return process


def kill(process: BaseProcess) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid or 0, signal.SIGKILL)
    process.join()


def agreement(folder: Path, target: Folder) -> tuple[int | None, int | None]:
    """Champion and previous, after holding registry, aliases, target and audit log against each other."""
    at = session(folder, target)
    champion, previous = at.registry.champion(), at.registry.previous()
    assert target.deployed() == (champion.image if champion else None)
    assert not at.registry.note("release.intent")
    entries = at.log.entries()
    moves = [each for each in entries if each.event in ("promoted", "rolled back")]
    assert (moves[-1].details["version"] if moves else None) == (champion.number if champion else None)
    assert len({each.details["release"] for each in moves}) == len(moves), "each release is written down once"
    return champion.number if champion else None, previous.number if previous else None


def copied(store: Path, folder: Path) -> Path:
    """A store elsewhere: its artifacts stay with the first, where their addresses are."""
    shutil.copytree(store, folder, ignore=shutil.ignore_patterns("artifacts"))
    return folder
