"""The record of a logged model, in this checkout or in the registry."""

from __future__ import annotations

import json
import os

from mainline.errors import ExternalError
from mainline.monitoring.window import Window
from mainline.runtime.workspace import Workspace
from mainline.training.record import Record


def local(workspace: Workspace) -> dict[str, Record]:
    """The records here by every digest that a log can contain: of the pipeline, and of the models exported from it."""
    read = []
    for path in sorted(workspace.records.glob("*/record.json")):
        try:
            read.append(Record.read(path.parent))
        except ExternalError:
            continue  # a damaged record is skipped; if it is the one needed, it is reported as unknown
    known = {record.digest: record for record in read}
    for path in sorted(workspace.state.glob("*/**/serving.json")):
        exported = json.loads(path.read_text(encoding="utf-8"))
        if exported.get("pipeline_digest") in known:
            known[exported["digest"]] = known[exported["pipeline_digest"]]
    return known


def record_of(window: Window, workspace: Workspace, known: dict[str, Record]) -> Record | None:
    """The record of the window's model; None if it is neither in this checkout nor in the registry."""
    return known.get(window.digest) or by_version(window.version, window.digest, workspace, known)


def by_version(version: str, digest: str, workspace: Workspace, known: dict[str, Record]) -> Record | None:
    """Find an export made elsewhere by its version: the number in the registry, or the start of the fingerprint."""
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
