"""A release session: the registry and the audit log, open for one process at a time."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from mainline.errors import ConfigurationError
from mainline.runtime.workspace import Workspace

if TYPE_CHECKING:
    from mainline.registry.audit_log import AuditLog
    from mainline.registry.models import Registry
    from mainline.release.promotion import ReleaseSession


def first_entry(store: Path, last: int = 0, details: Mapping[str, str] = MappingProxyType({})) -> None:
    """Fill the first state: a store whose versions follow the number `last`, and an audit log that names the user."""
    from mainline.registry.models import count_from

    registry, log = open_registry_and_log(store)
    if last:
        count_from(store, registry, last)
    log.write("begun", current_user(), details)


def check_alone(registry: Registry) -> None:
    """Refuse to move the aliases without a deployment, unless TARGET=none requests it: they would be wrong."""
    from mainline.release import promotion

    where = promotion.deployed_to(registry)
    if where:
        raise ConfigurationError(
            f"production is deployed to {where}: TARGET={where} deploys this model there, "
            "TARGET=none moves only the aliases"
        )


def in_release_session(
    target: str | None, work: Callable[[Workspace, Path, ReleaseSession], int], reads_only: bool = False
) -> int:
    """Run `work` with the registry and the audit log locked; a state in an OCI registry is pulled before it.

    Without a target, it is the one that production is deployed to. With `reads_only` a state in an OCI registry stays
    as it is: what `work` writes stays in the copy, which is that of `begun` where there is no state yet.
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
                save: Callable[[], object] = (lambda: None) if reads_only else remote.push
                return work(
                    workspace, store, ReleaseSession(registry, log, where, current_user(), save=save, called=known)
                )
            # The lock is local: on a team's server other machines may release at the same time.
            place = f"{socket.gethostname()}:{workspace.root}" if os.environ.get("MLFLOW_TRACKING_URI") else None
            return work(
                workspace, store, ReleaseSession(registry, log, where, current_user(), place=place, called=known)
            )

        if remote and reads_only and begun(workspace).exists():
            return work_in_store(begun(workspace))
        return shared_state.on_top(remote, work_in_store) if remote else work_in_store(workspace.state)


def begun(workspace: Workspace) -> Path:
    """The store of a first release that may not write the state yet: `mainline ci begin --here` makes it."""
    return workspace.state / "begun"


def open_registry_and_log(store: Path) -> tuple[Registry, AuditLog]:
    """The registry, and its audit log: a file next to an embedded store, or a run on a server."""
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
    """The current user: in GitHub Actions, the user who started or restarted this run of the workflow."""
    return os.environ.get("GITHUB_TRIGGERING_ACTOR") or os.environ.get("GITHUB_ACTOR") or getpass.getuser()
