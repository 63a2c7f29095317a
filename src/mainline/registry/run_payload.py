"""What is logged to MLflow: the trained model, and the results of its review."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from mainline.config.loader import Params
from mainline.data.collect import to_json
from mainline.data.split import sides
from mainline.evaluation import changes
from mainline.evaluation.results import Review
from mainline.training.pipeline import features_of, read_rows
from mainline.training.record import Record, data_digest

PARAMETERS = ("task", "clock", "prepare", "split", "train")  # of the parts of a fingerprint


def training(params: Params, root: Path, record: Record, frame: Path) -> dict[str, Any]:
    """For the tracker: the trained model, with a few rows for its signature."""
    settings = params.settings
    facts = record.facts
    example = features_of(settings, read_rows(settings, frame, f"{sides(settings).holdout} LIMIT 20"))
    package = root / "src" / settings.train.estimator.split(".")[0]
    return {
        "fingerprint": record.fingerprint,
        "record": str(record.path),
        "task": settings.task,
        "params": changes.flatten({name: getattr(facts.parts, name) for name in PARAMETERS}),
        "tags": {
            "fingerprint": record.fingerprint,
            "model_digest": record.digest,
            "data_digest": data_digest(record),
            "commit": facts.made_by or "none",
            "clean": str(facts.clean).lower(),
            **({"trainer_image": facts.image} if facts.image else {}),
        },
        "tables": list(json.loads(to_json(facts.tables))["tables"].values()),
        "example": example.to_json(orient="split"),
        "types": {name: str(dtype) for name, dtype in example.dtypes.items()},
        "estimator": settings.train.estimator,
        "code": [str(package)] if package.is_dir() else [],
    }


def findings(review: Review, written: list[str]) -> dict[str, Any]:
    """For the tracker: the results of the review."""
    return {"review": json.loads(json.dumps(dataclasses.asdict(review), default=str)), "reports": written}
