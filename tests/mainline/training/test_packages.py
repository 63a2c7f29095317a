"""Whose code is whose, where a repository has several models."""

from __future__ import annotations

from pathlib import Path

import pytest

from mainline.runtime import models
from mainline.runtime.models import Model
from mainline.training.fingerprint import code_digests
from mainline.training.packages import foreign
from tests.projects import Project

ENTRY = "prepare: {{function: {0}.frame:prepare}}\n"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """The one at the top prepares with `shop`, churn with `churn`, which imports `common`."""
    made = Project.at(tmp_path)
    made.write("params.yaml", ENTRY.format("shop"))
    made.write("models/churn/params.yaml", ENTRY.format("churn"))
    for name, text in (("shop", ""), ("churn", "from common.days import with_day\n"), ("common", "")):
        made.write(f"src/{name}/__init__.py", "")
        made.write(f"src/{name}/frame.py", text)
    return made


def files(project: Project, model: Model) -> set[str]:
    with models.selecting(model):
        return {Path(name).parts[1] for name in code_digests(project.root)}


def test_what_other_models_alone_lead_to_is_foreign(project: Project) -> None:
    assert foreign(project.root, Model()) == {"churn", "common"}
    assert foreign(project.root, Model("churn")) == {"shop"}
    assert files(project, Model()) == {"shop"}
    assert files(project, Model("churn")) == {"churn", "common"}


def test_what_two_models_lead_to_is_both_of_theirs(project: Project) -> None:
    project.write("src/shop/frame.py", "import common.days\n")
    assert files(project, Model()) == {"shop", "common"}
    assert files(project, Model("churn")) == {"churn", "common"}


def test_a_package_that_is_imported_by_its_name_in_a_text_counts(project: Project) -> None:
    project.write("src/shop/frame.py", 'import importlib\nimportlib.import_module("common.frame")\n')
    assert foreign(project.root, Model()) == {"churn"}


def test_what_no_model_leads_to_counts_for_each(project: Project) -> None:
    project.write("src/plugins/__init__.py", "")
    project.write("src/loose.py", "")
    for model in (Model(), Model("churn")):
        assert {"plugins", "loose.py"} <= files(project, model)


def test_a_second_model_changes_nothing_of_the_first(project: Project) -> None:
    both = files(project, Model())
    for name in ("models/churn/params.yaml", "src/churn/frame.py", "src/churn/__init__.py"):
        project.path(name).unlink()
    for name in ("src/common/frame.py", "src/common/__init__.py"):
        project.path(name).unlink()
    assert files(project, Model()) == both == {"shop"}
