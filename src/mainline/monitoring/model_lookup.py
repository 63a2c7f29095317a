"""Which record a logged model is: one of this checkout, or one that the registry keeps."""

from __future__ import annotations

import json
import os

from mainline.errors import ExternalError
from mainline.monitoring.window import Window
from mainline.runtime.workspace import Workspace
from mainline.training.record import Record


def local(workspace: Workspace) -> dict[str, Record]:
    """By every digest that a log may name: the recorded pipeline's, and those of the models exported from it."""
    read = []
    for path in sorted(workspace.records.glob("*/record.json")):
        try:
            read.append(Record.read(path.parent))
        except ExternalError:
            continue  # a damaged one is not the one that is looked for, or it is missed by name below
    known = {record.digest: record for record in read}
    for path in sorted(workspace.state.glob("*/**/serving.json")):
        exported = json.loads(path.read_text(encoding="utf-8"))
        if exported.get("pipeline_digest") in known:
            known[exported["digest"]] = known[exported["pipeline_digest"]]
    return known


def record_of(window: Window, workspace: Workspace, known: dict[str, Record]) -> Record | None:
    """The record of the window's model; None where neither this checkout nor the registry knows it."""
    return known.get(window.digest) or by_version(window.version, window.digest, workspace, known)


def by_version(version: str, digest: str, workspace: Workspace, known: dict[str, Record]) -> Record | None:
    """An export made elsewhere is known by its version: the registry's number, or the start of the fingerprint."""
    if not version:
        return None
    for record in known.values():
        if len(version) >= 12 and record.fingerprint.startswith(version):
            return record
    if not os.environ.get("MLFLOW_TRACKING_URI") and not (workspace.state / "mlflow.db").exists():
        return None
    from mainline.registry.models import open_registry

    registry = open_registry(workspace.state)
    for registered in registry.versions():
        fingerprint = registered.tags.get("fingerprint", "")
        named = version == str(registered.number) or (len(version) >= 12 and fingerprint.startswith(version))
        if named or registered.model_digest == digest:
            return registry.record_of(registered, workspace.records)
    return None
