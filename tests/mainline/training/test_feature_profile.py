"""Drift against its formula, on frames written to Parquet."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainline.config.schema import Features
from mainline.training import feature_profile

FEATURES = Features(numeric=["x"], categorical=["kind"])
EVERY = "true"


def write(path: Path, x: list[float | None], kind: list[str | None]) -> Path:
    frame = pd.DataFrame({"x": pd.array(x, dtype="Float32"), "kind": pd.array(kind, dtype="string")})
    frame.to_parquet(path, index=False)
    return path


def by_hand(before: list[int], now: list[int]) -> float:
    p = [max(n / sum(before), 1e-4) for n in before]
    q = [max(n / sum(now), 1e-4) for n in now]
    return sum((b - a) * math.log(b / a) for a, b in zip(p, q, strict=True))


def test_psi_of_a_shifted_column_is_that_of_the_formula_over_the_old_deciles(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    old, new = random.normal(0, 1, 500).astype(np.float32), random.normal(0.7, 1.2, 300).astype(np.float32)
    before = feature_profile.profile(FEATURES, write(tmp_path / "a", old.tolist(), ["a"] * 500), EVERY)
    now = feature_profile.profile(FEATURES, write(tmp_path / "b", new.tolist(), ["a"] * 300), EVERY, like=before)

    edges = [-math.inf, *np.quantile(old, np.arange(1, 10) / 10, method="inverted_cdf"), math.inf]
    # pandas.cut has intervals open on the left, closed on the right, as the profile has.
    counts = [pd.Series(pd.cut(values, edges)).value_counts(sort=False).tolist() for values in (old, new)]
    found = {drift.feature: drift for drift in feature_profile.drift(before, now)}
    assert found["x"].psi == pytest.approx(by_hand(*counts), rel=1e-9)
    assert found["x"].psi > 0.3
    assert found["kind"].psi == 0


def test_missing_values_are_a_bin_and_their_shares_are_said(tmp_path: Path) -> None:
    x = [float(n) for n in range(100)]
    before = feature_profile.profile(FEATURES, write(tmp_path / "a", [*x, None, None], ["a"] * 102), EVERY)
    now = feature_profile.profile(FEATURES, write(tmp_path / "b", [*x, *[None] * 50], ["a"] * 150), EVERY, like=before)
    found = next(drift for drift in feature_profile.drift(before, now) if drift.feature == "x")
    assert found.missing_before == pytest.approx(2 / 102)
    assert found.missing_now == pytest.approx(50 / 150)
    assert found.psi == pytest.approx(by_hand([2, *[10] * 10], [50, *[10] * 10]))


def test_a_constant_column_has_one_edge_and_no_drift_until_it_moves(tmp_path: Path) -> None:
    before = feature_profile.profile(FEATURES, write(tmp_path / "a", [7.0] * 20, ["a"] * 20), EVERY)
    assert before["numeric"]["x"]["edges"] == [7.0]
    same = feature_profile.profile(FEATURES, write(tmp_path / "b", [7.0] * 9, ["a"] * 9), EVERY, like=before)
    moved = feature_profile.profile(FEATURES, write(tmp_path / "c", [8.0] * 9, ["a"] * 9), EVERY, like=before)
    assert feature_profile.drift(before, same)[0].psi == 0
    assert feature_profile.drift(before, moved)[0].psi > 1


def test_a_new_category_is_named_and_empty_text_counts_as_missing(tmp_path: Path) -> None:
    before = feature_profile.profile(FEATURES, write(tmp_path / "a", [1.0] * 4, ["a", "b", "", None]), EVERY)
    assert before["categorical"]["kind"] == {"": 2, "a": 1, "b": 1}
    now = feature_profile.profile(FEATURES, write(tmp_path / "b", [1.0] * 4, ["a", "b", "c", None]), EVERY, like=before)
    found = next(drift for drift in feature_profile.drift(before, now) if drift.feature == "kind")
    assert found.note == "new: c"
    assert (found.missing_before, found.missing_now) == (0.5, 0.25)
    assert found.psi == pytest.approx(by_hand([2, 1, 1, 0], [1, 1, 1, 1]))


def test_only_rows_of_the_condition_count_and_a_column_without_a_value_is_measured(tmp_path: Path) -> None:
    path = write(tmp_path / "a", [1.0, 2.0, None], ["a", "b", "c"])
    assert feature_profile.profile(FEATURES, path, "x > 1")["categorical"]["kind"] == {"b": 1}
    empty = feature_profile.profile(FEATURES, path, "x IS NULL")
    assert empty["numeric"]["x"] == {"edges": [], "missing": 1, "counts": [0]}


def test_a_feature_of_only_one_side_is_left_out(tmp_path: Path) -> None:
    path = write(tmp_path / "a", [1.0, 2.0], ["a", "b"])
    before = feature_profile.profile(Features(categorical=["kind"]), path, EVERY)
    now = feature_profile.profile(FEATURES, path, EVERY, like=before)
    assert [drift.feature for drift in feature_profile.drift(before, now)] == ["kind"]


counts = st.lists(st.integers(0, 1000), min_size=2, max_size=12)


@given(counts, counts)
def test_psi_is_never_negative_and_the_same_both_ways(a: list[int], b: list[int]) -> None:
    size = min(len(a), len(b))
    before, now = np.array(a[:size]), np.array(b[:size])
    found = feature_profile.psi(before, now)
    assert found >= 0
    assert found == pytest.approx(feature_profile.psi(now, before))
    assert feature_profile.psi(before, before) == 0
