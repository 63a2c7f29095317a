"""Labels that are missing with a reason are found by period, slice, age and score."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from mainline.evaluation import missing_labels
from mainline.evaluation.results import Coverage
from mainline.training import label_coverage, record
from tests.mainline.facts import facts
from tests.mainline.settings import params

SETTINGS = params(("label: bought", "label: bought\n  status: status")).settings
N = 6000
RANDOM = np.random.default_rng(0)
AT = pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(np.arange(N) * 860, unit="s")
SHOP = RANDOM.choice(["north", "south", "east"], N)


def frame(folder: Path, unlabelled: np.ndarray) -> Path:  # type: ignore[type-arg]
    bought = np.where(unlabelled, None, RANDOM.random(N) < 0.3)
    rows = pd.DataFrame({"row_id": np.arange(N, dtype=np.uint64), "at": AT, "shop": SHOP, "bought": bought})
    rows["status"] = np.where(unlabelled, "pending", "known")
    path = folder / "frame.parquet"
    rows.astype({"bought": "boolean"}).to_parquet(path, index=False, coerce_timestamps="us")
    return path


def counted(folder: Path, unlabelled: np.ndarray) -> label_coverage.Coverage:
    return label_coverage.measure(SETTINGS, frame(folder, unlabelled))


def test_the_coverage_of_every_side_month_and_slice_is_counted(tmp_path: Path) -> None:
    january = pd.Timestamp("2026-02-01", tz="UTC") > AT
    found = {
        part.part: part for part in missing_labels.parts(SETTINGS, counted(tmp_path, january & (SHOP == "east")), None)
    }
    assert set(found) == {
        "training", "holdout", "training 2026-01", "training 2026-02",
        *(f"{side} shop={shop}" for side in ("training", "holdout") for shop in ("north", "south", "east")),
    }  # fmt: skip
    assert (
        found["training shop=east"].share
        == (~january & (AT < "2026-02-16") & (SHOP == "east")).sum() / ((AT < "2026-02-16") & (SHOP == "east")).sum()
    )
    assert found["holdout shop=east"].share == 1.0
    assert 0.6 < found["training 2026-01"].share < 0.7
    assert found["training 2026-02"].share == 1.0


def test_labels_that_main_had_are_missed(tmp_path: Path) -> None:
    before = counted(tmp_path, np.zeros(N, bool))
    arrays = {name: np.zeros(1) for name in ("y", "score")} | {
        name: np.zeros(1, np.uint64) for name in ("row_id", "train")
    }
    main = record.keep(tmp_path, facts(coverage=before), b"", arrays, {})
    now = missing_labels.parts(SETTINGS, counted(tmp_path, (SHOP == "south") & (RANDOM.random(N) < 0.3)), main)
    (said,) = missing_labels.warnings(now, [], None, SETTINGS)
    assert "labels are missing that main's run had" in said
    assert "shop=south is labelled in" in said
    assert "100.0 % on main" in said


def test_rows_that_are_pending_long_after_they_were_due_are_a_finding_without_being_asked_for(tmp_path: Path) -> None:
    path = frame(tmp_path, RANDOM.random(N) < 0.02)
    late = missing_labels.overdue(SETTINGS, path)
    assert late is not None
    assert late[1] == (pd.Timestamp("2026-02-23", tz="UTC") > AT).sum()
    (said,) = missing_labels.warnings([], [], late, SETTINGS)
    assert "rows are still pending 7 days after their time" in said
    recent = frame(tmp_path, pd.Timestamp("2026-02-27", tz="UTC") <= AT)
    assert missing_labels.overdue(SETTINGS, recent) == (0, late[1])


def test_labels_that_are_missing_where_the_score_is_high_are_a_finding() -> None:
    score = RANDOM.random(5000)
    by_chance = missing_labels.by_score(score, RANDOM.random(5000) < 0.95)
    assert [part.rows for part in by_chance] == [1000] * 5
    assert missing_labels.warnings([], by_chance, None, SETTINGS) == []
    high = missing_labels.by_score(score, RANDOM.random(5000) > 0.3 * score**2)
    (said,) = missing_labels.warnings([], high, None, SETTINGS)
    assert "whether an outcome is missing depends on the model's own score" in said


def test_a_row_without_a_label_whose_status_is_final_is_not_missing(tmp_path: Path) -> None:
    path = frame(tmp_path, RANDOM.random(N) < 0.1)
    rows = pd.read_parquet(path)
    unlabelled = rows["bought"].isna()
    rows["status"] = rows["status"].where(~unlabelled | (rows["row_id"] % 2 == 0), "cancelled")
    rows.to_parquet(path, index=False, coerce_timestamps="us")
    held = rows[rows["at"] >= pd.Timestamp("2026-02-16", tz="UTC")]
    y = held["bought"].astype("float64").to_numpy(na_value=np.nan)
    arrays = {"row_id": held["row_id"].to_numpy(), "y": y, "score": np.zeros(len(y)), "train": np.zeros(1, np.uint64)}
    found = missing_labels.settled(SETTINGS, path, record.keep(tmp_path, facts(), b"", arrays, {}))
    assert found.tolist() == (held["bought"].notna() | (held["status"] == "cancelled")).tolist()


def test_scores_of_several_classes_and_of_few_rows_are_not_looked_at() -> None:
    assert missing_labels.by_score(np.zeros((500, 3)), np.ones(500, bool)) == []
    assert missing_labels.by_score(np.zeros(249), np.ones(249, bool)) == []


def test_a_small_part_below_the_limit_may_be_chance() -> None:
    assert not missing_labels.surely_below(Coverage("training carrier=YV", 394, 0.891), 0.90)
    assert missing_labels.surely_below(Coverage("training carrier=EV", 35_000, 0.891), 0.90)
    assert missing_labels.surely_below(Coverage("training carrier=YV", 394, 0.0), 0.90)
