"""The shop with a trained record and no run around it: a second instead of ten."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mainline.config.schema import Settings
from mainline.monitoring.results import Health, to_json
from mainline.runtime.workspace import Workspace
from mainline.training import train
from mainline.training.fingerprint import fingerprint
from mainline.training.record import Record
from pipelines import monitoring
from tests.mainline.monitoring import logs
from tests.mainline.settings import params
from tests.projects import PARAMS, Project, visits

NOW = dt.datetime(2026, 3, 20, tzinfo=dt.UTC)


# Fitted in a moment, and calibrated where the visits are logistic, as they are.
LINEAR = (
    ("ensemble.HistGradientBoostingClassifier", "linear_model.LogisticRegression"),
    ("{max_iter: 30, early_stopping: false}", "{max_iter: 300}\n  categorical: onehot\n  numeric: standardize"),
)


@dataclass(frozen=True)
class Shop:
    project: Project
    settings: Settings
    workspace: Workspace
    record: Record

    def new(self, count: int = 2000, seed: int = 7) -> pd.DataFrame:
        """Visits of the two weeks after the training's, which its model has not seen."""
        rows = visits(4 * count, seed).tail(count).reset_index(drop=True)
        return rows.assign(at=rows["at"] + pd.Timedelta(days=14), visit=rows["visit"] + 1_000_000)

    def log(self, rows: pd.DataFrame) -> pd.DataFrame:
        return logs.predicted(self.settings, self.record, rows, rows["at"])

    def watch(self, folder: Path, log: pd.DataFrame, feedback: pd.DataFrame | None = None, **asked: Any) -> Health:
        """Write the log to `folder` and judge it."""
        logs.write(log, folder / "predictions" / "one.parquet")
        if feedback is not None:
            logs.write(feedback, folder / "feedback" / "one.parquet")
        return self.judge(folder, **asked)

    def judge(self, folder: Path, settings: Settings | None = None, **asked: Any) -> Health:
        asked = {"log": str(folder), "now": NOW, **asked}
        health = monitoring.watched(settings or self.settings, self.workspace, monitoring.Asked(**asked))
        written = json.loads(json.dumps(to_json(health), allow_nan=False))
        assert written["verdict"] == health.verdict.value
        assert written["passed"] == health.passed == (health.status == 0)
        assert health.passed or written["reasons"]
        assert set(written["window"]) == {"from", "to", "rows", "versions"}
        return health


def shop(root: Path, *changes: tuple[str, str], task: str = "binary") -> Shop:
    """A shop of any task: `bought`, its `size` (of three classes) or what was `spent`."""
    project = Project(root, with_git=False)
    settings = params(*LINEAR, *changes).settings
    rows = visits()
    frame = rows.assign(
        row_id=np.arange(len(rows), dtype=np.uint64) * 7919,
        day=rows["at"].dt.date,
        minutes=rows["minutes"].astype("float32"),
        pages=rows["pages"].astype("float32"),
        **outcomes(rows),
    )
    path = project.path("frame.parquet")
    frame.to_parquet(path, index=False, coerce_timestamps="us")
    workspace = Workspace.at(root)
    prints = replace(fingerprint(root, settings, {}), model="f" * 64, frame=task[0].encode().hex() * 32)
    record = train.train_model(settings, root, {}, prints, path).keep(workspace)
    return Shop(project, settings, workspace, record)


def outcomes(rows: pd.DataFrame, seed: int = 1) -> dict[str, Any]:
    """What else could be asked of a visit, each from the same causes."""
    random = np.random.default_rng(seed)
    effect = 0.08 * rows["minutes"] + 0.15 * rows["pages"] + random.normal(0, 0.5, len(rows))
    size = np.select([effect < 1.4, effect < 2.2], ["small", "middle"], "large")
    return {"size": size, "spent": effect * 100}


TASKS = {
    "multiclass": (
        ("task: binary", "task: multiclass"),
        ("label: bought", "label: size"),
        ("  metric: roc_auc\n  blocks", "  metric: accuracy\n  blocks"),
    ),
    "regression": (
        ("task: binary", "task: regression"),
        ("label: bought", "label: spent"),
        ("LogisticRegression", "Ridge"),
        ("  metric: roc_auc\n  blocks", "  metric: rmse\n  blocks"),
    ),
}
GATES = PARAMS[PARAMS.index("gates:\n") :]
NO_GATES = (GATES, "")
