"""What is released: told from what differs from the commit that was released last."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mainline.github.actions import release_due as due
from mainline.github.actions.release_page import MARK
from mainline.github.client import GitHub
from tests.github.double import GitHubDouble
from tests.github.fixture import github
from tests.projects import TOP, Project

__all__ = ["github"]


@pytest.fixture
def shop(tmp_path: Path) -> Project:
    project = Project(tmp_path / "shop", with_git=False)
    shutil.copy(TOP / "uv.lock", project.path("uv.lock"))
    for name in ("deploy/Dockerfile", "deploy/base/Dockerfile"):
        project.write(name, "FROM scratch\n")
    project.init()
    project.commit("The shop")
    return project


class Page:
    """GitHub's side: the releases."""

    def __init__(self, github: GitHubDouble) -> None:
        self.repository = github.repository("team/model")
        self.client = GitHub.from_environment(github.environment(self.repository, access="write"))

    def released(self, commit: str, version: int = 1) -> None:
        body = f'<!-- mainline: {{"commit": "{commit}", "at": "2026-11-21T0{version}:00:00+00:00"}} -->'
        assert MARK.search(body)
        self.client.post("releases", {"tag_name": f"model-v{version}", "body": body})

    def due(self, shop: Project, event: str = "push") -> due.Due:
        return due.due(shop.root, event, self.client)


@pytest.fixture
def page(github: GitHubDouble) -> Page:
    return Page(github)


def test_a_push_begins_no_releases_and_says_how_the_first_one_is_started(page: Page, shop: Project) -> None:
    """A repository that is made from the template begins with a push of the example."""
    found = page.due(shop)
    assert not found.due
    assert "first release is started manually: Actions → release → Run workflow" in found.why
    assert page.due(shop, "workflow_dispatch").due


def test_after_a_first_release_whose_page_could_not_be_made_pushes_are_released(page: Page, shop: Project) -> None:
    page.repository.refs["tags/model-v1"] = page.repository.refs["heads/main"]
    assert page.due(shop).due


def test_documents_and_tests_release_nothing(page: Page, shop: Project) -> None:
    page.released(shop.git("rev-parse", "HEAD"))
    shop.write("docs/page.md", "# A page\n")
    shop.write("tests/test_it.py", "assert True\n")
    shop.edit("params.yaml", ("# equal models differ by less", "# another reason"))
    shop.commit("Words")
    assert page.due(shop) == due.Due(False, "nothing that differs from model-v1 can change the model or its image")
    assert page.due(shop, "workflow_dispatch").due


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("params.yaml", ("max_iter: 30", "max_iter: 31")),
        ("deploy/Dockerfile", ("FROM scratch", "FROM another")),
        ("deploy/base/Dockerfile", ("FROM scratch", "FROM another")),
        ("src/shop/frame.py", ("# What", "# What")),
        ("uv.lock", ('name = "granian"\nversion = "', 'name = "granian"\nversion = "9')),
        ("uv.lock", ('name = "skl2onnx"\nversion = "', 'name = "skl2onnx"\nversion = "9')),
        ("uv.lock", ('name = "scikit-learn"\nversion = "', 'name = "scikit-learn"\nversion = "9')),
    ],
)
def test_what_makes_model_or_image_is_released(page: Page, shop: Project, file: str, change: tuple[str, str]) -> None:
    page.released(shop.git("rev-parse", "HEAD"))
    if file.endswith(".py"):
        shop.write(file, shop.path(file).read_text() + "\n")
    else:
        shop.edit(file, change)
    shop.commit("A change")
    assert page.due(shop).due


@pytest.mark.slow
def test_a_package_that_only_tests_use_releases_nothing(page: Page, shop: Project) -> None:
    page.released(shop.git("rev-parse", "HEAD"))
    shop.edit("uv.lock", ('name = "ruff"\nversion = "', 'name = "ruff"\nversion = "9'))
    shop.commit("Another ruff")
    assert not page.due(shop).due


def test_a_model_whose_release_was_dropped_is_not_overlooked_by_a_push_of_documents(page: Page, shop: Project) -> None:
    page.released(shop.git("rev-parse", "HEAD"))
    shop.edit("params.yaml", ("max_iter: 30", "max_iter: 31"))
    shop.commit("A model whose run was cancelled")
    shop.write("docs/page.md", "# A page\n")
    shop.commit("Words")
    assert page.due(shop).due


def test_an_older_commits_run_that_is_run_again_takes_nothing_back(page: Page, shop: Project) -> None:
    page.released(shop.git("rev-parse", "HEAD"))
    shop.edit("params.yaml", ("max_iter: 30", "max_iter: 31"))
    later = shop.commit("A change")
    page.released(later, 2)
    shop.git("checkout", "--quiet", "HEAD^")
    for event in ("push", "workflow_dispatch"):
        found = page.due(shop, event)
        assert not found.due
        assert "model-v2 was made from a later commit" in found.why
    shop.git("checkout", "--quiet", later)
    assert not page.due(shop).due, "what is released is not released again"


def test_a_history_that_was_rewritten_is_released_anew(page: Page, shop: Project) -> None:
    page.released("4" * 40)
    assert page.due(shop) == due.Due(True, "the commit of model-v1 is not in this branch")
