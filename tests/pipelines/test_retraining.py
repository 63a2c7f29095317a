"""`mainline retrain` on the shop: a branch with its report, without a change to the checkout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mainline.retraining.rules import EMAIL
from tests.github.double import GitHubDouble, github
from tests.pipelines.shops import LEAN, copy
from tests.projects import Project, visits

__all__ = ["github"]

pytestmark = pytest.mark.slow

BRANCH = "retrain/2026-03-02"
SOON = ("--today", "2026-03-04")
# A project's code that would use a token which is here for GitHub.
CURIOUS = ("from ibis import _\n", "import os\n\nfrom ibis import _\n\nassert 'GITHUB_TOKEN' not in os.environ\n")


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A shop whose sources hold two weeks more than its clock says, after its first retraining."""
    project = Project(tmp_path_factory.mktemp("retraining") / "shop", with_git=False)
    project.edit("params.yaml", *LEAN, ("until: 2026-03-02", "until: 2026-02-16   # the clock"))
    project.edit("src/shop/frame.py", CURIOUS)
    project.init()
    project.commit("The shop")
    project.write("notes.txt", "not committed\n")
    done = project.mainline("retrain", *SOON, GITHUB_TOKEN="secret")
    assert done.status == 0, done.err
    assert f"git merge {BRANCH}" in done.out
    return project


@pytest.fixture
def shop(first: Project, tmp_path: Path) -> Project:
    return copy(first, tmp_path / "shop")


def proposal(project: Project) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(project.path("reports/retraining/retraining.json").read_text(encoding="utf-8"))
    return found


def test_new_data_become_a_branch_that_moves_the_clock_with_the_usual_report(shop: Project) -> None:
    changed = shop.git("diff", "--unified=0", "main", BRANCH).splitlines()
    assert [line for line in changed if line[:1] in "+-"][2:] == [
        "-  until: 2026-02-16   # the clock",
        "+  until: 2026-03-02   # the clock",
    ]
    assert shop.git("show", "--no-patch", "--format=%ae %ce", BRANCH) == f"{EMAIL} {EMAIL}"
    report = shop.path("reports/retraining/report.md").read_text(encoding="utf-8")
    assert "data.until" in report.replace("<!-- -->", "")
    verdict = json.loads(shop.path("reports/retraining/verdict.json").read_text(encoding="utf-8"))
    assert verdict["baseline"]["commit"] == shop.git("rev-parse", "main")
    found = proposal(shop)
    assert (found["outcome"], found["until"], found["verdict"]) == ("ready", "2026-03-02", verdict["verdict"])


def test_the_checkout_stays_as_it_is(shop: Project) -> None:
    assert shop.git("rev-parse", "--abbrev-ref", "HEAD") == "main"
    assert shop.git("status", "--porcelain") == "?? notes.txt"
    assert "2026-02-16" in shop.path("params.yaml").read_text(encoding="utf-8")
    assert len(shop.git("worktree", "list").splitlines()) == 1


def test_one_that_is_open_is_not_made_twice(shop: Project) -> None:
    before = shop.git("rev-parse", BRANCH)
    done = shop.mainline("retrain", *SOON)
    assert done.status == 0
    assert "is open and up to date" in done.out
    assert shop.git("rev-parse", BRANCH) == before


@pytest.mark.parametrize("how", ["--no-ff", "--squash"])
def test_after_its_own_merge_there_is_nothing_to_do(shop: Project, how: str) -> None:
    shop.git("merge", "--quiet", how, BRANCH)
    if how == "--squash":
        shop.git("commit", "--quiet", "--message", "Squashed")
    done = shop.mainline("retrain", *SOON)
    assert done.status == 0
    assert "No new data: the period until 2026-03-16 has not passed yet" in done.out
    assert shop.git("for-each-ref", "--format=%(refname:short)", "refs/heads/retrain") == BRANCH


def test_a_branch_with_somebodys_own_commits_is_left_as_it_is(shop: Project) -> None:
    shop.git("checkout", "--quiet", BRANCH)
    shop.write("src/shop/notes.py", "")
    mine = shop.commit("A feature of mine")
    shop.git("checkout", "--quiet", "main")
    shop.write("docs/page.md", "# A page\n")
    shop.commit("Main moves on")
    done = shop.mainline("retrain", *SOON)
    assert done.status == 0
    assert "commits by people" in done.out
    assert shop.git("rev-parse", BRANCH) == mine


def test_one_that_is_open_follows_main_and_a_refusal_is_a_report_as_well(shop: Project) -> None:
    opened = shop.git("show", "--no-patch", "--format=%ad", BRANCH)
    shop.edit("params.yaml", ("at_least: 0.02}", "at_least: 0.9}"))
    shop.commit("Ask for more than any model has")
    done = shop.mainline("retrain", "--today", "2026-03-06")
    assert done.status == 1, done.err
    assert shop.git("rev-parse", f"{BRANCH}^") == shop.git("rev-parse", "main")
    assert shop.git("show", "--no-patch", "--format=%ad", BRANCH) == opened
    assert (proposal(shop)["outcome"], proposal(shop)["passed"]) == ("ready", False)


def test_invalid_new_data_make_no_branch(shop: Project) -> None:
    shop.git("branch", "--quiet", "-D", BRANCH)
    rows = visits()
    rows.loc[rows.index[-200], "minutes"] = 999.0
    shop.data(rows)
    shop.commit("A bad fortnight")
    done = shop.mainline("retrain", *SOON)
    assert done.status == 3
    assert "no branch was made" in done.err
    assert "999" in done.err
    assert shop.git("for-each-ref", "refs/heads/retrain") == ""
    assert proposal(shop)["outcome"] == "invalid"
    assert not shop.path("reports/retraining/report.md").exists()


def test_a_broken_file_of_new_data_is_invalid_data_too(shop: Project) -> None:
    shop.path("data/visits.parquet").write_bytes(b"PAR1 cut short")
    shop.commit("A broken file")
    done = shop.mainline("retrain", *SOON)
    assert done.status == 3
    assert "data/visits.parquet" in done.err
    assert proposal(shop)["outcome"] == "invalid"


def test_at_home_it_opens_the_pull_request_as_well_where_it_is_asked_to(shop: Project, github: GitHubDouble) -> None:
    repository = github.repository("flights/mainline")
    params = shop.path("params.yaml").read_bytes()
    repository.commit("heads/main", {"params.yaml": params})
    given = github.environment(repository, login="somebody")
    done = shop.mainline("retrain", *SOON, "--open", **given)
    assert done.status == 0, done.err
    (pull,) = repository.pulls.values()
    assert "ROC AUC" in pull["body"]
    after = repository.trees[pull["head"]["sha"]]["params.yaml"]
    assert after == params.replace(b"2026-02-16", b"2026-03-02")


def test_github_knowing_nothing_of_it_somebodys_local_branch_is_not_overwritten(
    shop: Project, github: GitHubDouble
) -> None:
    shop.git("checkout", "--quiet", BRANCH)
    shop.write("src/shop/notes.py", "")
    mine = shop.commit("A feature of mine")
    shop.git("checkout", "--quiet", "main")
    repository = github.repository("flights/mainline")
    done = shop.mainline("retrain", *SOON, "--open", **github.environment(repository))
    assert done.status == 1
    assert f"the local branch {BRANCH} contains commits by people" in done.err
    assert repository.issues == {}
    assert shop.git("rev-parse", BRANCH) == mine


def test_without_main_or_git_the_call_is_refused_with_what_is_missing(shop: Project, tmp_path: Path) -> None:
    done = shop.mainline("retrain", "--base", "trunk")
    assert done.status == 2
    assert "there is no branch, tag or commit trunk to compare with (there are main" in done.err
    assert Project(tmp_path / "plain", with_git=False).mainline("retrain").status == 2
