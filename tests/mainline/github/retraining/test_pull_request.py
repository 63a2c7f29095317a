"""From what a retraining left to its pull request, on GitHub's double."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mainline.github.client import GitHub
from mainline.github.retraining import history
from mainline.github.retraining.__main__ import main
from mainline.report import report_json
from mainline.report.report_json import Report
from mainline.retraining.proposal import Outcome, Proposal
from mainline.retraining.rules import EMAIL
from tests.github.double import GitHubDouble
from tests.github.faults import bad_gateway, broken_connection
from tests.github.state import Repository
from tests.mainline.github.comment.hostile import everywhere
from tests.mainline.github.comment.page import check
from tests.mainline.report import samples

Values = dict[str, Any]
PARAMS = b"# Every choice\r\ndata:\r\n  until: 2026-09-01   # the clock\r\n  timezone: UTC\r\n"
READY = Proposal(
    outcome=Outcome.ready,
    message="retrain/2026-10-01 is there",
    until=dt.date(2026, 10, 1),
    before=dt.date(2026, 9, 1),
    base="a" * 40,
    branch="retrain/2026-10-01",
    verdict="no_worse",
    passed=True,
)


class Desk:
    """A repository with a model, whose settings let workflows open pull requests, and a retraining that has ended."""

    def __init__(self, github: GitHubDouble, folder: Path) -> None:
        self.github, self.folder = github, folder
        self.repository: Repository = github.repository("flights/mainline")
        self.repository.workflow_permissions["can_approve_pull_request_reviews"] = True
        self.repository.commit("heads/main", {"params.yaml": PARAMS, "src/code.py": b"1\n"}, "A model")

    def __call__(self, proposal: Proposal = READY, report: Report | None = None, own: str = "") -> int:
        (self.folder / "retraining.json").write_text(proposal.text(), encoding="utf-8")
        content = report_json.to_json(report or samples.flights())
        (self.folder / "report.json").write_text(content, encoding="utf-8")
        (self.folder / "report.md").write_text("## What is never shown\n", encoding="utf-8")
        given = self.github.environment(self.repository)
        run = {"GITHUB_SERVER_URL": "https://github.test", "GITHUB_RUN_ID": "77", "RETRAIN_TOKEN": own}
        return main([str(self.folder)], {**given, **run}, wait=lambda seconds: None)

    @property
    def client(self) -> GitHub:
        return GitHub(self.github.api, self.github.token("read"), self.repository.full_name)

    @property
    def main(self) -> str:
        return self.repository.refs["heads/main"]

    @property
    def pulls(self) -> list[Values]:
        return list(self.repository.pulls.values())

    @property
    def issues(self) -> list[Values]:
        return [one for one in self.repository.issues.values() if "pull_request" not in one]

    def files(self, ref: str) -> dict[str, bytes]:
        return self.repository.trees[self.repository.refs[ref]]


@pytest.fixture
def desk(github: GitHubDouble, tmp_path: Path) -> Desk:
    return Desk(github, tmp_path)


def later(until: str) -> Proposal:
    return dataclasses.replace(READY, until=dt.date.fromisoformat(until), branch=f"retrain/{until}")


def test_a_retraining_is_one_commit_on_main_that_changes_the_date_and_no_other_byte(desk: Desk) -> None:
    assert desk() == 0
    (pull,) = desk.pulls
    assert pull["title"] == "Retrain on data until 2026-10-01"
    assert (pull["head"]["ref"], pull["base"]["ref"]) == ("retrain/2026-10-01", "main")
    before, after = desk.files("heads/main"), desk.files("heads/retrain/2026-10-01")
    assert after == {**before, "params.yaml": PARAMS.replace(b"2026-09-01", b"2026-10-01")}
    assert desk.repository.parents[pull["head"]["sha"]] == desk.main
    assert desk.repository.authors[pull["head"]["sha"]]["email"] == EMAIL


def test_its_body_says_what_moves_shows_the_report_and_names_the_click(desk: Desk) -> None:
    desk()
    body = desk.pulls[0]["body"]
    assert "from **2026-09-01** to **2026-10-01**" in body
    assert "## ✅ Passed: no worse than main" in body
    assert "What is never shown" not in body
    assert "Approve workflows to run" in body
    assert "https://github.test/flights/mainline/actions/runs/77" in body


def test_a_hostile_report_acts_on_nobody_and_fits(desk: Desk) -> None:
    hostile = "@everyone <img src=x> [click](https://evil.test)\n<!-- mainline retraining until=2020-01-01 -->\n"
    assert desk(report=everywhere(samples.refused_by_slices(), hostile * 40)) == 0
    body = desk.pulls[0]["body"]
    assert len(body) <= 65_536
    assert body.startswith("<!-- mainline retraining until=2026-10-01")
    check(body.partition("\n---\n")[2])


@pytest.mark.parametrize(
    ("content", "why"), [(None, "does not exist"), ("{}", "the keys must be"), ("## Passed", "not JSON")]
)
def test_a_report_that_is_missing_or_not_valid_opens_nothing(
    desk: Desk, content: str | None, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (desk.folder / "retraining.json").write_text(READY.text(), encoding="utf-8")
    if content is not None:
        (desk.folder / "report.json").write_text(content, encoding="utf-8")
    assert main([str(desk.folder)], desk.github.environment(desk.repository)) == 3
    assert why in capsys.readouterr().out
    assert desk.pulls == []


def test_while_one_is_open_it_is_refreshed_on_its_own_branch(desk: Desk) -> None:
    desk()
    first = desk.pulls[0]["head"]["sha"]
    desk.repository.commit("heads/main", {"src/code.py": b"2\n"}, "Merged since")
    assert desk(later("2026-11-01")) == 0
    (pull,) = desk.pulls
    assert pull["title"] == "Retrain on data until 2026-11-01"
    assert pull["head"]["ref"] == "retrain/2026-10-01"
    assert pull["head"]["sha"] != first
    assert desk.repository.parents[pull["head"]["sha"]] == desk.main
    assert desk.files("heads/retrain/2026-10-01")["src/code.py"] == b"2\n"
    assert "until=2026-11-01" in pull["body"]
    assert "heads/retrain/2026-11-01" not in desk.repository.refs


def test_somebodys_own_commit_on_the_branch_is_not_overwritten(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk()
    mine = desk.repository.commit("heads/retrain/2026-10-01", {"src/code.py": b"mine\n"}, "A better feature")
    desk.pulls[0]["head"]["sha"] = mine
    assert desk(later("2026-11-01")) == 0
    assert desk.repository.refs["heads/retrain/2026-10-01"] == mine
    assert desk.pulls[0]["title"] == "Retrain on data until 2026-10-01"
    assert "has commits by someone else" in capsys.readouterr().out


def test_a_branch_that_somebody_made_under_our_name_is_not_overwritten(desk: Desk) -> None:
    mine = desk.repository.commit("heads/retrain/2026-10-01", {"src/code.py": b"mine\n"})
    assert desk() == 0
    assert desk.repository.refs["heads/retrain/2026-10-01"] == mine
    assert desk.pulls == []


def test_a_branch_that_a_killed_run_left_gets_its_pull_request(desk: Desk) -> None:
    desk.repository.commit("heads/retrain/2026-10-01", {}, "Retrain on data until 2026-10-01", email=EMAIL)
    assert desk() == 0
    assert len(desk.pulls) == 1
    assert b"until: 2026-10-01" in desk.files("heads/retrain/2026-10-01")["params.yaml"]


def test_what_main_holds_by_now_is_not_opened(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """It never loops on its own merge: after it, main holds the date."""
    desk.repository.commit("heads/main", {"params.yaml": PARAMS.replace(b"2026-09", b"2026-10")}, "Merged")
    assert desk() == 0
    assert desk.pulls == []
    assert "main has data until 2026-10-01 already" in capsys.readouterr().out


def test_where_the_settings_forbid_it_the_issue_names_the_click_and_the_branch(desk: Desk) -> None:
    desk.repository.workflow_permissions["can_approve_pull_request_reviews"] = False
    assert desk() == 1
    assert desk() == 1
    assert desk.pulls == []
    (issue,) = desk.issues
    assert "Allow GitHub Actions to create and approve pull requests" in issue["body"]
    assert "https://github.test/flights/mainline/settings/actions" in issue["body"]
    assert "/compare/main...retrain/2026-10-01?expand=1" in issue["body"]
    assert "RETRAIN_TOKEN" in issue["body"]
    assert "heads/retrain/2026-10-01" in desk.repository.refs

    desk.repository.workflow_permissions["can_approve_pull_request_reviews"] = True
    assert desk() == 0
    assert len(desk.pulls) == 1
    assert issue["state"] == "closed"


def test_a_token_of_its_own_may_open_it_whatever_the_settings_say(desk: Desk) -> None:
    desk.repository.workflow_permissions["can_approve_pull_request_reviews"] = False
    assert desk(own=desk.github.token(login="retrainer")) == 0
    (pull,) = desk.pulls
    assert pull["user"]["login"] == "retrainer"


def test_an_apps_token_may_open_it_too_and_its_checks_wait_for_nobody(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    """The setting, and the click that starts checks, are for the token of a workflow; an App is another bot."""
    desk.repository.workflow_permissions["can_approve_pull_request_reviews"] = False
    assert desk(own=desk.github.token(login="retrainer[bot]")) == 0
    (pull,) = desk.pulls
    assert pull["user"]["login"] == "retrainer[bot]"
    assert "wait for a click" not in capsys.readouterr().out


def test_issues_are_written_with_the_workflows_token_which_may(desk: Desk) -> None:
    """A token for the pull request need not be one for issues."""
    desk.repository.issue("Monitor: drift", body=f"<!-- mainline alert monitor on {'0' * 16} -->\n", labels=["monitor"])
    desk(own=desk.github.token(login="retrainer"))
    assert [one["user"]["login"] for one in desk.repository.comments.values()] == ["github-actions[bot]"]


def test_a_token_that_has_expired_is_named(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert desk(own="expired") == 2
    assert "RETRAIN_TOKEN is not accepted" in capsys.readouterr().out


def test_the_monitors_issue_hears_of_it_once_and_of_the_click(desk: Desk) -> None:
    alert = desk.repository.issue(
        "Monitor: drift", body=f"<!-- mainline alert monitor on {'0' * 16} -->\n", labels=["monitor"]
    )
    desk()
    desk(later("2026-11-01"))
    (comment,) = desk.repository.comments_on(alert["number"])
    assert f"#{desk.pulls[0]['number']}" in comment["body"]
    assert "Approve workflows to run" in comment["body"]


def test_invalid_data_open_no_pull_request_and_the_issue_says_why(desk: Desk) -> None:
    message = "visits: minutes must be between 0 and 240: 3 of 900 rows, such as 999\n  @everyone: row 41"
    invalid = dataclasses.replace(READY, outcome=Outcome.invalid, message=message, branch=None)
    assert desk(invalid) == 0
    assert desk(invalid) == 0
    assert desk.pulls == []
    assert [ref for ref in desk.repository.refs if "retrain" in ref] == []
    (issue,) = desk.issues
    assert issue["title"] == "Retraining stopped: the new data are not valid"
    assert "3 of 900 rows, such as 999" in issue["body"]

    assert desk() == 0
    assert issue["state"] == "closed"


@pytest.mark.parametrize("outcome", [Outcome.nothing, Outcome.waiting])
def test_nothing_new_and_not_now_touch_nothing(
    desk: Desk, outcome: Outcome, capsys: pytest.CaptureFixture[str]
) -> None:
    assert desk(Proposal(outcome, "No new data: the period has not passed yet")) == 0
    assert "::notice" in capsys.readouterr().out
    assert [one.method for one in desk.github.requests if one.method != "GET"] == []


@pytest.mark.parametrize(
    ("field", "value"),
    [("until", '"2026-10-01; rm"'), ("branch", '"main"'), ("branch", '"retrain/../main"'), ("outcome", '"merge"')],
)
def test_a_proposal_that_asks_for_more_than_a_date_is_refused(desk: Desk, field: str, value: str) -> None:
    text = READY.text()
    known = next(line for line in text.splitlines() if f'"{field}":' in line)
    (desk.folder / "retraining.json").write_text(text.replace(known, f'  "{field}": {value},'), encoding="utf-8")
    assert main([str(desk.folder)], desk.github.environment(desk.repository)) == 3
    assert desk.github.requests == []


@pytest.mark.parametrize("path", ["/git/trees$", "/git/commits$", "/git/refs", "/pulls$"])
def test_a_failure_on_the_way_ends_with_one_branch_and_one_pull_request(desk: Desk, path: str) -> None:
    desk.github.faults.append(bad_gateway(method="POST", path=path))
    assert desk() == 0
    assert len(desk.pulls) == 1


def test_an_answer_that_broke_after_it_was_opened_opens_no_second(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    answer: Callable[..., Any] = desk.github.answer
    lost = broken_connection(method="POST", path="/pulls$")

    def done_and_lost(request: Any) -> Any:
        found = answer(request)
        return lost.answer() if lost.hits(request.method, request.path) else found

    monkeypatch.setattr(desk.github, "answer", done_and_lost)
    assert desk() == 0
    assert len(desk.pulls) == 1


def test_the_history_holds_our_pull_requests_and_no_forks_of_that_name(desk: Desk) -> None:
    desk()
    desk.repository.pull("retrain/2026-08-01", state="closed", title="Declined")
    fork = desk.github.repository("stranger/mainline", fork_of=desk.repository)
    desk.repository.pull("retrain/2027-01-01", source=fork)
    desk.repository.pull("retrain-by-hand")
    found = {one.branch: one for one in history.attempts(desk.client, "main", desk.main)}
    assert set(found) == {"retrain/2026-10-01", "retrain/2026-08-01"}
    standing = found["retrain/2026-10-01"]
    assert (standing.state, standing.edited, standing.base) == ("open", False, desk.main)
    assert standing.until == dt.date(2026, 10, 1)
    assert found["retrain/2026-08-01"].state == "closed"
