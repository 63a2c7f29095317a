"""The export: this checkout's model, trained if need be, as the server takes it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mainline.config.loader import Params
from mainline.errors import ConfigurationError
from mainline.evaluation import formatting
from mainline.packaging import edge, edge_report, export
from mainline.report import export_card
from mainline.runtime.progress import Progress
from mainline.runtime.workspace import Workspace
from mainline.training.record import Record
from pipelines import training

if TYPE_CHECKING:
    from mainline.serving.signature import Signature


def exported(
    params: Params, workspace: Workspace, progress: Progress, folder: Path, version: str | None = None
) -> Signature:
    """Export the model of the checkout's fingerprint to `folder`: a known record is not trained again."""
    trained, frame = recorded(params, workspace, progress)
    settings = trained.settings(params.settings)
    version = version or export.default_version(trained)
    with progress.stage("card"):
        card = export_card.of_record(settings, trained, frame, version, workspace.root)
    with progress.stage("export") as detail:
        made = export.export(settings, trained, frame, folder, version, card)
        agreed = f"agrees on {made.agreement.rows:,} holdout rows to {made.agreement.largest:.1g}"
        detail.text = f"{made.file}, " + (f"the fitted pipeline as it is: {made.note}" if made.note else agreed)
    return made


def exported_for_edge(
    params: Params, workspace: Workspace, progress: Progress, folder: Path, version: str | None = None
) -> Path:
    """Export the model of the checkout's fingerprint for small devices to `folder`; returns the report's path."""
    trained, frame = recorded(params, workspace, progress)
    settings = trained.settings(params.settings)
    with progress.stage("export") as detail:
        made = edge.export_for_edge(settings, trained, frame, folder, version)
        detail.text = (
            f"{made.chosen.name}, {formatting.size(made.ort_bytes)}, differs by up to {made.chosen.largest:.1g}"
        )
    return edge_report.write(made, workspace.reports)


def current(params: Params, workspace: Workspace, progress: Progress) -> Path:
    """The folder of the export of this checkout's fingerprint: the last one where it is, otherwise a new one.

    The threshold decides about classes and is in no fingerprint.
    """
    job = training.begin(params, workspace, progress)
    found = last_export(workspace.model)
    threshold = params.settings.evaluate.threshold if params.settings.task == "binary" else None
    if found is None or (found.fingerprint, found.threshold) != (job.prints.model, threshold):
        exported(params, workspace, progress, workspace.model)
    return workspace.model


def last_export(folder: Path) -> Signature | None:
    """What the export in a folder says of itself; None where there is none that can be read."""
    from mainline.serving.signature import read

    try:
        return read(folder)
    except ConfigurationError:
        return None


def recorded(params: Params, workspace: Workspace, progress: Progress) -> tuple[Record, Path]:
    """The record of the checkout's fingerprint, trained if need be, and the frame that it was trained on."""
    job = training.begin(params, workspace, progress)
    trained = training.known_record(job) or training.train(params, workspace, progress)
    training.prepare(job)
    return trained, job.frame
