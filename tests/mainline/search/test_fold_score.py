"""One fold of a trial: the review's metric on its rows, what the gates limit, and what cannot be measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.metrics import accuracy_score, mean_absolute_error, roc_auc_score

from mainline.config.schema import Settings
from mainline.errors import ConfigurationError, DataError
from mainline.search import fold_score, limits
from mainline.search.difference import difference
from mainline.search.folds import Folds, folds
from tests.mainline.search.spaces import params
from tests.mainline.search.test_folds import frame

pytestmark = pytest.mark.slow  # each fits models

# A linear model: trees with as many threads as cores wait for each other on a busy machine.
LINEAR = """\
search:
  params: {C: {low: 1.0e-6, high: 10.0, log: true}, solver: [lbfgs, none_such]}
  categorical: [ordinal, onehot]
  folds: 2
"""
MADE = (
    ("gates:\n", "stage: {p99_milliseconds: 100}\ngates:\n"),
    ("sklearn.ensemble.HistGradientBoostingClassifier", "sklearn.linear_model.LogisticRegression"),
    ("params: {max_iter: 30, early_stopping: false}", "params: {}"),
    ("threads: 1", "threads: 1\n  numeric: standardize"),
)
TASKS: dict[str, tuple[tuple[str, str], ...]] = {
    "binary": (),
    "multiclass": (("task: binary", "task: multiclass"), ("metric: roc_auc\n  blocks", "metric: accuracy\n  blocks")),
    "regression": (
        ("task: binary", "task: regression"),
        ("metric: roc_auc\n  blocks", "metric: mae\n  blocks"),
        ("LogisticRegression", "Ridge"),
        ("label: bought", "label: pages"),
        ("numeric: [minutes, pages]", "numeric: [minutes]"),
    ),
}


def settings(*changes: tuple[str, str]) -> Settings:
    return params(LINEAR, *MADE, *changes).settings


def scored(now: Settings, folder: Path, values: dict[str, Any] | None = None, trial: int = 0) -> list[dict[str, Any]]:
    """The answers about both folds; without values, of today's settings."""
    path = folder / "frame.parquet"
    path = path if path.exists() else frame(folder, 2400)
    text = now.model_dump_json()
    return [
        fold_score.score(text, str(path), trial, values or {}, values is None, fold, str(folder)) for fold in (0, 1)
    ]


@pytest.mark.parametrize("task", TASKS)
def test_the_value_is_the_reviews_metric_of_a_model_of_earlier_rows(task: str, tmp_path: Path) -> None:
    now = settings(*TASKS[task])
    answers = scored(now, tmp_path)
    made = folds(now, tmp_path / "frame.parquet", 2)
    for fold, answer in enumerate(answers):
        y, score = labels(made, fold, now.prepare.label), np.load(fold_score.scores_file(tmp_path, 0, fold))
        expected = {
            "binary": lambda y=y, score=score: roc_auc_score(y, score),
            "multiclass": lambda y=y, score=score: accuracy_score(y, score.argmax(axis=1)),
            "regression": lambda y=y, score=score: mean_absolute_error(y, score),
        }[task]()
        assert answer["value"] == pytest.approx(expected, rel=1e-6)


def labels(made: Folds, fold: int, label: str) -> Any:
    return made.parts(fold)[1][label].to_numpy().astype(float)


def test_what_the_gates_limit_is_measured_on_the_last_fold(tmp_path: Path) -> None:
    now = settings()
    first, last = scored(now, tmp_path)
    assert first["limits"] == {}
    assert set(last["limits"]) == {"gates.train_seconds", "gates.model_megabytes", "stage.p99_milliseconds"}
    assert all(0 < value < 1000 for value in last["limits"].values())
    assert [limit.most for limit in limits.limits(now)] == [60, 5, 100]
    wide = scored(now, tmp_path, {"categorical": '"onehot"'}, 1)[1]["limits"]
    assert wide["gates.model_megabytes"] != last["limits"]["gates.model_megabytes"], "of the trial's own model"


def test_a_pipeline_that_has_no_graph_is_timed_as_it_is_served(tmp_path: Path) -> None:
    now = settings(("sklearn.linear_model.LogisticRegression", f"{__name__}.Own"))
    assert scored(now, tmp_path)[1]["limits"]["stage.p99_milliseconds"] > 0.2, "the pipeline itself takes longer"


class Own(BaseEstimator):
    """An estimator that no converter knows: the share of the positive labels, for every row."""

    def fit(self, X: Any, y: Any) -> Own:
        self.classes_, self.share = np.unique(y), float(np.mean(y))
        return self

    def predict_proba(self, X: Any) -> Any:
        return np.tile([1 - self.share, self.share], (len(X), 1))

    def predict(self, X: Any) -> Any:
        return np.zeros(len(X))


def test_values_that_the_estimator_refuses_are_its_own_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="does not fit"):
        scored(settings(), tmp_path, {"params.solver": '"none_such"'})


def test_a_fold_without_a_class_has_no_value(tmp_path: Path) -> None:
    rows = pd.read_parquet(frame(tmp_path, 2400))
    rows.loc[rows["at"] >= rows["at"].max() - pd.Timedelta(weeks=4), "bought"] = False
    rows.to_parquet(tmp_path / "frame.parquet", index=False)
    with pytest.raises(DataError, match="roc_auc has no value on fold 2"):
        scored(settings(), tmp_path)


def test_a_model_is_no_better_than_itself_and_better_than_a_worse_one(tmp_path: Path) -> None:
    now = settings(("metric: roc_auc\n  blocks", "metric: brier\n  blocks"))  # of which less is better
    scored(now, tmp_path)
    scored(now, tmp_path, {"params.C": 1e-6}, 1)
    made = folds(now, tmp_path / "frame.parquet", 2)
    same = difference(now, made, tmp_path, 0, 0)
    assert (same.value, same.low, same.high) == (0, 0, 0)
    lead, behind = difference(now, made, tmp_path, 0, 1), difference(now, made, tmp_path, 1, 0)
    assert lead.low is not None and behind.high is not None
    assert 0 < lead.low < lead.value
    assert behind.value == pytest.approx(-lead.value)
