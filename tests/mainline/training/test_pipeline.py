"""Training: what is fitted, that it is repeatable, and which mistakes are answered by name."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mainline.config.schema import Settings
from mainline.errors import ConfigurationError, DataError, MainlineError, Refused
from mainline.training import estimators
from mainline.training import pipeline as training
from tests.mainline.settings import params
from tests.projects import visits

ESTIMATOR = "estimator: sklearn.ensemble.HistGradientBoostingClassifier"
PARAMS = "params: {max_iter: 30, early_stopping: false}"
BINARY = params().settings
LINEAR = params(
    (ESTIMATOR, "estimator: sklearn.linear_model.LogisticRegression"),
    (PARAMS, "params: {}\n  numeric: standardize\n  categorical: onehot"),
).settings


def frame_of(rows: pd.DataFrame, folder: Path) -> Path:
    path = folder / "frame.parquet"
    rows.assign(row_id=rows["visit"].astype(np.uint64)).to_parquet(path, index=False, coerce_timestamps="us")
    return path


@pytest.fixture
def frame(tmp_path: Path) -> Path:
    return frame_of(visits(), tmp_path)


@pytest.mark.slow
def test_two_fits_are_the_same_bytes_and_the_digest_is_theirs(frame: Path) -> None:
    first, second = training.fit(BINARY, frame), training.fit(BINARY, frame)
    assert first.digest == second.digest == hashlib.sha256(first.pickled).hexdigest()


@pytest.mark.slow
def test_only_labelled_rows_before_the_holdout_are_fitted_on(tmp_path: Path) -> None:
    rows = visits()
    rows["bought"] = rows["bought"].astype("boolean")
    rows.loc[::5, "bought"] = pd.NA
    early = rows["at"] < pd.Timestamp("2026-02-16", tz="UTC")
    fewer = rows[early & rows["bought"].notna()]
    (tmp_path / "fewer").mkdir()
    whole = training.fit(BINARY, frame_of(rows, tmp_path))
    assert whole.digest == training.fit(BINARY, frame_of(fewer, tmp_path / "fewer")).digest


@pytest.mark.slow
@pytest.mark.parametrize("settings", [BINARY, LINEAR], ids=["trees", "linear"])
def test_unknown_categories_and_missing_values_are_answered(settings: Settings, tmp_path: Path) -> None:
    rows = visits()
    pipeline = training.fit(settings, frame_of(rows, tmp_path)).pipeline
    strange = rows.tail(3).assign(shop=["west", None, "north"], minutes=[1.0, 2.0, np.nan])
    found = training.predict(settings, pipeline, strange)
    assert found.shape == (3,)
    assert ((found > 0) & (found < 1)).all()


@pytest.mark.slow
def test_what_was_pickled_answers_as_what_was_fitted(frame: Path) -> None:
    fitted = training.fit(BINARY, frame)
    rows = visits().tail(50)
    np.testing.assert_array_equal(
        training.predict(BINARY, pickle.loads(fitted.pickled), rows), training.predict(BINARY, fitted.pipeline, rows)
    )


def test_an_answer_that_is_no_number_is_refused_with_its_row() -> None:
    class Broken:
        def predict_proba(self, rows: pd.DataFrame) -> Any:
            found = np.full((len(rows), 2), 0.5)
            found[3] = np.nan
            found[5] = np.inf
            return found

    with pytest.raises(Refused, match="NaN or infinity for 2 of 10 rows, first visit=3"):
        training.predict(BINARY, Broken(), visits().head(10))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("estimator", "said"),
    [
        ("sklearn.ensembel.Forest", "sklearn.ensembel.Forest does not import: No module named 'sklearn.ensembel'"),
        ("nopackage.Forest", "No module named 'nopackage': install a missing package with uv add --group train"),
        ("sklearn.linear_model.LogisticRegresion", "has no LogisticRegresion: did you mean LogisticRegression?"),
        ("sklearn.metrics.roc_auc_score", "is no estimator: it has no fit and predict"),
        ("sklearn.preprocessing.StandardScaler", "is no estimator: it has no fit and predict"),
    ],
)
def test_what_is_no_estimator_is_named(estimator: str, said: str) -> None:
    train = params((ESTIMATOR, f"estimator: {estimator}")).settings.train
    with pytest.raises(ConfigurationError, match=said):
        estimators.estimator(train)


def test_a_parameter_that_the_estimator_does_not_take_is_answered_with_the_nearest() -> None:
    train = params(("max_iter: 30", "max_itr: 30")).settings.train
    with pytest.raises(ConfigurationError, match=r"takes no max_itr: did you mean max_iter?"):
        estimators.estimator(train)


def test_a_value_that_the_estimator_refuses_is_quoted(frame: Path) -> None:
    settings = params(("max_iter: 30", "max_iter: -3")).settings
    with pytest.raises(ConfigurationError, match=r"does not fit: .*max_iter.*-3"):
        training.fit(settings, frame)


def test_the_random_state_is_fixed_unless_it_is_given() -> None:
    assert estimators.estimator(BINARY.train).get_params()["random_state"] == 0
    given = params(("max_iter: 30", "max_iter: 30, random_state: 7")).settings.train
    assert estimators.estimator(given).get_params()["random_state"] == 7


LABELS: list[tuple[str, list[Any], type[MainlineError], str]] = [
    ("binary", [True, True], DataError, "bought is True in every training row: nothing to learn"),
    ("binary", [0, 1, 2], ConfigurationError, "binary needs a label that is true or false .* holds 0, 1, 2"),
    ("binary", ["yes", "no"], ConfigurationError, "holds 'no', 'yes'"),
    ("multiclass", ["a", "a"], DataError, "bought is a in every training row"),
    ("regression", [1.0, np.inf], DataError, "1 labels are infinite or no numbers"),
    ("regression", [2.0, 2.0], DataError, r"bought is 2\.0 in every training row"),
]


@pytest.mark.parametrize(("task", "labels", "kind", "said"), LABELS)
def test_labels_that_teach_nothing_are_refused(
    task: str, labels: list[Any], kind: type[MainlineError], said: str
) -> None:
    with pytest.raises(kind, match=said):
        training.encode(task, pd.Series(labels, name="bought"), known=None)


def test_classes_are_coded_in_their_order_and_a_new_one_is_refused() -> None:
    codes, classes = training.encode("multiclass", pd.Series(["b", "c", "a", "b"]), known=None)
    assert (codes.tolist(), classes) == ([1, 2, 0, 1], ["a", "b", "c"])
    with pytest.raises(DataError, match="holds the class 'd', which no training row has"):
        training.encode("multiclass", pd.Series(["d"], name="bought"), known=classes)


def test_a_label_that_is_no_number_is_no_target_of_a_regression() -> None:
    with pytest.raises(DataError, match=r"rentals must be a number in a regression: .*'n\.a\.'"):
        training.encode("regression", pd.Series(["12", "n.a."], name="rentals"), known=None)


def test_a_frame_without_a_training_row_is_refused(tmp_path: Path) -> None:
    rows = visits()
    late = rows[rows["at"] >= pd.Timestamp("2026-02-16", tz="UTC")]
    said = "data.until set it from 2026-02-16 to 2026-03-02, the prepared rows run from 2026-02-16"
    with pytest.raises(DataError, match=said):
        training.fit(BINARY, frame_of(late, tmp_path))
