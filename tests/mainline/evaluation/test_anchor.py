"""The best of the earlier releases, on the rows of the comparison: with records made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mainline.config.loader import parse
from mainline.errors import ConfigurationError
from mainline.evaluation import anchor, bootstrap, compare, gates
from mainline.evaluation.comparison import Baseline, Comparison, Release
from mainline.evaluation.gates import Measured
from mainline.runtime.workspace import Workspace
from mainline.training import record
from mainline.training.record import Record
from tests.mainline.facts import facts
from tests.mainline.settings import params
from tests.projects import PARAMS

WITH_ANCHOR = ("gates:\n", "gates:\n  anchor: {for: 3 months} # small losses add up\n")
SHOP = params(("resamples: 500", "resamples: 200\n  min_rows: 20"), WITH_ANCHOR)
N = 800
IDS = np.arange(N, dtype=np.uint64)
Y = (np.random.default_rng(0).random(N) < 0.4).astype(float)


def scores(noise: float) -> Any:
    """Scores that know less of the label the more noise they have; the noise of all is drawn alike."""
    return 1 / (1 + np.exp(-(2 * Y - 1 + noise * np.random.default_rng(1).normal(size=N))))


def made(folder: Path, name: str, noise: float, **changes: Any) -> Record:
    known = facts(
        digest=name * 8,
        fingerprint=name,
        **{field: changes.pop(field) for field in ("task", "classes", "tables", "commit") if field in changes},
    )
    arrays = {"row_id": IDS, "y": Y, "score": scores(noise), "train": np.array([9999], dtype=np.uint64)}
    return record.keep(folder, known, b"", {**arrays, **changes}, {})


def release(number: int, found: Record | None, problem: str = "") -> Release:
    return Release(number, "c" * 40, f"2026-0{number}-01T00:00:00+00:00", found, problem)


@pytest.fixture
def frame(tmp_path: Path) -> Path:
    path = tmp_path / "frame.parquet"
    at = pd.Timestamp("2026-02-18", tz="UTC") + pd.to_timedelta(np.arange(N) % 10, unit="D")
    columns = {
        "row_id": IDS, "visit": IDS, "at": at, "day": at.date, "shop": "north", "minutes": 1.0, "pages": 1.0,
        "bought": Y == 1,
    }  # fmt: skip
    pd.DataFrame(columns).to_parquet(path, index=False, coerce_timestamps="us")
    return path


def measured(tmp_path: Path, frame: Path, releases: Sequence[Release], noise: float = 1.0) -> anchor.Found:
    """A candidate with this noise, against a main that is no better."""
    now, was = made(tmp_path, "now", noise), made(tmp_path, "main", noise)
    comparison = Comparison(
        SHOP.settings, Workspace.at(tmp_path), {}, frame, now, Baseline("d" * 40, was), "main", releases
    )
    rows = compare.compare(comparison).rows
    return anchor.find(comparison, rows, bootstrap.draw(10, 200, 0))


def judged(found: anchor.Found) -> list[Any]:
    seen = Measured(True, [], None, [], [], 1.0, 1.0, 1, anchor=found.anchor, no_anchor=found.problem)
    return [gate for gate in gates.judge(SHOP, seen) if gate.name.startswith("anchor: ")]


def test_small_losses_add_up_against_the_best_release(tmp_path: Path, frame: Path) -> None:
    """Each step loses less than the margin allows; together they lose more."""
    noises = [1.0, 1.3, 1.6]
    releases = [release(n + 1, made(tmp_path, f"v{n}", noise)) for n, noise in enumerate(noises)]
    found = measured(tmp_path, frame, releases, noise=1.9)
    assert found.anchor
    assert (found.anchor.version, found.anchor.releases, found.anchor.rows) == (1, 3, N)
    auc = found.anchor.metrics[0]
    assert auc.name == "roc_auc"
    assert auc.delta is not None
    assert auc.baseline is not None
    assert auc.delta.value == pytest.approx(auc.candidate.value - auc.baseline.value)
    gate = judged(found)[0]
    assert not gate.passed
    assert gate.rule == ("at most 0.020 worse than version 1, the best release of the last 3 months, on the same rows")
    assert gate.measured.startswith("−0.")
    assert gate.reason == "small losses add up"


def test_a_model_that_is_as_good_as_the_best_release_passes(tmp_path: Path, frame: Path) -> None:
    found = measured(tmp_path, frame, [release(1, made(tmp_path, "v1", 1.0)), release(2, made(tmp_path, "v2", 1.5))])
    assert [gate.passed for gate in judged(found)] == [True, True]
    assert found.anchor
    assert found.anchor.version == 1


def test_without_a_release_the_gate_is_left_out_and_the_report_says_so(tmp_path: Path, frame: Path) -> None:
    found = measured(tmp_path, frame, [])
    assert judged(found) == []
    assert found.notes == ("no release of the last 3 months is known here: gates.anchor has nothing to compare with",)


def test_releases_that_cannot_be_compared_are_named_and_do_not_pass(tmp_path: Path, frame: Path) -> None:
    other = made(tmp_path, "v2", 1.0, task="regression", classes=[])
    found = measured(tmp_path, frame, [release(1, None, "its run has no record"), release(2, other)])
    gate = judged(found)[0]
    assert not gate.passed
    assert gate.measured == (
        "not measurable: no release of the last 3 months can be compared "
        "(version 2: its task is regression; version 1: its run has no record)"
    )


def test_one_release_that_cannot_be_compared_is_noted_and_the_others_count(tmp_path: Path, frame: Path) -> None:
    found = measured(tmp_path, frame, [release(1, None, "its run has no record"), release(2, made(tmp_path, "v", 1.0))])
    assert found.anchor
    assert found.anchor.version == 2
    assert found.notes == ("not compared with an earlier release, version 1: its run has no record",)


def test_rows_that_the_release_was_trained_on_are_left_out(tmp_path: Path, frame: Path) -> None:
    found = measured(tmp_path, frame, [release(1, made(tmp_path, "v1", 1.0, train=IDS[:100]))])
    assert found.anchor
    assert found.anchor.rows == N - 100


def test_an_anchor_without_margins_is_refused() -> None:
    text = PARAMS.replace(*WITH_ANCHOR)
    start = text.index("  margins:\n")
    with pytest.raises(ConfigurationError, match=r"set gates\.margins"):
        parse(text[:start] + text[text.index("  lead:") :])


def test_a_misspelt_for_is_named() -> None:
    with pytest.raises(ConfigurationError, match="did you mean for"):
        params(("gates:\n", "gates:\n  anchor: {form: 3 months}\n"))
