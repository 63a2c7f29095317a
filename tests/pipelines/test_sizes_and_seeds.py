"""`export.optimise`, `compare.seeds` and `train.rows` in whole runs of a small project."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mainline.config import loader
from mainline.data.split import sides
from mainline.packaging.export import matrices
from mainline.serving import scorer, signature
from mainline.training import pipeline
from mainline.training.record import Record
from tests.pipelines.shops import lean, notes_of

pytestmark = pytest.mark.slow

OPTIMISE = ("\ncompare:\n", "\nexport: {optimise: true}\ncompare:\n")


def test_the_smaller_model_is_what_is_reviewed_recorded_and_served(tmp_path: Path) -> None:
    shop = lean(tmp_path / "shop")
    shop.edit("params.yaml", OPTIMISE)
    found = shop.run()
    assert found.status == 0, found.err + found.out
    assert "Size of the model" in shop.report
    assert "trees are used: the fewest that are no worse on the last rows before the holdout" in shop.report
    record = Record.read(shop.path(f".mainline/records/{shop.verdict['fingerprint']}"))
    used = next(trial for trial in record.facts.sizes if trial.used)
    assert used.trees < record.facts.sizes[-1].trees == 30
    assert record.model().named_steps["estimator"].n_iter_ == used.trees
    assert record.digest == shop.verdict["model_digest"]
    made = shop.mainline("export")
    assert made.status == 0, made.err
    assert "optimise" not in made.err  # the record is known
    read = signature.read(shop.path(".mainline/model"))
    assert read.pipeline_digest == shop.verdict["model_digest"]
    settings = loader.load(shop.path("params.yaml")).settings
    (frame,) = shop.path(".mainline/frames").glob("*.parquet")
    rows = pipeline.read_rows(settings, frame, sides(settings).holdout)
    answers = np.asarray(scorer.load(read, shop.path(".mainline/model"))(*matrices(read, rows)))[:, 1]
    expected = pd.Series(record.holdout.score, index=record.holdout.row_id)[rows["row_id"]]
    assert answers == pytest.approx(expected.to_numpy(), abs=1e-5)


def test_the_spread_over_seeds_is_measured_once_and_enters_the_intervals(tmp_path: Path) -> None:
    shop = lean(tmp_path / "shop")
    luck = ("early_stopping: false}", "early_stopping: false, max_features: 0.5}")
    shop.edit("params.yaml", luck, ("max_iter: 30", "max_iter: 29"))
    assert shop.run().status in (0, 1)
    narrow = shop.verdict["metrics"]["roc_auc"]
    assert "seeds:" not in shop.report
    shop.edit("params.yaml", ("  resamples: 500", "  resamples: 500\n  seeds: 3"))
    found = shop.run()
    assert found.status in (0, 1), found.err
    wide = shop.verdict["metrics"]["roc_auc"]
    assert wide["delta"] == pytest.approx(narrow["delta"], abs=1e-12)
    assert wide["high"] - wide["low"] > narrow["high"] - narrow["low"]
    assert "seeds: over 3 other seeds roc_auc has a standard deviation of" in notes_of(shop)
    (kept,) = shop.path(".mainline/seeds").glob("*.npz")
    stamp = kept.stat().st_mtime_ns
    assert kept.stem == shop.verdict["fingerprint"]
    shop.edit("params.yaml", ("  seeds: 3", "  seeds: 3\n  confidence: 0.9"))
    assert shop.run().status in (0, 1)
    assert kept.stat().st_mtime_ns == stamp


def test_a_model_of_a_stated_sample_is_compared_on_the_whole_holdout_and_the_report_says_so(tmp_path: Path) -> None:
    shop = lean(tmp_path / "shop")
    shop.edit("params.yaml", ("\ntrain:\n", "\ntrain:\n  rows: 2000\n"))
    found = shop.run()
    assert found.status in (0, 1), found.err
    rows = shop.verdict["data"]["rows"]
    whole = f"of the {rows['train']:,} labelled training rows, by a hash of their key (train.rows)"
    assert f"itted on a sample of 2,000 {whole}" in notes_of(shop)
    assert "2,000 rows, " in found.err, "the stage says how many were fitted"
    record = Record.read(shop.path(f".mainline/records/{shop.verdict['fingerprint']}"))
    assert len(record.train_rows) == 2000
    assert len(record.holdout.score) == rows["holdout"]
    assert shop.verdict["baseline"]["fingerprint"] != shop.verdict["fingerprint"], "main was fitted on all rows"
