"""What a run leaves behind: the reports, `verdict.json`, and what MLflow is told."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from mainline import changes
from mainline.atomic import write_text
from mainline.judgement import Judged, data_digest
from mainline.params import Params
from mainline.progress import Progress
from mainline.record import Record
from mainline.results import Review, verdict
from mainline.rows import sides
from mainline.training import features_of, read_rows
from mainline.workspace import Workspace


def reports(found: Judged, workspace: Workspace, progress: Progress) -> list[str]:
    """Write the three reports, each whole or not at all; `verdict.json` last."""
    from mainline.report import html, markdown
    from mainline.report.curves import Curves

    review = dataclasses.replace(found.review, seconds=dict(progress.seconds))
    rows = found.rows
    folder = workspace.reports
    write_text(folder / "report.md", markdown.render(review))
    curves = Curves(y=rows.y, candidate=rows.candidate, baseline=rows.baseline, classes=tuple(map(str, rows.classes)))
    write_text(folder / "report.html", html.render(review, curves))
    write_text(folder / "verdict.json", json.dumps(verdict(review), indent=2, allow_nan=False) + "\n")
    return [str(folder / name) for name in ("report.md", "report.html", "verdict.json")]


def training(params: Params, root: Path, record: Record, frame: Path) -> dict[str, Any]:
    """For the tracker: what was trained, with a few rows that show its signature."""
    settings = params.settings
    parts, facts = record.facts["parts"], record.facts
    example = features_of(settings, read_rows(settings, frame, f"{sides(settings).holdout} LIMIT 20"))
    package = root / "src" / settings.train.estimator.split(".")[0]
    return {
        "fingerprint": record.fingerprint,
        "record": str(record.path),
        "task": settings.task,
        "params": changes.flatten({name: parts[name] for name in ("task", "clock", "prepare", "split", "train")}),
        "tags": {
            "fingerprint": record.fingerprint,
            "model_digest": record.digest,
            "data_digest": data_digest(record),
            "commit": facts["commit"] or "none",
            "clean": str(facts["clean"]).lower(),
        },
        "tables": [{"name": name, **table} for name, table in facts["tables"]["tables"].items()],
        "example": example.to_json(orient="split"),
        "types": {name: str(dtype) for name, dtype in example.dtypes.items()},
        "estimator": settings.train.estimator,
        "code": [str(package)] if package.is_dir() else [],
    }


def findings(review: Review, written: list[str]) -> dict[str, Any]:
    """For the tracker: what the review found."""
    return {"review": json.loads(json.dumps(dataclasses.asdict(review), default=str)), "reports": written}
