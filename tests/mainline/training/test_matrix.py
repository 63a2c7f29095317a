"""Fitting, scoring and profiling by parts: the same model, scores and counts as with all rows in memory."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mainline.config.schema import Settings
from mainline.errors import ConfigurationError, DataError, ExternalError
from mainline.training import feature_profile, matrix, parts, pipeline, sample
from mainline.training.reference_profile import described
from tests.mainline.settings import params
from tests.projects import visits

ESTIMATOR = "estimator: sklearn.ensemble.HistGradientBoostingClassifier"
PARAMS = "params: {max_iter: 30, early_stopping: false}"
FEW = (PARAMS, "params: {max_iter: 5, early_stopping: false}")
TREES = params(FEW).settings
ONEHOT = params((PARAMS, "params: {max_iter: 5, early_stopping: false}\n  categorical: onehot\n  rows: 2000")).settings
LINEAR = params((ESTIMATOR, "estimator: sklearn.linear_model.LogisticRegression"), (PARAMS, "params: {}")).settings


@pytest.fixture
def frame(tmp_path: Path) -> Path:
    rows = visits().assign(row_id=lambda rows: rows["visit"].astype(np.uint64))
    rows["minutes"], rows["pages"] = rows["minutes"].astype("float32"), rows["pages"].astype("float32")
    rows.loc[::7, "minutes"], rows.loc[::11, "shop"] = np.nan, None
    path = tmp_path / "frame.parquet"
    rows.to_parquet(path, index=False, coerce_timestamps="us")
    return path


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of two thousand rows, which is DuckDB's smallest, and every frame too large."""
    monkeypatch.setattr(parts, "LOADED", 1)
    monkeypatch.setattr(matrix, "LOADED", 1)
    monkeypatch.setattr(feature_profile, "LOADED", 1)
    monkeypatch.setattr(feature_profile, "STEP", 100)


def fitted(settings: Settings, frame: Path, storage: str) -> list[tuple[str, list[str] | None]]:
    """Digest and classes of the model that is fitted at once, and of the one that is fitted by parts."""
    parts.LOADED = matrix.LOADED = 1
    with pd.option_context("mode.string_storage", storage):
        return [(made.digest, made.classes) for made in (pipeline.fit(settings, frame), matrix.fit(settings, frame))]


@pytest.mark.slow
@pytest.mark.parametrize("settings", [TREES, ONEHOT], ids=["ordinal", "onehot, a sample"])
def test_a_model_that_is_fitted_by_parts_is_that_of_all_rows_to_the_bit(
    frame: Path, settings: Settings, small_parts: None
) -> None:
    assert matrix.is_large(settings, frame)
    # As a run does, in a process of their own: a pickle's bytes say which of its texts are one object.
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        for storage in ("auto", "python"):  # as a library may set it for the whole process
            at_once, by_parts = process.submit(fitted, settings, frame, storage).result()
            assert by_parts == at_once, storage
    whole = pipeline.fit(settings, frame)
    rows = pipeline.read_rows(settings, frame, "true")
    ids, score = parts.scored(settings, whole.pipeline, frame, "true")
    assert [*ids] == [*rows["row_id"]]
    np.testing.assert_array_equal(score, pipeline.predict(settings, whole.pipeline, rows))
    some, few = parts.scored(settings, whole.pipeline, frame, "true", ids[::50])
    assert [*some] == [*ids[::50]]
    np.testing.assert_array_equal(few, score[::50])


def test_profiles_are_the_same_by_parts(frame: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    condition = sample.labelled(TREES)
    whole = described(TREES, frame, condition), feature_profile.profile(TREES.prepare.features, frame, condition)
    monkeypatch.setattr(feature_profile, "LOADED", 1)
    monkeypatch.setattr(feature_profile, "STEP", 100)
    assert described(TREES, frame, condition) == whole[0]
    assert feature_profile.profile(TREES.prepare.features, frame, condition) == whole[1]


def test_deciles_are_those_of_numpy() -> None:
    random = np.random.default_rng(0)
    for size in (1, 2, 9, 10, 11, 100, 999, 1000, 12345):
        for values in (random.normal(size=size), random.integers(0, 20, size).astype(float)):
            expected = np.unique(np.quantile(values, feature_profile.DECILES, method="inverted_cdf")).tolist()
            assert feature_profile.deciles(values) == expected
            single = values.astype(np.float32)
            assert feature_profile.deciles(single) == feature_profile.deciles(single.astype(np.float64))


def test_small_frames_and_what_needs_all_rows_at_once_are_not_read_by_parts(
    frame: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not matrix.is_large(TREES, frame)
    monkeypatch.setattr(matrix, "LOADED", 1)
    standardized = LINEAR.model_copy(update={"train": LINEAR.train.model_copy(update={"numeric": "standardize"})})
    assert not matrix.is_large(standardized, frame)


def test_mistakes_are_answered_by_name_by_parts_as_well(frame: Path, small_parts: None) -> None:
    with pytest.raises(ConfigurationError, match=r"LogisticRegression does not fit.*NaN"):
        matrix.fit(LINEAR, frame)
    out_of_core = TREES.model_copy(update={"train": TREES.train.model_copy(update={"out_of_core": True})})
    with pytest.raises(ConfigurationError, match=r"train.out_of_core: sklearn.*is fitted in memory only: XGBoost"):
        matrix.fit(out_of_core, frame)
    with pytest.raises(ConfigurationError, match="out_of_core: not with numeric: standardize"):
        params((PARAMS, "params: {}\n  numeric: standardize\n  out_of_core: true"))
    rows = pd.read_parquet(frame)
    rows.assign(bought=True).to_parquet(frame, index=False)
    with pytest.raises(DataError, match="bought is True in every training row"):
        matrix.fit(TREES, frame)
    rows.assign(bought=None).astype({"bought": "boolean"}).to_parquet(frame, index=False)
    with pytest.raises(DataError, match="no labelled row lies before the holdout"):
        matrix.fit(TREES, frame)


@pytest.mark.parametrize(
    ("free", "said"),
    [(30_000, r"0\.0 MB are free"), (80_000, "No space left on device")],
    ids=["before", "while writing"],
)
def test_a_disk_without_room_for_the_matrix_is_named_with_what_it_takes(
    frame: Path, small_disk: Path, free: int, said: str
) -> None:
    settings = ONEHOT.model_copy(update={"train": ONEHOT.train.model_copy(update={"rows": None})})
    made, rows = pipeline.build(settings.train, settings.prepare), matrix.fitted_on(settings, frame)
    columns = made.named_steps["columns"].fit(matrix.known_values(settings, rows))
    folder = small_disk / "mainline-matrix"
    folder.mkdir()
    (small_disk / "other").write_bytes(b"0" * (2**20 - free - 4096))
    with pytest.raises(ExternalError, match=rf"do not fit below .*disk \({said}\): they take about 0.1 MB"):
        matrix.in_file(settings, rows, columns, [False, True], type(made.named_steps["estimator"]), folder)


def test_a_models_own_profile_is_what_is_counted_in_the_bins_of_another_with_the_same_edges(frame: Path) -> None:
    condition, features = sample.labelled(TREES), TREES.prepare.features
    own = described(TREES, frame, condition)
    counted = feature_profile.profile(features, frame, condition, like=own)
    assert feature_profile.comparable(counted, own)
    assert {kind: own[kind] for kind in counted} == counted
    other = feature_profile.profile(features, frame, f"{condition} AND visit % 2 = 0")
    assert not feature_profile.comparable(other, own)
    assert feature_profile.drift(counted, own) == feature_profile.drift(counted, counted)
