"""From what a search left to its pull request, on GitHub's double."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from mainline.github.search.__main__ import main
from mainline.report import report_json
from mainline.retraining.rules import EMAIL
from mainline.search.proposal import Outcome, Proposal
from tests.github.double import GitHubDouble, github
from tests.github.state import Repository
from tests.mainline.report import samples
from tests.mainline.search.samples import found
from tests.projects import PARAMS

__all__ = ["github"]

Values = dict[str, Any]
WINNER = PARAMS.replace("max_iter: 30", "max_iter: 44")


class Desk:
    """A repository with a model, and a search of its main that has ended."""

    def __init__(self, github: GitHubDouble, folder: Path) -> None:
        self.github, self.folder = github, folder
        self.repository: Repository = github.repository("flights/mainline")
        self.repository.workflow_permissions["can_approve_pull_request_reviews"] = True
        self.repository.commit("heads/main", {"params.yaml": PARAMS.encode(), "src/code.py": b"1\n"}, "A model")
        made = found(4).proposal
        assert made
        self.ready = dataclasses.replace(made, base=self.repository.refs["heads/main"])

    def __call__(self, proposal: Proposal | None = None, text: str = WINNER) -> int:
        (self.folder / "search.json").write_text((proposal or self.ready).text(), encoding="utf-8")
        (self.folder / "params.yaml").write_text(text, encoding="utf-8")
        (self.folder / "report.json").write_text(report_json.to_json(samples.flights()), encoding="utf-8")
        given = self.github.environment(self.repository)
        run = {"GITHUB_SERVER_URL": "https://github.test", "GITHUB_RUN_ID": "77"}
        return main([str(self.folder)], {**given, **run}, wait=lambda seconds: None)

    @property
    def pulls(self) -> list[Values]:
        return list(self.repository.pulls.values())


@pytest.fixture
def desk(github: GitHubDouble, tmp_path: Path) -> Desk:
    return Desk(github, tmp_path)


def test_the_winner_is_one_commit_on_main_that_changes_its_settings(desk: Desk) -> None:
    assert desk() == 0
    (pull,) = desk.pulls
    assert (pull["head"]["ref"], pull["base"]["ref"]) == ("search/0a1b2c3d", "main")
    before, after = (
        desk.repository.trees[desk.repository.refs[f"heads/{name}"]] for name in ("main", "search/0a1b2c3d")
    )
    assert after == {**before, "params.yaml": WINNER.encode()}
    assert desk.repository.authors[pull["head"]["sha"]]["email"] == EMAIL
    body = pull["body"]
    assert "train.params.max" in body
    assert "Searches have asked this holdout 2 times" in body
    assert "## ✅ Passed: no worse than main" in body
    assert "+0.009" in body
    assert "Approve workflows to run" in body


def test_a_second_search_updates_the_pull_request_of_its_study(desk: Desk) -> None:
    desk()
    assert desk(text=PARAMS.replace("max_iter: 30", "max_iter: 50")) == 0
    (pull,) = desk.pulls
    assert b"max_iter: 50" in desk.repository.trees[pull["head"]["sha"]]["params.yaml"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (WINNER.replace("roc_auc: 0.02 ", "roc_auc: 0.9 "), "which is none of"),
        (WINNER.replace("shop.frame:prepare", "shop.frame:other"), "which is none of"),
    ],
)
def test_a_file_that_changes_anything_else_opens_nothing(
    desk: Desk, text: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert desk(text=text) == 3
    assert why in capsys.readouterr().out
    assert desk.pulls == []
    assert "heads/search/0a1b2c3d" not in desk.repository.refs


def test_what_main_has_moved_on_from_opens_nothing(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.repository.commit("heads/main", {"src/code.py": b"2\n"}, "Merged since")
    assert desk() == 0
    assert "main has moved on" in capsys.readouterr().out
    assert desk.pulls == []


def test_without_a_winner_that_passed_nothing_is_opened(desk: Desk) -> None:
    assert desk(dataclasses.replace(desk.ready, outcome=Outcome.nothing)) == 0
    assert desk(dataclasses.replace(desk.ready, passed=False)) == 0
    assert desk.pulls == []


def test_a_proposal_that_names_another_branch_is_none(desk: Desk) -> None:
    assert desk(dataclasses.replace(desk.ready, branch="main")) == 3
    assert desk.pulls == []


def test_settings_that_forbid_it_are_named(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.repository.workflow_permissions["can_approve_pull_request_reviews"] = False
    assert desk() == 1
    assert "Allow GitHub Actions to create and approve pull requests" in capsys.readouterr().out
    assert "heads/search/0a1b2c3d" in desk.repository.refs
