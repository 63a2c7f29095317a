"""Rows with the same key are the same rows only where the key's columns, the source, the labels and inputs agree."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mainline.errors import DataError
from mainline.evaluation import baseline_scores, identity
from mainline.evaluation.comparison import Comparison
from mainline.runtime.workspace import Workspace
from mainline.training import input_digests, record
from mainline.training.record import Record
from tests.mainline.facts import PARTS, VISITS, facts
from tests.mainline.settings import params

SETTINGS = params(("resamples: 500", "resamples: 100\n  min_rows: 20")).settings
N = 400
IDS = np.arange(N, dtype=np.uint64)
RANDOM = np.random.default_rng(3)
LABELS = (RANDOM.random(N) < 0.3).astype(float)
ROWS = pd.DataFrame(
    {"shop": RANDOM.choice(["north", "south"], N), "minutes": RANDOM.gamma(2, 6, N).astype("float32"), "pages": 1.0}
)
OTHERS = ROWS.sample(frac=1, random_state=5).reset_index(drop=True)
FEATURES = {"categorical": ["shop"], "numeric": ["minutes", "pages"]}


def make(
    folder: Path, name: str, rows: pd.DataFrame | None, y: np.ndarray[Any, Any] = LABELS, **changes: Any
) -> Record:
    """A record with the inputs `rows`; `prepare` changes its section of the fingerprint's parts."""
    prepare = {"key": ["visit"], "features": FEATURES, **changes.pop("prepare", {})}
    parts = dataclasses.replace(PARTS, prepare=prepare, tables={"visits": name})
    known = dataclasses.replace(facts(), fingerprint=name, parts=parts, **changes)
    arrays: dict[str, Any] = {"row_id": IDS, "y": y, "score": RANDOM.random(N), "train": IDS[:0]}
    if rows is not None:
        names = [*prepare["features"]["categorical"], *prepare["features"]["numeric"]]
        arrays["inputs"] = input_digests.digests(rows, names)
    return record.keep(folder, known, b"", arrays, {})


def why(now: Record, was: Record, most: float = 0.2) -> str | None:
    return identity.why_other_rows(now, was, identity.shared(now, was, was.holdout.y), most)


def test_rows_with_the_same_labels_and_inputs_are_the_same(tmp_path: Path) -> None:
    assert why(make(tmp_path, "now", ROWS), make(tmp_path, "was", ROWS)) is None


def test_keys_made_from_other_columns_match_no_row_and_the_message_says_what_to_set(tmp_path: Path) -> None:
    by_content = {"prepare": {"key": ["content_key"]}}
    wider = {"visits": dataclasses.replace(VISITS, columns={**VISITS.columns, "weather": "VARCHAR"})}
    was = make(tmp_path, "was", ROWS, **by_content)
    now = make(tmp_path, "now", ROWS, tables=wider, **by_content)
    assert why(now, was) is None, "with key_columns the rows have the keys that they had"
    now.arrays["row_id"] = IDS + np.uint64(N)
    said = why(now, was)
    assert said is not None
    assert "made from the columns of visits, and weather is not in both" in said
    assert "prepare.key_columns" in said


def test_rows_of_another_table_under_the_same_numbers_are_not(tmp_path: Path) -> None:
    other = {"churn": dataclasses.replace(VISITS, name="churn", digest="z", columns={"customer": "BIGINT"})}
    was = make(tmp_path, "was", OTHERS, RANDOM.permutation(LABELS), tables=other)
    said = why(make(tmp_path, "now", ROWS), was)
    assert said is not None
    assert "400 rows share their key with a row of main's" in said
    assert "they are other rows (tables churn on main, visits here)" in said


def test_labels_alone_tell_where_no_inputs_are_kept(tmp_path: Path) -> None:
    said = why(make(tmp_path, "now", None), make(tmp_path, "was", None, RANDOM.permutation(LABELS)))
    assert said is not None
    assert "they are other rows" in said


def test_a_feature_in_another_unit_is_still_the_same_row(tmp_path: Path) -> None:
    seconds = ROWS.assign(minutes=ROWS["minutes"] * 60)
    assert why(make(tmp_path, "now", seconds), make(tmp_path, "was", ROWS)) is None


@pytest.mark.parametrize(("rows", "same"), [(ROWS, True), (OTHERS, False)])
def test_another_key_names_other_rows_unless_their_content_is_the_same(
    tmp_path: Path, rows: pd.DataFrame, same: bool
) -> None:
    labels = LABELS if same else RANDOM.permutation(LABELS)
    said = why(make(tmp_path, "now", ROWS), make(tmp_path, "was", rows, labels, prepare={"key": ["customer"]}))
    assert said == (
        None if same else "main's rows have the key customer, this model's visit: equal values name other rows"
    )


@pytest.mark.parametrize("changed", [0.1, 0.3])
def test_more_than_the_stated_share_of_other_labels_does_not_compare(tmp_path: Path, changed: float) -> None:
    y = np.where(np.arange(N) < changed * N, 1 - LABELS, LABELS)
    said = why(make(tmp_path, "now", ROWS, y), make(tmp_path, "was", ROWS))
    if changed < 0.2:
        assert said is None
    else:
        assert said is not None
        assert "the label differs from main's in 30.0 % of the rows that both have" in said
    assert why(make(tmp_path, "loose", ROWS, y), make(tmp_path, "was", ROWS), 0.5) is None


def test_a_number_that_is_revised_a_little_is_the_same_label(tmp_path: Path) -> None:
    y = RANDOM.normal(100, 10, N)
    now = make(tmp_path, "now", ROWS, y + 0.01, task="regression", classes=[])
    assert why(now, make(tmp_path, "was", ROWS, y, task="regression", classes=[])) is None
    miles = make(tmp_path, "miles", ROWS, y / 1.6, task="regression", classes=[])
    assert "in 100.0 % of the rows" in str(why(miles, make(tmp_path, "was", ROWS, y, task="regression", classes=[])))


def recorded(tmp_path: Path, now: Record, was: Record) -> baseline_scores.Scored:
    comparison = Comparison(SETTINGS, Workspace.at(tmp_path), {}, tmp_path / "frame.parquet", now)
    return baseline_scores.from_record(comparison, IDS, was, DataError("it needs a column"))


def test_recorded_scores_are_used_for_the_rows_whose_inputs_have_not_changed(tmp_path: Path) -> None:
    ten = ROWS.assign(minutes=np.where(np.arange(N) < 10, 0.0, ROWS["minutes"]))
    found = recorded(tmp_path, make(tmp_path, "now", ten), make(tmp_path, "was", ROWS))
    assert found.unusable is None
    assert found.has.tolist() == [False] * 10 + [True] * (N - 10)
    assert "10 rows have other inputs than main scored" in found.notes[1]


@pytest.mark.parametrize(
    ("now", "was", "reason"),
    [
        (ROWS, OTHERS, "main's recorded scores are of other inputs in"),
        (ROWS, None, "it cannot be known whether main's recorded scores are of these rows"),
    ],
)
def test_recorded_scores_of_other_rows_are_never_used(
    tmp_path: Path, now: pd.DataFrame, was: pd.DataFrame | None, reason: str
) -> None:
    found = recorded(tmp_path, make(tmp_path, "now", now), make(tmp_path, "was", was))
    assert found.unusable is not None
    assert reason in found.unusable
    assert not found.has.any()
    assert np.isnan(found.score).all()


def test_recorded_scores_of_models_without_a_common_feature_are_never_used(tmp_path: Path) -> None:
    other = {"features": {"categorical": [], "numeric": ["balance"]}}
    was = make(tmp_path, "was", pd.DataFrame({"balance": ROWS["minutes"]}), prepare=other)
    assert "no input of theirs is kept by both" in str(recorded(tmp_path, make(tmp_path, "now", ROWS), was).unusable)


def test_a_value_has_the_same_digest_on_every_machine_and_in_every_type() -> None:
    numbers = pd.Series([1.5, -0.0, np.nan], dtype="float32")
    assert input_digests.of_column(numbers).tolist() == input_digests.of_column(numbers.astype("float64")).tolist()
    assert input_digests.of_column(numbers).tolist() == [54208, 0, 5056]
    assert input_digests.of_column(pd.Series(["north", None, ""])).tolist() == [12482, 0, 0]
