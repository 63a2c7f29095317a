"""Drift of a window against the reference: no alarm without a cause, none missed with one."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from mainline.training import bin_counts, distances, drift, feature_profile, reference_profile
from tests.mainline.settings import params
from tests.projects import visits

SETTINGS = params().settings
DAY = '("at")::DATE'
WINDOW = 500


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return visits(20_000)


@pytest.fixture(scope="module")
def kept(rows: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return described(rows, tmp_path_factory.mktemp("frame"))["monitor"]


def described(rows: pd.DataFrame, folder: Path) -> dict[str, Any]:
    path = folder / "frame.parquet"
    rows.astype({"minutes": "float32", "pages": "float32"}).to_parquet(path)
    return reference_profile.described(SETTINGS, path, "true")


def measured(window: pd.DataFrame, kept: dict[str, Any]) -> dict[str, drift.FeatureDrift]:
    with duckdb.connect() as connection:
        connection.execute("SET threads = 1; SET TimeZone = 'UTC'")
        connection.register("log", window)
        return {d.feature: d for d in drift.measure(connection, "log", DAY, kept, SETTINGS.monitor)}


@pytest.mark.slow
@pytest.mark.parametrize(("share", "held"), [(1.0, True), (0.5, False)])
def test_of_a_thousand_windows_without_drift_no_more_than_the_stated_share_is_called_drifted(
    kept: dict[str, Any], share: float, held: bool
) -> None:
    # Only the noise threshold has this rate: the season and the floor, which both allow more, are switched off.
    # With every threshold halved the same thousand windows exceed it.
    rules = SETTINGS.monitor.model_copy(update={"psi_floor": 1e-9})
    columns = {**kept["numeric"], **kept["categorical"]}
    rate = rules.false_alarms / len(columns)
    fresh = visits(1000 * WINDOW, seed=99)
    alarmed = np.zeros(1000, dtype=bool)
    for name, was in columns.items():
        was = {**was, "psi": dict.fromkeys(was["psi"])}
        if "edges" in was:
            place = 1 + np.searchsorted(was["edges"], fresh[name].astype("float32").astype("float64"))
        else:
            place = 1 + np.searchsorted(was["values"], fresh[name])
        tables = np.apply_along_axis(np.bincount, 1, place.reshape(1000, WINDOW), minlength=len(was["counts"]))
        for number, table in enumerate(tables):
            now = bin_counts.Counted([dt.date(2026, 3, 1)], table[np.newaxis])
            found = drift.compare(name, was, now, rate, rules)
            assert found.why == "noise"
            alarmed[number] |= found.psi > share * found.threshold or found.missing
    # Two standard errors of the count above the rate.
    expected = 1000 * rules.false_alarms
    assert (alarmed.sum() <= expected + 2 * np.sqrt(expected)) == held


def test_a_shifted_number_is_drift_and_its_neighbours_are_not(rows: pd.DataFrame, kept: dict[str, Any]) -> None:
    window = rows.tail(2000).assign(minutes=lambda r: r["minutes"] * 3)
    found = measured(window, kept)
    assert found["minutes"].drifted
    assert not found["pages"].drifted
    assert not found["shop"].drifted


def test_a_new_category_is_counted_and_a_missing_day_is_named(rows: pd.DataFrame, kept: dict[str, Any]) -> None:
    window = rows.tail(3000).copy()
    last = window["at"].dt.date.max()
    window.loc[window["at"].dt.date == last, "minutes"] = np.nan
    window.iloc[:300, window.columns.get_loc("shop")] = "west"
    found = measured(window, kept)
    assert found["minutes"].missing_days == [str(last)]
    assert found["minutes"].missing
    assert found["shop"].new_share == pytest.approx(0.1)


def test_what_periods_of_training_differ_by_is_no_drift(tmp_path: Path) -> None:
    # A temperature that swings by month: each month is far from the others, and so is the window.
    at = pd.date_range("2026-01-01", periods=8 * 30 * 20, freq="72min", tz="UTC")
    swing = 20 * np.sin(np.arange(len(at)) / len(at) * 4 * np.pi)
    random = np.random.default_rng(0)
    rows = pd.DataFrame(
        {"at": at, "minutes": swing + random.normal(size=len(at)), "pages": random.poisson(5, len(at)), "shop": "north"}
    )
    found = measured(rows.head(30 * 20), described(rows, tmp_path)["monitor"])["minutes"]
    assert found.psi > 1
    assert not found.drifted
    assert found.why == "season"


def test_what_is_kept_for_the_monitor_is_the_profile_of_the_same_rows(rows: pd.DataFrame, tmp_path: Path) -> None:
    whole = described(rows, tmp_path)
    watched = whole.pop("monitor")
    assert whole == feature_profile.profile(SETTINGS.prepare.features, tmp_path / "frame.parquet", "true")
    same = measured(rows, watched)
    assert {name: found.psi for name, found in same.items()} == dict.fromkeys(same, 0.0)


def test_numbers_as_a_caller_wrote_them_fall_in_the_bins_of_the_frames_floats(tmp_path: Path) -> None:
    # 0.7 as 64 bits lies above 0.7 as 32, which is what the frame holds and an edge may be.
    rows = visits(2000).assign(minutes=lambda r: r["pages"] / 10)
    kept = described(rows, tmp_path)["monitor"]
    assert measured(rows, kept)["minutes"].psi == 0


def test_the_distances_agree_with_scipy() -> None:
    from scipy.spatial import distance
    from scipy.stats import chi2_contingency

    before, now = np.array([10, 500, 300, 200]), np.array([5, 180, 200, 120])
    statistic, _, freedom, _ = chi2_contingency(np.vstack([before, now]))
    assert distances.chi_squared(before, now) == pytest.approx(statistic / freedom, rel=0.05)
    assert distances.jensen_shannon(before, now) == pytest.approx(distance.jensenshannon(before, now, base=2))
