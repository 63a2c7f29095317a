"""Optional groups of packages: which of them a project needs, and how a missing one is named."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from mainline.config import frameworks, user_code
from mainline.evaluation.baseline import framework_groups
from mainline.training.fingerprint import locked_packages
from tests.projects import TOP


def test_every_framework_is_locked_in_its_group_and_in_no_other_environment() -> None:
    usual = {name for group in ("train", "export", "stage", "test", "lint") for name in locked_packages(TOP, group)}
    for framework in frameworks.FRAMEWORKS:
        assert framework.packages[0] in locked_packages(TOP, framework.group)
        assert usual.isdisjoint(framework.packages)
    assert "xgboost" not in {
        package["name"] for package in tomllib.loads((TOP / "uv.lock").read_text(encoding="utf-8"))["package"]
    }


@pytest.mark.parametrize(("package", "group"), [("lightgbm", "boosting"), ("skorch", "torch"), ("tensorflow", "keras")])
def test_a_missing_framework_is_named_with_the_command_that_brings_it(package: str, group: str) -> None:
    said = user_code.missing(ModuleNotFoundError("no", name=f"{package}.sklearn"), package)
    assert f"`make tools WITH={group}`" in said
    assert f'frameworks = ["{group}"] in pyproject.toml' in said
    assert "WITH=" not in user_code.missing(ModuleNotFoundError("no", name="somethingelse"), "somethingelse")


def test_a_class_of_the_projects_own_leads_to_the_frameworks_that_it_imports(tmp_path: Path) -> None:
    package = tmp_path / "src" / "shop"
    package.mkdir(parents=True)
    (package / "net.py").write_text('"""Not keras."""\n\n\ndef build():\n    import torch\n\n    return torch\n')
    assert frameworks.named_by(tmp_path, "shop.net.Net") == ["torch"]
    assert frameworks.named_by(tmp_path, "lightgbm.LGBMClassifier") == ["lightgbm"]
    assert frameworks.named_by(tmp_path, "sklearn.linear_model.Ridge") == []
    ready = "mainline.training.frameworks.tabular.TabularClassifier"
    assert frameworks.named_by(tmp_path, ready) == ["torch", "skorch"]
    saved = "mainline.training.frameworks.saved_model.SavedModelClassifier"
    assert frameworks.named_by(tmp_path, saved) == ["tensorflow"]
    (tmp_path / "params.yaml").write_text(f"train: {{estimator: {ready}}}")
    assert framework_groups(tmp_path) == ["torch"]
    (tmp_path / "params.yaml").write_text("{data: {engine: spark}, train: {estimator: lightgbm.LGBMClassifier}}")
    assert framework_groups(tmp_path) == ["boosting", "spark"]
    (tmp_path / "params.yaml").write_text("train: [")
    assert framework_groups(tmp_path) == []
