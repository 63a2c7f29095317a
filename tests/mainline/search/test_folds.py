"""The inner folds: in the order of time, or by key or group, and of the training rows alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mainline.config.schema import Settings
from mainline.data.split import sides
from mainline.errors import DataError
from mainline.search.folds import folds
from mainline.training import early_stopping
from tests.mainline.search.spaces import SEARCH, params
from tests.projects import visits

HASH = (("by: time\n  holdout: 2 weeks", "by: hash\n  holdout: 0.25"),)


def frame(folder: Path, count: int = 4800) -> Path:
    rows = visits(count)
    path = folder / "frame.parquet"
    ids = np.random.default_rng(0).integers(0, 2**63, len(rows)).astype(np.uint64) * 2
    made = rows.assign(row_id=ids, day=rows["at"].dt.date, customer=rows["visit"] % 40)
    made.to_parquet(path, index=False, coerce_timestamps="us")
    return path


def settings(*changes: tuple[str, str]) -> Settings:
    return params(SEARCH, *changes).settings


def test_folds_of_time_are_windows_of_the_holdouts_length_right_before_it(tmp_path: Path) -> None:
    weekly = settings(("holdout: 2 weeks", "holdout: 1 week"))
    found, start = folds(weekly, frame(tmp_path), 3), sides(weekly).start
    at = pd.read_parquet(tmp_path / "frame.parquet").set_index("row_id")["at"]
    for number in range(3):
        train, scored = (at.loc[part["row_id"]] for part in found.parts(number))
        begin = pd.Timestamp(start) - pd.Timedelta(weeks=3 - number)
        assert begin <= scored.min() and scored.max() < begin + pd.Timedelta(weeks=1)
        assert train.max() < begin, "a model sees no row from its fold on"
    assert at.loc[found.rows["row_id"]].max() < pd.Timestamp(start), "no row of the holdout"
    assert "3 times 1 week before the holdout" in found.words


def test_with_too_little_history_for_windows_folds_have_equally_many_rows(tmp_path: Path) -> None:
    found = folds(settings(("holdout: 2 weeks", "holdout: 3 weeks")), frame(tmp_path), 3)
    sizes = [len(found.parts(number)[1]) for number in range(3)]
    assert max(sizes) - min(sizes) <= 2
    assert "3 parts of equally many rows" in found.words


def test_folds_by_hash_share_no_group_and_hold_every_training_row(tmp_path: Path) -> None:
    grouped = settings(*HASH, ("holdout: 0.25", "holdout: 0.25\n  group: customer"))
    found = folds(grouped, frame(tmp_path), 3)
    customer = pd.read_parquet(tmp_path / "frame.parquet").set_index("row_id")["customer"]
    for number in range(3):
        train, scored = found.parts(number)
        assert len(train) + len(scored) == len(found.rows)
        assert not {*customer.loc[train["row_id"]]} & {*customer.loc[scored["row_id"]]}


def test_folds_by_hash_are_of_about_the_same_size(tmp_path: Path) -> None:
    found = folds(settings(*HASH), frame(tmp_path), 4)
    sizes = np.bincount(found.fold, minlength=4) / len(found.rows)
    assert len(found.rows) == pytest.approx(4800 * 0.75, rel=0.05)
    assert sizes == pytest.approx([0.25] * 4, abs=0.04)


def test_too_few_rows_for_the_folds_are_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"fold \d of 20 has .* too little training data for search.folds"):
        folds(settings(*HASH), frame(tmp_path, 12), 20)


def test_early_stopping_looks_at_rows_right_before_the_fold(tmp_path: Path) -> None:
    weekly = settings(
        ("holdout: 2 weeks", "holdout: 1 week"), ("train:\n", "train:\n  early_stopping: {rounds: 5, slice: 4 days}\n")
    )
    found, start = folds(weekly, frame(tmp_path), 3), sides(weekly).start
    at = pd.read_parquet(tmp_path / "frame.parquet").set_index("row_id")["at"]
    for number in range(3):
        train, _ = found.parts(number)
        begin = pd.Timestamp(start) - pd.Timedelta(weeks=3 - number)
        expected = (at.loc[train["row_id"]] >= begin - pd.Timedelta(days=4)).to_numpy()
        assert 0 < expected.sum() < len(train)
        assert (train[early_stopping.MARK].to_numpy() == expected).all()


def test_early_stopping_by_hash_looks_at_a_share_of_the_groups_that_are_trained_on(tmp_path: Path) -> None:
    stopping = ("train:\n", "train:\n  early_stopping: {rounds: 5, slice: 0.3}\n")
    grouped = settings(*HASH, ("holdout: 0.25", "holdout: 0.25\n  group: visit"), stopping)
    found = folds(grouped, frame(tmp_path), 3)
    for number in range(3):
        marks = found.parts(number)[0][early_stopping.MARK]
        assert marks.mean() == pytest.approx(0.3, abs=0.04)


def test_of_a_large_table_the_folds_are_a_sample_that_is_stated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weekly = settings(("holdout: 2 weeks", "holdout: 1 week"))
    path = frame(tmp_path)
    whole = folds(weekly, path, 2)
    assert (whole.trained, "sample" in whole.words) == (len(whole.rows), False)
    monkeypatch.setattr("mainline.search.folds.LOADED", 1000 * len(weekly.prepare.features.names))
    found = folds(weekly, path, 2)
    assert (len(found.rows), found.trained) == (1000, len(whole.rows))
    assert (
        found.words
        == f"{whole.words}; on a sample of 1,000 of the {len(whole.rows):,} training rows, by a hash of their key"
    )
    assert found.starts == whole.starts
    assert set(found.rows["row_id"]) <= set(whole.rows["row_id"])
