"""A holdout whose inputs lie outside the training's is named by the monitor's own measures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mainline.evaluation import shifted_inputs
from mainline.training import record, reference_profile, sample
from tests.mainline.facts import facts
from tests.mainline.settings import params

SETTINGS = params().settings
FIRST = pd.Timestamp("2026-02-16", tz="UTC")  # of the holdout
RANDOM = np.random.default_rng(0)
N = 6000
ROWS = pd.DataFrame(
    {
        "row_id": np.arange(N, dtype=np.uint64),
        "at": pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(np.arange(N) * 860, unit="s"),
        "shop": RANDOM.choice(["north", "south", "east"], N),
        "minutes": RANDOM.gamma(2, 6, N).astype("float32"),
        "pages": RANDOM.poisson(5, N).astype("float32"),
        "bought": RANDOM.random(N) < 0.3,
    }
)


def said(folder: Path, rows: pd.DataFrame, held: int = 1400) -> str | None:
    frame = folder / "frame.parquet"
    rows.to_parquet(frame, index=False, coerce_timestamps="us")
    profile = reference_profile.described(SETTINGS, frame, sample.labelled(SETTINGS))
    one = np.zeros(1)
    arrays = {"row_id": one.astype(np.uint64), "y": one, "score": one, "train": one.astype(np.uint64)}
    kept = record.keep(folder, facts(rows={"train": N - held, "holdout": held}), b"", arrays, profile)
    found = shifted_inputs.drifted(SETTINGS, kept, frame)
    return None if found is None else shifted_inputs.warning(found, SETTINGS.monitor) if found else ""


def test_a_holdout_like_its_training_is_not_mentioned(tmp_path: Path) -> None:
    assert said(tmp_path, ROWS) == ""


@pytest.mark.parametrize(
    ("column", "broken", "why"),
    [
        ("minutes", ROWS["minutes"] * 60, "minutes: PSI"),
        ("minutes", np.float32("nan"), "minutes: 100.0 % missing"),
        ("shop", ROWS["shop"].str.upper(), "shop: 100.0 % new values, at most 1.0 %"),
        ("pages", np.float32(5), "pages: PSI"),
    ],
)
def test_where_only_the_holdout_is_broken_it_is_said_with_the_limit(
    tmp_path: Path, column: str, broken: object, why: str
) -> None:
    later = ROWS["at"] >= FIRST
    found = said(tmp_path, ROWS.assign(**{column: ROWS[column].where(~later, broken)}))
    assert found is not None
    assert why in found
    assert f"; {'shop' if column != 'shop' else 'minutes'}:" not in found


def test_a_holdout_of_few_rows_is_not_measured(tmp_path: Path) -> None:
    assert said(tmp_path, ROWS, held=199) is None
