"""A session at the registry and the audit log: opened alone, closed when the work is done."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mainline.errors import ConfigurationError
from mainline.runtime.workspace import Workspace

if TYPE_CHECKING:
    from mainline.registry.audit_log import AuditLog
    from mainline.registry.models import Registry
    from mainline.release.promotion import ReleaseSession


def first_entry(store: Path) -> None:
    """What the first state of all holds: a store, and a log that says who began it."""
    _, log = open_registry_and_log(store)
    log.write("begun", current_user(), {})


def check_alone(registry: Registry) -> None:
    """Aliases that move while the image stays would say what is not so: that is for somebody to ask for."""
    from mainline.release import promotion

    where = promotion.deployed_to(registry)
    if where:
        raise ConfigurationError(
            f"production is deployed to {where}: TARGET={where} deploys this model there, "
            "TARGET=none moves only the aliases"
        )


def in_release_session(target: str | None, work: Callable[[Workspace, Path, ReleaseSession], int]) -> int:
    """Do this with the registry and the audit log open, alone; where the state is a registry's, on top of that.

    Without a target it is the one that production is at.
    """
    from mainline.registry import shared_state
    from mainline.release import promotion
    from mainline.release.promotion import ReleaseSession
    from mainline.release.targets import select

    workspace = Workspace.at(Path.cwd())
    given = select.target(target or "none")
    with workspace.locked():
        remote = shared_state.shared(workspace)

        def work_in_store(store: Path) -> int:
            registry, log = open_registry_and_log(store)
            called = target or promotion.deployed_to(registry) or "none"
            where = given if target else select.target(called)
            known = called if where else None
            if remote:
                return work(
                    workspace,
                    store,
                    ReleaseSession(registry, log, where, current_user(), save=remote.push, called=known),
                )
            # The lock is this machine's: a team's server may have others at work.
            place = f"{socket.gethostname()}:{workspace.root}" if os.environ.get("MLFLOW_TRACKING_URI") else None
            return work(
                workspace, store, ReleaseSession(registry, log, where, current_user(), place=place, called=known)
            )

        return shared_state.on_top(remote, work_in_store) if remote else work_in_store(workspace.state)


def open_registry_and_log(store: Path) -> tuple[Registry, AuditLog]:
    """The registry, and the audit log that belongs to it: a file beside an embedded store, a run on a server."""
    from mainline.registry import audit_log as audit
    from mainline.registry.audit_log_mlflow import RunEntryStore
    from mainline.registry.models import open_registry

    registry = open_registry(store)
    server = os.environ.get("MLFLOW_TRACKING_URI")
    entries: audit.EntryStore = (
        RunEntryStore(registry.client, registry.name) if server else audit.FileEntryStore(store / "audit.jsonl")
    )
    return registry, audit.AuditLog(entries, registry)


def current_user() -> str:
    """Who is at work: in GitHub Actions the one who started this run of the workflow, or started it again."""
    return os.environ.get("GITHUB_TRIGGERING_ACTOR") or os.environ.get("GITHUB_ACTOR") or getpass.getuser()
