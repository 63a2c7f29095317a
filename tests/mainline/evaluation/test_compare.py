"""Which rows both models are measured on, with records made by hand."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainline.config.schema import Settings
from mainline.errors import ExternalError
from mainline.evaluation import compare
from mainline.evaluation.compare import Compared, in_classes, in_codes
from mainline.evaluation.comparison import Baseline, Comparison
from mainline.runtime.workspace import Workspace
from mainline.training import record
from mainline.training.record import Record
from tests.mainline.facts import facts
from tests.mainline.settings import params

BINARY = params(("resamples: 500", "resamples: 100\n  min_rows: 20")).settings
MULTICLASS = params(
    ("task: binary", "task: multiclass"),
    ("resamples: 500", "resamples: 100\n  min_rows: 20"),
    ("gaps: {metric: recall", "gaps: {metric: accuracy"),
).settings
N = 60
IDS = np.arange(N, dtype=np.uint64)


def make(folder: Path, name: str, **changes: Any) -> Record:
    known = facts(
        fingerprint=name,
        **{field: changes.pop(field) for field in ("task", "classes", "tables") if field in changes},
    )
    random = np.random.default_rng(0)
    y = (np.arange(N) % 2).astype(float)
    arrays = {"row_id": IDS, "y": y, "score": random.uniform(0, 1, N), "train": np.array([1000], dtype=np.uint64)}
    return record.keep(folder, known, b"", {**arrays, **changes}, {})


@pytest.fixture
def frame(tmp_path: Path) -> Path:
    path = tmp_path / "frame.parquet"
    at = pd.Timestamp("2026-02-20", tz="UTC") + pd.to_timedelta(np.arange(N) % 8, unit="D")
    pd.DataFrame(
        {
            "row_id": IDS, "visit": np.arange(N), "at": at, "day": at.date, "shop": "north",
            "minutes": 1.0, "pages": 1.0, "bought": np.arange(N) % 2 == 1,
        }
    ).to_parquet(path, index=False, coerce_timestamps="us")  # fmt: skip
    return path


def compared(tmp_path: Path, frame: Path, now: Record, was: Record | None, settings: Settings = BINARY) -> Compared:
    workspace = Workspace.at(tmp_path)
    baseline = Baseline("c" * 40, was) if was else Baseline()
    return compare.compare(Comparison(settings, workspace, {}, frame, now, baseline))


def test_each_row_has_the_scores_that_its_models_gave_it_in_whatever_order(tmp_path: Path, frame: Path) -> None:
    order = np.random.default_rng(1).permutation(N)
    score = np.linspace(0, 1, N)
    now = make(tmp_path, "now", score=score)
    was = make(tmp_path, "was", row_id=IDS[order], y=(order % 2).astype(float), score=score[order] / 2)
    found = compared(tmp_path, frame, now, was)
    assert found.rows.candidate.tolist() == score.tolist()
    assert found.rows.baseline is not None
    assert found.rows.baseline.tolist() == (score / 2).tolist()
    assert found.rows.y.tolist() == (np.arange(N) % 2).tolist()
    assert len(np.unique(found.rows.blocks)) == 8
    assert found.notes == []
    assert found.attribution[0].due_to_data == 0


def test_a_metric_without_a_value_has_no_change_to_split_and_the_others_have(tmp_path: Path, frame: Path) -> None:
    # No score reaches the threshold, so nothing is predicted positive and precision has no value.
    never = params(
        ("threshold: 0.4", "threshold: 1.0"),
        ("brier: 0.01", "brier: 0.01\n    precision: 0.05"),
        ("resamples: 500", "resamples: 100\n  min_rows: 20"),
    ).settings
    found = compared(tmp_path, frame, make(tmp_path, "now"), make(tmp_path, "was"), never)
    assert [part.metric for part in found.attribution] == ["roc_auc", "brier"]


def test_rows_without_a_label_are_left_out(tmp_path: Path, frame: Path) -> None:
    y = np.where(np.arange(N) < 10, np.nan, np.arange(N) % 2)
    found = compared(tmp_path, frame, make(tmp_path, "now", y=y), make(tmp_path, "was", y=y))
    assert len(found.rows.y) == N - 10
    assert len(found.rows.rows) == N - 10


def test_training_rows_of_main_are_counted_named_and_left_out(tmp_path: Path, frame: Path) -> None:
    found = compared(tmp_path, frame, make(tmp_path, "now"), make(tmp_path, "was", train=IDS[:25]))
    assert len(found.rows.y) == 35
    assert "25 of the 60 holdout rows are training rows of the baseline: they are left out" in found.notes[0]
    assert "compared on 35 of 60 labelled holdout rows" in found.notes[1]


def test_training_rows_of_this_model_are_counted_and_named(tmp_path: Path, frame: Path) -> None:
    found = compared(tmp_path, frame, make(tmp_path, "now", train=IDS[:3]), None)
    assert found.notes == [
        "3 of 60 holdout rows are also training rows of the candidate: its metrics are too optimistic"
    ]


def test_too_few_common_rows_are_not_compared_and_the_candidate_is_measured_alone(tmp_path: Path, frame: Path) -> None:
    found = compared(tmp_path, frame, make(tmp_path, "now"), make(tmp_path, "was", train=IDS[:41]))
    assert found.not_comparable == "only 19 labelled rows can be compared, compare.min_rows requires 20"
    assert found.rows.baseline is None
    assert len(found.rows.y) == N


def test_a_main_of_another_task_is_not_compared(tmp_path: Path, frame: Path) -> None:
    was = make(tmp_path, "was", task="regression", classes=[])
    found = compared(tmp_path, frame, make(tmp_path, "now"), was)
    assert found.not_comparable is not None
    assert "the baseline's task is regression, the candidate's is binary" in found.not_comparable


def test_a_label_that_is_another_than_mains_is_counted(tmp_path: Path, frame: Path) -> None:
    y = (np.arange(N) % 2).astype(float)
    y[:7] = 1 - y[:7]
    y[7] = np.nan  # the same data: it had no label there
    found = compared(tmp_path, frame, make(tmp_path, "now"), make(tmp_path, "was", y=y))
    assert found.notes == [
        "the label differs from the baseline's in 8 of 60 rows: both models are measured on the candidate's labels"
    ]


def test_a_record_that_has_not_scored_the_holdout_is_refused(tmp_path: Path, frame: Path) -> None:
    short = make(tmp_path, "now", row_id=IDS[:-1], y=np.zeros(N - 1), score=np.zeros(N - 1))
    with pytest.raises(ExternalError, match="has no score for some holdout rows"):
        compared(tmp_path, frame, short, None)


def test_a_class_that_main_does_not_know_has_probability_zero_there_and_no_label_moved(
    tmp_path: Path, frame: Path
) -> None:
    random = np.random.default_rng(0)
    y = (np.arange(N) % 3).astype(float)
    now = make(tmp_path, "now", task="multiclass", classes=["a", "b", "c"], y=y, score=random.dirichlet(np.ones(3), N))
    # The baseline knows a and c: its code 1 is the candidate's code 2.
    theirs = np.where(y == 0, 0.0, np.where(y == 2, 1.0, np.nan))
    scores = random.dirichlet(np.ones(2), N)
    was = make(tmp_path, "was", task="multiclass", classes=["a", "c"], y=theirs, score=scores)
    found = compared(tmp_path, frame, now, was, MULTICLASS)
    assert found.rows.baseline is not None
    assert found.rows.baseline == pytest.approx(np.column_stack([scores[:, 0], np.zeros(N), scores[:, 1]]))
    assert "the baseline's classes are a, c, the candidate's a, b, c" in found.notes[-1]
    assert "the label differs from the baseline's in 20 of 60 rows" in found.notes[0]


def test_a_class_that_only_main_knows_is_shared_out() -> None:
    score = np.array([[0.2, 0.3, 0.5], [0.0, 1.0, 0.0]])
    found = in_classes(score, ["a", "gone", "c"], ["a", "c"])
    assert found.tolist() == [pytest.approx([0.2 / 0.7, 0.5 / 0.7]), [0.5, 0.5]]


@given(st.data(), st.lists(st.sampled_from("abcdef"), unique=True, min_size=2))
def test_probabilities_in_other_classes_still_add_up_to_one(data: st.DataObject, own: list[str]) -> None:
    wanted = data.draw(st.lists(st.sampled_from("abcdef"), unique=True, min_size=2))
    raw = np.array(data.draw(st.lists(st.integers(0, 9), min_size=len(own), max_size=len(own))), dtype=float)
    score = ((raw + 1e-3) / (raw + 1e-3).sum())[np.newaxis]
    found = in_classes(score, own, wanted)
    assert found.shape == (1, len(wanted))
    assert found.sum() == pytest.approx(1)
    common = [value for value in own if value in wanted]
    for a, b in pairwise(common):
        ratio = score[0, own.index(a)] / score[0, own.index(b)]
        assert found[0, wanted.index(a)] / found[0, wanted.index(b)] == pytest.approx(ratio)


def test_codes_follow_the_class_and_not_the_number() -> None:
    found = in_codes(np.array([0.0, 1.0, np.nan]), ["b", "gone"], ["a", "b"])
    assert found[0] == 1
    assert np.isnan(found[1:]).all()
