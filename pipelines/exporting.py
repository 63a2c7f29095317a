"""The export: this checkout's model, trained if need be, as the server takes it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mainline import card, export, judgement, record
from mainline.baseline import Baseline
from mainline.params import Params
from mainline.progress import Progress
from mainline.record import Record
from mainline.results import Validation
from mainline.workspace import Workspace
from pipelines import training

if TYPE_CHECKING:
    from mainline.serving.signature import Signature


def exported(
    params: Params, workspace: Workspace, progress: Progress, folder: Path, version: str | None = None
) -> Signature:
    """Export the model of the checkout's fingerprint to `folder`: a known record is not trained again."""
    job, trained = known(params, workspace, progress)
    version = version or export.default_version(trained)
    with progress.stage("card"):
        written = model_card(job, trained, version)
    with progress.stage("export") as detail:
        made = export.export(params.settings, trained, job.frame, folder, version, written)
        agreed = f"agrees on {made.agreement.rows:,} holdout rows to {made.agreement.largest:.1g}"
        detail.text = f"{made.file}, " + (f"the fitted pipeline as it is: {made.note}" if made.note else agreed)
    return made


def recorded(params: Params, workspace: Workspace, progress: Progress) -> tuple[Record, Path]:
    """The record of the checkout's fingerprint, trained if need be, and the frame that it was trained on."""
    job, trained = known(params, workspace, progress)
    return trained, job.frame


def known(params: Params, workspace: Workspace, progress: Progress) -> tuple[training.Job, Record]:
    job = training.begin(params, workspace, progress)
    trained = record.find(workspace.records, job.prints.model) or training.train(params, workspace, progress)
    training.prepare(job)
    return job, trained


def model_card(job: training.Job, trained: Record, version: str) -> str:
    """What was measured on the holdout, compared with nothing: that is the release's."""
    alone, passed = Baseline(None, None), Validation([])  # a record is only kept of data that passed
    found = judgement.judge(job.params, job.workspace, job.tables, job.frame, trained, alone, "none", passed)
    return card.of_export(job.params, found.review, trained, version, job.workspace.root)
