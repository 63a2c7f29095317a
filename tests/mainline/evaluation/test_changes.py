from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mainline.evaluation import changes
from mainline.evaluation.results import Change
from mainline.training.fingerprint import Parts
from tests.projects import Project

PARTS = Parts(
    tables={"visits": "a"},
    clock="2026-03-02T00:00:00+00:00",
    prepare={"features": {"numeric": ["a", "b"], "categorical": []}, "status": None},
    train={"params": {"depth": 3}},
    split={"by": "time"},
    task="binary",
    packages={"numpy": "2.0", "gone": "1"},
    python="3.11 x86_64",
    code={"src/shop/frame.py": "aa", "src/shop/old.py": "bb"},
)


def test_nothing_differs_from_itself() -> None:
    assert changes.of_model(PARTS, PARTS) == []


def test_every_kind_of_difference_is_listed_with_both_values() -> None:
    now = replace(
        PARTS,
        clock="2026-04-02T00:00:00+00:00",
        prepare={"features": {"numeric": ["a", "c"], "categorical": []}, "status": "status"},
        train={"params": {"depth": 4, "rate": 0.1}},
        packages={"numpy": "2.1"},
        python="3.12 x86_64",
        code={"src/shop/frame.py": "cc", "src/shop/new.py": "dd"},
    )
    assert changes.of_model(PARTS, now) == [
        Change("parameter", "prepare.features.numeric", "a, b", "a, c"),
        Change("parameter", "prepare.status", None, "status"),
        Change("parameter", "train.params.depth", "3", "4"),
        Change("parameter", "train.params.rate", None, "0.1"),
        Change("parameter", "data.until", "2026-03-02T00:00:00+00:00", "2026-04-02T00:00:00+00:00"),
        Change("package", "gone", "1", None),
        Change("package", "numpy", "2.0", "2.1"),
        Change("package", "python", "3.11 x86_64", "3.12 x86_64"),
        Change("code", "src/shop/frame.py", "…", "changed"),
        Change("code", "src/shop/new.py", None, "new"),
        Change("code", "src/shop/old.py", "…", None),
    ]


def test_a_pull_request_that_bends_what_judges_it_is_seen(tmp_path: Path) -> None:
    shop = Project(tmp_path)
    commit = shop.git("rev-parse", "HEAD")
    assert changes.of_gates(shop.root, commit, "params.yaml", "data/expectations") == []
    shop.edit(
        "params.yaml",
        ("roc_auc: 0.02   # equal", "roc_auc: 0.2   # equal"),
        ("threshold: 0.4", "threshold: 0.3"),
        ("max_iter: 30", "max_iter: 31"),
        ("resamples: 500", "resamples: 100"),
    )
    shop.edit("data/expectations/visits.yaml", ("max_value: 240", "max_value: 999"))
    shop.write("data/expectations/purchases.yaml", "expectations: []\n")
    assert changes.of_gates(shop.root, commit, "params.yaml", "data/expectations") == [
        Change("gate", "evaluate.threshold", "0.4", "0.3"),
        Change("gate", "compare.resamples", "500", "100"),
        Change("gate", "gates.margins.roc_auc", "0.02", "0.2"),
        Change("gate", "data/expectations/purchases.yaml", "…", "changed"),
        Change("gate", "data/expectations/visits.yaml", "…", "changed"),
    ]


def test_the_machine_and_its_workflows_judge_too(tmp_path: Path) -> None:
    shop = Project(tmp_path)
    shop.write(".github/workflows/review.yml", "on: push\n")
    shop.write("Makefile", "review:\n")
    shop.write("data/expectations/purchases.yaml", "expectations: []\n")  # a suite comes first: it is the model's own
    shop.write("src/mainline/evaluation/gates/margins.py", "")
    shop.write("src/shop/extensions.py", "")
    shop.write("docs/page.md", "")
    found = changes.of_gates(shop.root, "HEAD", "params.yaml", "data/expectations")
    assert [change.what for change in found] == [
        "data/expectations/purchases.yaml",
        ".github/workflows/review.yml",
        "Makefile",
        "src/mainline/evaluation/gates/margins.py",
        "src/shop/extensions.py",
    ]


def test_suites_that_are_moved_away_are_seen(tmp_path: Path) -> None:
    shop = Project(tmp_path)
    shop.edit("params.yaml", ("data:\n", "data:\n  expectations: nowhere\n"))
    found = changes.of_gates(shop.root, "HEAD", "params.yaml", "nowhere")
    assert found == [Change("gate", "data.expectations", None, "nowhere")]


def test_suites_that_are_deleted_are_seen_also_where_the_settings_cannot_be_read(tmp_path: Path) -> None:
    shop = Project(tmp_path)
    shop.path("data/expectations/visits.yaml").unlink()
    shop.write("params.yaml", "task: [")
    found = changes.of_gates(shop.root, "HEAD", "params.yaml", "data/expectations")
    assert found == [Change("gate", "data/expectations/visits.yaml", "…", "changed")]


def test_a_gate_that_is_taken_away_is_seen(tmp_path: Path) -> None:
    shop = Project(tmp_path)
    shop.edit("params.yaml", ("  calibration_error: 0.15\n", ""))
    found = changes.of_gates(shop.root, "HEAD", "params.yaml", "data/expectations")
    assert found == [Change("gate", "gates.calibration_error", "0.15", None)]
