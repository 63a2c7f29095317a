from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mainline.github.actions.relevant_changes import harmless
from tests.projects import TOP, Project


@pytest.fixture
def shop(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    shutil.copy(TOP / "uv.lock", made.path("uv.lock"))
    shutil.copy(TOP / "deploy" / "Dockerfile", made.path("deploy/Dockerfile"))
    made.write("data/README.md", "The data\n")
    made.commit("A lock")
    return made


def test_documents_tests_and_workflows_cannot_change_a_model(shop: Project) -> None:
    for name in ("docs/a.md", "README.md", "tests/test_a.py", ".github/workflows/a.yml", "data/README.md"):
        shop.write(name, "other\n")
    assert harmless(shop.root, "HEAD") == [
        ".github/workflows/a.yml",
        "README.md",
        "data/README.md",
        "docs/a.md",
        "tests/test_a.py",
    ]


def test_nothing_at_all_cannot_change_a_model(shop: Project) -> None:
    assert harmless(shop.root, "HEAD") == []


def test_a_comment_in_the_settings_cannot_change_a_model(shop: Project) -> None:
    shop.edit("params.yaml", ("equal models differ by less", "measured twice"))
    assert harmless(shop.root, "HEAD") == ["params.yaml"]


@pytest.mark.slow
def test_a_package_that_training_does_not_use_cannot_change_a_model(shop: Project) -> None:
    shop.edit("uv.lock", ('name = "ruff"\nversion = "', 'name = "ruff"\nversion = "9'))
    assert harmless(shop.root, "HEAD") == ["uv.lock"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        ("params.yaml", "max_iter: 30", "max_iter: 31"),
        ("params.yaml", "roc_auc: 0.02", "roc_auc: 0.2"),
        ("src/shop/frame.py", "import _", "import _  # the same"),
        ("data/expectations/visits.yaml", "max_value: 240", "max_value: 241"),
        ("data/purchases.csv", "True", "False"),
        ("uv.lock", 'name = "scikit-learn"\nversion = "', 'name = "scikit-learn"\nversion = "9'),
        ("uv.lock", 'name = "granian"\nversion = "', 'name = "granian"\nversion = "9'),
        ("deploy/Dockerfile", "EXPOSE 8080", "EXPOSE 8081"),
    ],
)
def test_what_makes_or_judges_a_model_can_change_it(shop: Project, file: str, before: str, after: str) -> None:
    shop.edit(file, (before, after))
    assert harmless(shop.root, "HEAD") is None


def test_a_source_that_is_taken_away_can_change_a_model(shop: Project) -> None:
    shop.path("data/visits.parquet").unlink()
    assert harmless(shop.root, "HEAD") is None


def test_a_source_outside_data_counts_as_well(shop: Project) -> None:
    shop.edit("params.yaml", ("path: data/purchases.csv", "path: inputs/*.csv"))
    shutil.move(shop.path("data/purchases.csv"), shop.path("inputs/purchases.csv"))
    shop.commit("Move")
    shop.write("docs/a.md", "a\n")
    assert harmless(shop.root, "HEAD") == ["docs/a.md"]
    shop.edit("inputs/purchases.csv", ("True", "False"))
    assert harmless(shop.root, "HEAD") is None


def test_a_source_elsewhere_may_have_changed_by_itself(shop: Project) -> None:
    shop.edit("params.yaml", ("path: data/purchases.csv", "path: https://example.org/purchases.csv"))
    shop.commit("A remote source")
    shop.write("docs/a.md", "a\n")
    assert harmless(shop.root, "HEAD") is None


def test_settings_that_cannot_be_read_are_for_the_run_to_refuse(shop: Project) -> None:
    shop.edit("params.yaml", ("task: binary", "task: [binary"))
    assert harmless(shop.root, "HEAD") is None
