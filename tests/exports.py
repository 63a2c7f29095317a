"""Small models, trained and exported in a second each: purchases (binary), shops (three classes), minutes (a value)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mainline.config import loader
from mainline.config.schema import Settings
from mainline.data.split import sides
from mainline.packaging import agreement, export
from mainline.runtime.workspace import Workspace
from mainline.serving.signature import Signature
from mainline.training import pipeline, train
from mainline.training.fingerprint import fingerprint
from mainline.training.record import Record

# A network adds in 32 bits, in an order that differs by processor: half of what the export's own check allows.
NETWORK_AGREES = agreement.TOLERANCE / 2

PARAMS = """\
task: {task}
data:
  until: 2026-03-02
  sources:
    visits: {{path: data/visits.parquet}}
prepare:
  function: shop.frame:prepare
  key: [visit]
  label: {label}
  features:
    numeric: {numeric}
    categorical: {categorical}
split: {{by: hash, holdout: 0.3}}
train:
  estimator: {estimator}
  params: {estimator_params}
  categorical: {encoding}
  numeric: {scaling}
evaluate: {{threshold: 0.4}}
compare: {{metric: {metric}}}
"""

TASKS = {
    "binary": ("bought", "roc_auc", "sklearn.ensemble.HistGradientBoostingClassifier"),
    "multiclass": ("size", "log_loss", "sklearn.ensemble.HistGradientBoostingClassifier"),
    "regression": ("spent", "rmse", "sklearn.ensemble.HistGradientBoostingRegressor"),
}
TREES = "{max_iter: 20, early_stopping: false}"


@dataclass(frozen=True)
class Export:
    folder: Path
    settings: Settings
    record: Record
    frame: Path
    signature: Signature

    @property
    def holdout(self) -> pd.DataFrame:
        """The holdout's rows, in the order of the record's scores."""
        return pipeline.read_rows(self.settings, self.frame, sides(self.settings).holdout)

    @property
    def scores(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        return self.record.holdout.score


def rows(count: int = 3000, seed: int = 0) -> pd.DataFrame:
    """Visits with what may be missing missing, and a shop whose name is the text "nan"."""
    random = np.random.default_rng(seed)
    shop = random.choice(["north", "south", "nan", 'ünter, "den" Linden'], count).astype(object)
    minutes = random.gamma(2.0, 6.0, count).astype(np.float32)
    pages = random.poisson(5, count).astype(np.float32)
    effect = 0.08 * minutes + 0.15 * pages + np.where(shop == "nan", 2.0, 0.0) - 2.5
    bought = random.uniform(size=count) < 1 / (1 + np.exp(-effect))
    device = random.choice(["phone", "desk"], count).astype(object)
    device[random.uniform(size=count) < 0.1] = None
    minutes[random.uniform(size=count) < 0.1] = np.nan
    return pd.DataFrame(
        {
            "row_id": random.permutation(np.linspace(0, 2**64 - 2**12, count).astype(np.uint64)),
            "visit": np.arange(count),
            "shop": shop,
            "device": device,
            "minutes": minutes,
            "pages": pages,
            "bought": bought,
            "size": np.select([effect < -1, effect < 0], ["small", "middle"], "large"),
            "spent": (effect + random.normal(0, 0.3, count)) * 1000,
        }
    )


def make(
    folder: Path,
    task: str = "binary",
    estimator: str | None = None,
    estimator_params: str = TREES,
    encoding: str = "ordinal",
    scaling: str = "passthrough",
    numeric: str = "[minutes, pages]",
    categorical: str = "[shop, device]",
    version: str | None = None,
) -> Export:
    """Train on made-up visits and export to `folder / "model"`."""
    label, metric, usual = TASKS[task]
    settings = loader.parse(
        PARAMS.format(
            task=task,
            label=label,
            metric=metric,
            estimator=estimator or usual,
            estimator_params=estimator_params,
            encoding=encoding,
            scaling=scaling,
            numeric=numeric,
            categorical=categorical,
        )
    ).settings
    frame = folder / "frame.parquet"
    folder.mkdir(parents=True, exist_ok=True)
    rows().to_parquet(frame)
    prints = replace(fingerprint(folder, settings, {}), model="f" * 64, frame="e" * 64)
    made = train.train_model(settings, folder, {}, prints, frame).keep(Workspace.at(folder))
    signature = export.export(settings, made, frame, folder / "model", version)
    return Export(folder / "model", settings, made, frame, signature)
