"""`mainline search` on the shop: killed, gone on with, and its winner a branch with the usual review."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mainline.retraining.rules import EMAIL
from tests.pipelines.shops import copy, lean
from tests.platforms import linux
from tests.projects import Project

pytestmark = [pytest.mark.slow, linux]  # a trial that is killed is looked at by its signal

SEARCH = """\
search:
  params:
    max_iter: [1, 2, 13, 30]
  folds: 2
  processes: 1
"""
PICKY = '''\
"""An estimator with a number of trees that it refuses, and one at which it is killed, as where memory runs out."""

import os
import signal

from sklearn.ensemble import HistGradientBoostingClassifier


class Picky(HistGradientBoostingClassifier):
    def fit(self, X, y):
        if self.max_iter == 2:
            raise ValueError("two trees are too few")
        if self.max_iter == 13:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().fit(X, y)
'''
TODAY = "  params: {max_iter: 1, early_stopping: false}   # few, to be quick"
MADE = (
    ("sklearn.ensemble.HistGradientBoostingClassifier", "shop.picky.Picky"),
    ("  params: {max_iter: 30, early_stopping: false}", TODAY),
    ("  metric: roc_auc\n  blocks: day", "  metric: brier\n  blocks: day"),  # of which less is better
    ("  model_megabytes: 5\n", "  model_megabytes: 5\n" + SEARCH),
)


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A shop whose search was killed after its first trial, and then went on to its end."""
    project = lean(tmp_path_factory.mktemp("search") / "shop", *MADE)
    project.write("src/shop/picky.py", PICKY)
    project.commit("An estimator of its own")
    project.write("notes.txt", "not committed, and no part of any model\n")
    killed = project.start("search")
    assert killed.stderr
    assert any("trial    0" in line for line in killed.stderr), "today's settings are the first trial"
    killed.kill()
    killed.communicate()
    done = project.mainline("search")
    assert done.status == 0, done.err
    # A busy machine may have ended a second one before the kill.
    assert re.search(r"goes on, with [1-9]\d* trials", done.err), done.err
    project.write("said.txt", done.out)
    return project


@pytest.fixture
def shop(searched: Project, tmp_path: Path) -> Project:
    return copy(searched, tmp_path / "shop")


def left(project: Project) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(project.path("reports/search/search.json").read_text(encoding="utf-8"))
    return found


def branches(project: Project) -> list[str]:
    return project.git("for-each-ref", "--format=%(refname:short)", "refs/heads/search").splitlines()


def test_the_winner_is_a_branch_that_changes_its_parameters_and_no_other_byte(shop: Project) -> None:
    (branch,) = branches(shop)
    changed = shop.git("diff", "--unified=0", "main", branch).splitlines()
    assert [line for line in changed if line[:1] in "+-"][2:] == [
        f"-{TODAY}",
        "+" + TODAY.replace("max_iter: 1,", "max_iter: 30,").replace("   #", "   #"),
    ]
    assert shop.git("show", "--no-patch", "--format=%an <%ae>", branch) == f"Mainline search <{EMAIL}>"
    assert "train.params.max_iter: 1 → 30" in shop.git("show", "--no-patch", "--format=%B", branch)
    assert shop.git("status", "--porcelain").splitlines() == ["?? notes.txt", "?? said.txt"]


def test_the_holdout_was_asked_once_and_answered_as_any_review(shop: Project) -> None:
    found = left(shop)
    assert (found["outcome"], found["questions"], found["passed"]) == ("ready", 1, True)
    verdict = json.loads(shop.path("reports/search/verdict.json").read_text(encoding="utf-8"))
    assert verdict["verdict"] == found["verdict"]
    assert found["holdout"].startswith(f"{verdict['metrics']['brier']['delta']:.3f}".replace("-", "−"))
    assert verdict["baseline"]["commit"] == found["base"] == shop.git("rev-parse", "main")
    again = shop.mainline("search")
    assert again.status == 0, again.err
    assert "it is not asked again" in " ".join(again.out.split())
    assert (left(shop)["outcome"], left(shop)["questions"]) == ("known", 1)


def test_a_trial_that_fails_or_is_killed_costs_itself_alone(shop: Project) -> None:
    page = shop.path("reports/search.html").read_text(encoding="utf-8")
    assert "two trees are too few" in page
    assert "its process was killed, as the system does where memory runs out" in page
    assert "2 complete, 0 pruned, 2 failed" in shop.path("said.txt").read_text(encoding="utf-8")


def test_every_trial_is_a_child_run_of_one_parent(shop: Project) -> None:
    with closing(sqlite3.connect(shop.root / ".mainline" / "mlflow.db")) as store:
        tags = "SELECT run_uuid, value FROM tags WHERE key = ?"
        numbers = dict(store.execute(tags, ["search.trial"]).fetchall())
        parents = dict(store.execute(tags, ["mlflow.parentRunId"]).fetchall())
        metrics = store.execute("SELECT run_uuid FROM latest_metrics WHERE key = 'brier'").fetchall()
    (parent,) = [run for run, number in numbers.items() if number == "all"]
    assert len(numbers) == 5, "today's settings, one that is better, two that failed, and what stands above them"
    assert set(parents) == set(numbers) - {parent}
    assert set(parents.values()) == {parent}
    assert sum(run in parents for (run,) in metrics) == 2


def test_a_changed_space_begins_anew_and_where_nothing_is_better_no_branch_is_made(shop: Project) -> None:
    shop.git("checkout", "--quiet", *branches(shop))
    shop.edit("params.yaml", ("[1, 2, 13, 30]", "[1, 30]"))
    shop.commit("A smaller space")
    done = shop.mainline("search")
    assert done.status == 0, done.err
    assert "the settings and space have changed since the last search, so its trials do not count" in done.err
    assert "No trial is better than today's settings" in done.out
    assert "the holdout was not asked" in " ".join(done.out.split())
    assert len(branches(shop)) == 1
    assert (left(shop)["outcome"], left(shop)["questions"]) == ("nothing", 1)
    assert not shop.path("reports/search/report.md").exists()


def test_a_search_that_is_too_short_for_a_trial_says_so_and_goes_on_later(shop: Project) -> None:
    shop.edit("params.yaml", ("folds: 2", "folds: 3"))
    shop.commit("Another study")
    done = shop.mainline("search", "--minutes", "0.001")
    assert done.status == 2
    assert "MINUTES=0.001 is too short: today's settings were not measured on all 3 inner folds" in done.err
    assert len(branches(shop)) == 1


def test_where_every_trial_fails_the_call_is_wrong(shop: Project) -> None:
    shop.edit("params.yaml", ("[1, 2, 13, 30]", "[1, 2]"))
    shop.commit("Only what fails")
    done = shop.mainline("search")
    assert done.status == 2
    assert "all 1 trials failed" in done.err
    assert "two trees are too few" in done.err


def test_a_winner_that_cannot_be_written_leaves_its_page_and_what_to_set_by_hand(shop: Project) -> None:
    hidden = "{max_iter: &few 1, early_stopping: false, min_samples_leaf: *few}"
    shop.edit("params.yaml", ("{max_iter: 1, early_stopping: false}", hidden), ("[1, 2, 13, 30]", "[1, 30]"))
    shop.commit("A value that stands for two")
    before = branches(shop)
    done = shop.mainline("search")
    assert done.status == 2
    assert "cannot be changed in place; set by hand: train.params.max_iter: 1 → 30" in done.err
    assert branches(shop) == before
    assert "A better trial was found" in shop.path("reports/search.html").read_text(encoding="utf-8")
    assert not shop.path("reports/search/search.json").exists()


@pytest.mark.parametrize(
    ("name", "text"), [("src/shop/new.py", ""), ("params.yaml", "task: binary\n")], ids=["new code", "changed settings"]
)
def test_uncommitted_changes_are_refused_before_anything_is_computed(shop: Project, name: str, text: str) -> None:
    shop.write(name, shop.path(name).read_text(encoding="utf-8") + "# \n" if text else text)
    done = shop.mainline("search")
    assert done.status == 2
    assert f"there are uncommitted changes ({name})" in done.err


def test_a_call_without_a_length_of_time_is_refused(shop: Project) -> None:
    assert shop.mainline("search", "--minutes", "0").status == 2
    assert shop.mainline("search", "--minutes", "soon").status == 2
