from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.inspection import permutation_importance
from sklearn.metrics import roc_auc_score

from mainline.config.schema import Settings
from mainline.evaluation import importance
from mainline.runtime.workspace import Workspace
from mainline.training import pipeline, record
from mainline.training.frame_cache import FrameCache
from mainline.training.record import Record
from mainline.training.train import TrainedModel
from tests.mainline.facts import PARTS, facts
from tests.mainline.settings import params
from tests.projects import visits

SETTINGS = params(
    ("numeric: [minutes, pages]", "numeric: [minutes, pages, noise]"), ("importance_rows: 200", "importance_rows: 5000")
).settings
UNCACHED = FrameCache(None, "", SETTINGS)


@pytest.fixture(scope="module")
def frame(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("frame") / "frame.parquet"
    rows = visits()
    rows["noise"] = np.random.default_rng(3).uniform(size=len(rows)).astype(np.float32)
    rows["row_id"] = rows["visit"].astype(np.uint64)
    rows.to_parquet(path, index=False, coerce_timestamps="us")
    return path


def kept(settings: Settings, frame: Path, folder: Path) -> Record:
    fitted = pipeline.fit(settings, frame)
    return record.keep(folder, facts(classes=fitted.classes, digest=fitted.digest), fitted.pickled, {}, {})


@pytest.fixture(scope="module")
def trained(frame: Path, tmp_path_factory: pytest.TempPathFactory) -> Record:
    return kept(SETTINGS, frame, tmp_path_factory.mktemp("records"))


@pytest.mark.slow
def test_what_decides_comes_first_and_noise_moves_nothing(trained: Record, frame: Path, tmp_path: Path) -> None:
    found = importance.measure(UNCACHED, trained, frame)
    assert found[0].feature == "minutes"
    assert {value.feature for value in found} == {"minutes", "pages", "shop", "noise"}
    by = {value.feature: value for value in found}
    assert by["minutes"].low > 0.05
    assert abs(by["noise"].value) < 0.02
    for value in found:
        assert value.low <= value.value <= value.high
    assert importance.measure(UNCACHED, trained, frame) == found, "seeded"
    for _ in range(2):  # what the features reach alone is kept for the next model
        assert importance.measure(FrameCache(tmp_path, "", SETTINGS), trained, frame) == found
        assert [file.name.partition("-")[0] for file in tmp_path.iterdir()] == ["alone"]


def test_the_rows_are_read_once_of_a_frame_as_it_was_written(frame: Path, tmp_path: Path) -> None:
    copy = tmp_path / "frame.parquet"
    copy.write_bytes(frame.read_bytes())
    first = importance.sampled(SETTINGS, copy)
    assert importance.sampled(SETTINGS.model_copy(), copy) is first
    pd.read_parquet(copy).head(4000).to_parquet(copy, index=False, coerce_timestamps="us")
    assert len(importance.sampled(SETTINGS, copy)) < len(first)


@pytest.mark.slow
def test_a_fall_is_the_metrics_own_on_shuffled_rows(trained: Record, frame: Path) -> None:
    rows = pd.read_parquet(frame)
    rows = rows[rows["at"] >= pd.Timestamp("2026-02-16", tz="UTC")].reset_index(drop=True)
    model = trained.model()
    own = roc_auc_score(rows["bought"], pipeline.predict(SETTINGS, model, rows))
    falls = []
    for seed in range(20):
        shuffled = rows.assign(minutes=np.random.default_rng(seed).permutation(rows["minutes"]))
        falls.append(own - roc_auc_score(rows["bought"], pipeline.predict(SETTINGS, model, shuffled)))
    found = importance.measure(UNCACHED, trained, frame)[0]
    assert min(falls) - 0.02 < found.value < max(falls) + 0.02


@pytest.mark.slow
def test_a_loss_rises_where_a_column_matters_and_importance_is_still_positive(frame: Path, tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"compare": SETTINGS.compare.model_copy(update={"metric": "log_loss"})})
    assert importance.measure(FrameCache(None, "", settings), kept(settings, frame, tmp_path), frame)[0].value > 0


@pytest.mark.slow
def test_one_outcome_in_the_sample_has_no_importance(trained: Record, frame: Path, tmp_path: Path) -> None:
    rows = pd.read_parquet(frame)
    rows.loc[rows["at"] >= pd.Timestamp("2026-02-16", tz="UTC"), "bought"] = True
    rows.to_parquet(tmp_path / "frame.parquet", index=False, coerce_timestamps="us")
    assert importance.measure(UNCACHED, trained, tmp_path / "frame.parquet") == []


@pytest.mark.slow
def test_scores_of_all_shuffles_at_once_are_those_of_scikit_learn_one_by_one(
    trained: Record, frame: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = pipeline.read_rows(SETTINGS, frame, "true").head(700)
    y, _ = pipeline.encode(SETTINGS.task, rows["bought"], known=trained.facts.classes)
    features, model = pipeline.features_of(SETTINGS, rows), trained.model()

    def scoring(model: object, asked: pd.DataFrame, y: np.ndarray) -> float:
        return importance.score(SETTINGS, pipeline.answers_of(SETTINGS.task, model, asked), y)  # type: ignore[arg-type]

    one_by_one = permutation_importance(model, features, y, scoring=scoring, n_repeats=3, random_state=0)
    falls = scoring(model, features, y) - importance.shuffled_scores(SETTINGS, model, features, y)
    np.testing.assert_array_equal(falls, one_by_one["importances"])
    monkeypatch.setattr(importance, "TOGETHER", 1500)  # two shuffles at a time
    np.testing.assert_array_equal(
        scoring(model, features, y) - importance.shuffled_scores(SETTINGS, model, features, y), falls
    )


@pytest.mark.slow
def test_what_is_measured_before_the_validation_is_kept_once_the_model_is_recorded(
    trained: Record, frame: Path, tmp_path: Path
) -> None:
    workspace = Workspace.at(tmp_path)
    parts = dataclasses.replace(PARTS, prepare={"features": SETTINGS.prepare.features.model_dump()})
    known = dataclasses.replace(trained.facts, parts=parts)
    waiting = TrainedModel(known, trained.model_bytes(), {}, trained.profile)
    early = importance.Early(SETTINGS, workspace, frame)
    early.store(trained)
    early.measure(waiting)
    assert importance.kept(SETTINGS, workspace, trained) is None
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    early.store(trained)
    found = importance.measure(UNCACHED, trained, frame)
    assert importance.kept(SETTINGS, workspace, trained) == {each.feature: each.value for each in found}
