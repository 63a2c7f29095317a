"""Measure the non-inferiority margins: how far equal models of this project differ on its own rows."""

from __future__ import annotations

import json
from dataclasses import asdict

from mainline.config import edit
from mainline.config.loader import Params
from mainline.evaluation import equal_models
from mainline.evaluation.equal_models import Margin
from mainline.runtime.atomic_files import write_text
from mainline.runtime.progress import Progress
from mainline.runtime.workspace import Workspace
from pipelines import training


def margins(params: Params, workspace: Workspace, progress: Progress, *, models: int, windows: int) -> list[Margin]:
    """The measured margin of each metric in `gates.margins`, or of `compare.metric`; leaves `margins.json`."""
    job = training.begin(params, workspace, progress)
    settings = job.params.settings
    training.prepare(job)
    names = list(settings.gates.margins) or [settings.compare.metric]
    with progress.stage("equal models") as detail:
        found = equal_models.measure(settings, job.frame, names, models=models, windows=windows)
        detail.text = f"{models} on each holdout"
    content = {"models": models, "windows": windows, "margins": [asdict(one) for one in found]}
    write_text(workspace.reports / "margins.json", json.dumps(content, indent=2, sort_keys=True) + "\n")
    return found


def write(params: Params, workspace: Workspace, found: list[Margin]) -> list[str]:
    """Set the margins in `params.yaml`, with what was measured as their comment; the names that it does not hold."""
    text, missing = (workspace.root / params.file).read_text(encoding="utf-8"), []
    for one in found:
        changed = edit.with_value(text, ("gates", "margins", one.metric), f"{one.margin:g}", str(one))
        if changed is None:
            missing.append(one.metric)
        else:
            text = changed
    write_text(workspace.root / params.file, text)
    return missing
