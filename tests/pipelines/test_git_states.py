"""The states that a checkout may be in: shallow, detached, dirty, behind, or no checkout at all."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.pipelines.shops import notes_of
from tests.projects import Project

pytestmark = pytest.mark.slow


def clone(shop: Project, folder: Path, *options: str) -> Project:
    """A clone with what the original has recorded, so that a test pays for no training twice."""
    source = shop.root.as_uri()
    subprocess.run(["git", "clone", "--quiet", *options, source, str(folder)], check=True, capture_output=True)
    shutil.copytree(shop.root / ".mainline", folder / ".mainline", ignore=shutil.ignore_patterns("last.json"))
    made = Project.at(folder)
    made.sign()
    return made


def test_a_shallow_clone_without_the_base_says_how_to_get_it(shop: Project, tmp_path: Path) -> None:
    shop.git("switch", "--quiet", "--create", "work")
    shop.write("NOTES.md", "more\n")
    shop.commit("More")
    here = clone(shop, tmp_path / "clone", "--depth=1", "--branch=work")
    found = here.run()
    assert found.status == 0, found.err
    assert here.verdict["verdict"] == "no_baseline"
    assert "this clone is shallow: git fetch --depth=1 origin main:refs/remotes/origin/main" in notes_of(here)
    here.git("fetch", "--quiet", "--depth=1", "origin", "main:refs/remotes/origin/main")
    assert here.run().status == 0
    assert here.verdict["verdict"] == "identical"


def test_a_detached_head_is_compared_like_any_other(shop: Project) -> None:
    shop.git("switch", "--quiet", "--detach")
    shop.write("NOTES.md", "more\n")
    head = shop.commit("More")
    found = shop.run()
    assert found.status == 0, found.err
    assert shop.verdict["verdict"] == "identical"
    assert head[:12] in shop.report
    assert "uncommitted" not in shop.report


def test_uncommitted_work_on_main_is_compared_with_what_is_committed_and_said(shop: Project) -> None:
    shop.edit("params.yaml", ("max_iter: 30", "max_iter: 31"))
    found = shop.run()
    assert found.status == 0, found.err
    assert shop.verdict["verdict"] == "no_worse"
    assert shop.verdict["baseline"]["commit"] == shop.git("rev-parse", "HEAD")
    assert "with uncommitted changes" in shop.report
    # What no parameter of a model changes is computed once for the frame.
    assert len(list(shop.path(".mainline/frames").iterdir())) == 1
    for name in ("profile", "counts", "coverage", "copies", "shifted"):
        assert len(list(shop.path(".mainline/checks").glob(f"{name}-*.json"))) == 1, name


@pytest.mark.parametrize("where", ["without git", "below somebody else's checkout"])
def test_a_folder_that_is_no_checkout_is_judged_by_the_absolute_gates(
    shop: Project, tmp_path: Path, where: str
) -> None:
    shutil.rmtree(shop.root / ".git")
    if where != "without git":
        subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    found = shop.run()
    assert found.status == 0, found.err
    assert shop.verdict["verdict"] == "no_baseline"
    assert "this folder is not the top of a git checkout" in notes_of(shop)


def test_a_base_that_does_not_exist_is_refused_with_the_names_that_do(shop: Project) -> None:
    before = shop.report
    shop.git("branch", "release/1")
    found = shop.run("--base", "mian")
    assert found.status == 2
    assert "there is no branch, tag or commit mian to compare with: did you mean main? (there are main, release/1)" in (
        found.err
    )
    assert shop.report == before


def test_a_default_branch_of_another_name_is_compared_with(shop: Project, tmp_path: Path) -> None:
    shop.git("branch", "--move", "main", "trunk")
    here = clone(shop, tmp_path / "clone")
    here.git("switch", "--quiet", "--create", "work")
    found = here.run()
    assert found.status == 0, found.err
    assert here.verdict["verdict"] == "identical"
    assert here.verdict["baseline"]["commit"] == shop.git("rev-parse", "trunk")
    assert "identical to trunk" in found.out


def test_without_a_main_of_its_own_a_clone_takes_the_remotes(shop: Project, tmp_path: Path) -> None:
    here = clone(shop, tmp_path / "clone")
    here.git("switch", "--quiet", "--create", "work")
    here.git("branch", "--quiet", "--delete", "main")
    assert here.run().status == 0
    assert here.verdict["verdict"] == "identical"


def test_a_main_that_is_behind_the_remotes_is_not_what_is_compared_with(shop: Project, tmp_path: Path) -> None:
    here = clone(shop, tmp_path / "clone")
    here.git("switch", "--quiet", "--create", "work")
    shop.edit("params.yaml", ("max_iter: 30", "max_iter: 31"))
    newer = shop.commit("A longer training")
    here.git("fetch", "--quiet")
    found = here.run()
    assert found.status == 0, found.err
    assert here.verdict["baseline"]["commit"] == newer
    assert f"the local main is behind origin/main: compared with origin/main ({newer[:10]})" in notes_of(here)


def test_a_main_that_is_ahead_of_the_remotes_is_what_is_compared_with(shop: Project, tmp_path: Path) -> None:
    here = clone(shop, tmp_path / "clone")
    here.write("NOTES.md", "more\n")
    head = here.commit("Not pushed yet")
    assert here.run().status == 0
    assert here.verdict["baseline"]["commit"] == head
