"""Drift of a window against the reference: no alarm without a cause, none missed with one."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from mainline.monitor import distances, drift, reference
from tests.mainline.settings import params
from tests.projects import visits

SETTINGS = params().settings
DAY = '("at")::DATE'


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return visits(20_000)


@pytest.fixture(scope="module")
def kept(rows: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    path = tmp_path_factory.mktemp("frame") / "frame.parquet"
    rows.to_parquet(path)
    return reference.reference(SETTINGS, path, "true")


def measured(window: pd.DataFrame, kept: dict[str, object]) -> dict[str, drift.FeatureDrift]:
    with duckdb.connect() as connection:
        connection.execute("SET threads = 1; SET TimeZone = 'UTC'")
        connection.register("frame", window)
        return {d.feature: d for d in drift.measure(connection, "frame", DAY, kept, SETTINGS.monitor)}


def test_of_a_thousand_windows_without_drift_no_more_than_the_stated_share_is_called_drifted(
    kept: dict[str, dict[str, dict[str, list[int]]]],
) -> None:
    # The floor and the season are left out: what is promised is the sampling's own rate.
    random = np.random.default_rng(1)
    alarms, rate = 0, SETTINGS.monitor.false_alarms / 3
    for _ in range(1000):
        alarmed = False
        for was in [*kept["numeric"].values(), *kept["categorical"].values()]:
            before = np.array(was["counts"])
            now = random.multinomial(500, before / before.sum())
            p, q = distances.pooled(before, now)
            alarmed |= distances.psi(p, q) > distances.noise(len(p), p.sum(), q.sum(), rate)
        alarms += alarmed
    # Two standard errors of the count above the rate.
    expected = 1000 * SETTINGS.monitor.false_alarms
    assert alarms <= expected + 2 * np.sqrt(expected)


def test_a_shifted_number_is_drift_and_its_neighbours_are_not(rows: pd.DataFrame, kept: dict[str, object]) -> None:
    window = rows.tail(2000).assign(minutes=lambda r: r["minutes"] * 3)
    found = measured(window, kept)
    assert found["minutes"].drifted
    assert not found["pages"].drifted
    assert not found["shop"].drifted


def test_a_new_category_is_counted_and_a_missing_day_is_named(rows: pd.DataFrame, kept: dict[str, object]) -> None:
    window = rows.tail(3000).copy()
    last = window["at"].dt.date.max()
    window.loc[window["at"].dt.date == last, "minutes"] = np.nan
    window.iloc[:300, window.columns.get_loc("shop")] = "west"
    found = measured(window, kept)
    assert found["minutes"].missing_days == [str(last)]
    assert found["shop"].new_share == pytest.approx(0.1)


def test_what_periods_of_training_differ_by_is_no_drift(tmp_path: Path) -> None:
    # A temperature that swings by month: each month is far from the others, and so is the window.
    at = pd.date_range("2026-01-01", periods=8 * 30 * 20, freq="72min", tz="UTC")
    swing = 20 * np.sin(np.arange(len(at)) / len(at) * 4 * np.pi)
    random = np.random.default_rng(0)
    rows = pd.DataFrame(
        {"at": at, "minutes": swing + random.normal(size=len(at)), "pages": random.poisson(5, len(at)), "shop": "north"}
    )
    rows.to_parquet(tmp_path / "frame.parquet")
    kept = reference.reference(SETTINGS, tmp_path / "frame.parquet", "true")
    found = measured(rows.head(30 * 20), kept)["minutes"]
    assert found.psi > 1
    assert not found.drifted
    assert found.why == "season"
