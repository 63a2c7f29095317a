"""The baseline's scores of values that its training did not have are no evidence."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mainline.evaluation.unseen import unseen_in
from mainline.training import parts, record, reference_profile
from mainline.training.record import Record
from tests.mainline.facts import PARTS, facts
from tests.mainline.settings import params

SETTINGS = params().settings
N = 1000
IDS = np.arange(N, dtype=np.uint64)
RANDOM = np.random.default_rng(0)
TRAINED = pd.DataFrame(
    {
        "row_id": IDS,
        "at": pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(np.arange(N), unit="h"),
        "shop": RANDOM.choice(["yes", "no"], N),
        "minutes": RANDOM.uniform(1, 90, N).astype("float32"),
        "pages": np.where(np.arange(N) % 50 == 0, np.nan, 3.0).astype("float32"),
    }
)


def baseline(folder: Path) -> Record:
    frame = folder / "trained.parquet"
    TRAINED.to_parquet(frame, index=False, coerce_timestamps="us")
    features = {"categorical": ["shop"], "numeric": ["minutes", "pages"]}
    parts = dataclasses.replace(PARTS, prepare={"features": features})
    arrays = {"row_id": IDS, "y": np.zeros(N), "score": np.zeros(N), "train": IDS}
    return record.keep(folder, facts(parts=parts), b"", arrays, reference_profile.described(SETTINGS, frame, "true"))


def said(folder: Path, rows: pd.DataFrame) -> str | None:
    rows.to_parquet(folder / "frame.parquet", index=False, coerce_timestamps="us")
    found = unseen_in(SETTINGS, baseline(folder), folder / "frame.parquet", IDS, 0.01)
    return found.said(N) if found else None


def test_the_values_of_training_in_another_order_are_known(tmp_path: Path) -> None:
    assert said(tmp_path, TRAINED.sample(frac=1, random_state=0)) is None


def test_other_words_for_the_same_thing_are_named_with_an_example(tmp_path: Path) -> None:
    found = said(tmp_path, TRAINED.assign(shop=TRAINED["shop"].map({"yes": "true", "no": "false"})))
    assert found is not None
    assert "never saw in training in 1,000 of 1,000 holdout rows (shop in 100.0 %, such as '" in found


def test_another_unit_is_named_and_a_trend_that_goes_on_is_not(tmp_path: Path) -> None:
    assert "minutes in 9" in str(said(tmp_path, TRAINED.assign(minutes=TRAINED["minutes"] * 60)))
    assert said(tmp_path, TRAINED.assign(minutes=TRAINED["minutes"] + 30)) is None


def test_a_missing_value_is_unseen_only_where_training_had_none(tmp_path: Path) -> None:
    nothing = np.float32("nan")
    assert "minutes in 100.0 %, such as a missing value" in str(said(tmp_path, TRAINED.assign(minutes=nothing)))
    assert said(tmp_path, TRAINED.assign(pages=nothing)) is None


def test_a_few_new_values_stay_in_the_comparison(tmp_path: Path) -> None:
    assert said(tmp_path, TRAINED.assign(shop=np.where(IDS < 10, "maybe", TRAINED["shop"]))) is None
    found = said(tmp_path, TRAINED.assign(shop=np.where(IDS < 11, "maybe", TRAINED["shop"])))
    assert "in 11 of 1,000 holdout rows (shop in 1.1 %, such as 'maybe')" in str(found)


def test_rows_that_main_drops_are_not_counted(tmp_path: Path) -> None:
    assert said(tmp_path, TRAINED.head(500)) is None


def test_what_is_unseen_is_the_same_by_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = pd.concat([TRAINED] * 5).assign(row_id=np.arange(5 * N, dtype=np.uint64))
    late = rows["row_id"] > 4000
    rows["shop"] = np.where(late, np.where(rows["row_id"] % 3, "maybe", "later"), rows["shop"])
    rows["minutes"] = rows["minutes"].where(rows["row_id"] % 31 > 0, 10_000)
    rows.to_parquet(tmp_path / "frame.parquet", index=False, coerce_timestamps="us")
    made, ids = baseline(tmp_path), rows["row_id"].to_numpy()[::-2]
    whole = unseen_in(SETTINGS, made, tmp_path / "frame.parquet", ids, 0.01)
    assert whole is not None
    assert [name for name, *_ in whole.features] == ["shop", "minutes"]
    monkeypatch.setattr(parts, "LOADED", 1)  # parts of two thousand rows, which is DuckDB's smallest
    by_parts = unseen_in(SETTINGS, made, tmp_path / "frame.parquet", ids, 0.01)
    assert by_parts is not None
    assert by_parts.features == whole.features
    np.testing.assert_array_equal(by_parts.rows, whole.rows)
