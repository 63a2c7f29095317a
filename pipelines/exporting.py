"""The export: this checkout's model, trained if need be, as the server takes it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mainline.config.loader import Params
from mainline.packaging import export
from mainline.report import export_card
from mainline.runtime.progress import Progress
from mainline.runtime.workspace import Workspace
from mainline.training import record
from mainline.training.record import Record
from pipelines import training

if TYPE_CHECKING:
    from mainline.serving.signature import Signature


def exported(
    params: Params, workspace: Workspace, progress: Progress, folder: Path, version: str | None = None
) -> Signature:
    """Export the model of the checkout's fingerprint to `folder`: a known record is not trained again."""
    trained, frame = recorded(params, workspace, progress)
    version = version or export.default_version(trained)
    with progress.stage("card"):
        card = export_card.of_record(params.settings, trained, frame, version, workspace.root)
    with progress.stage("export") as detail:
        made = export.export(params.settings, trained, frame, folder, version, card)
        agreed = f"agrees on {made.agreement.rows:,} holdout rows to {made.agreement.largest:.1g}"
        detail.text = f"{made.file}, " + (f"the fitted pipeline as it is: {made.note}" if made.note else agreed)
    return made


def recorded(params: Params, workspace: Workspace, progress: Progress) -> tuple[Record, Path]:
    """The record of the checkout's fingerprint, trained if need be, and the frame that it was trained on."""
    job = training.begin(params, workspace, progress)
    trained = record.find(workspace.records, job.prints.model) or training.train(params, workspace, progress)
    training.prepare(job)
    return trained, job.frame
