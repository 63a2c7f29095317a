"""A comment, the command in it, and what a person reads below."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mainline.github.slash_commands.__main__ import main
from mainline.report import report_json
from tests.github.double import GitHubDouble
from tests.github.faults import bad_gateway
from tests.github.state import Repository
from tests.github.webhooks import payload
from tests.mainline.report import samples
from tests.projects import TOP

SHELL = "$(touch pwned)`touch pwned`; touch pwned"


@dataclass
class Talk:
    """A pull request with a finished review, and what is written below it."""

    github: GitHubDouble
    repository: Repository
    folder: Path

    def __post_init__(self) -> None:
        self.repository.collaborators |= {"anna": "write", "olga": "admin", "rita": "read"}
        self.pull = self.repository.pull()
        self.review = self.repository.run(self.pull)
        self.repository.artifact(self.review, "report", {"report.json": report_json.to_json(samples.flights())})
        for name in ("retrain", "rollback"):
            self.repository.workflow(f".github/workflows/{name}.yml", name)

    def says(self, body: str, login: str = "anna", *, on_pull: bool = True) -> tuple[int, list[str], str]:
        """The status, the reactions to the comment and the answer below it."""
        number = self.pull["number"] if on_pull else self.repository.issue("No pull request")["number"]
        comment = self.repository.comment(number, body, login)
        issue = {
            "number": number,
            "user": comment["user"],
            **({"pull_request": {"html_url": self.pull["html_url"]}} if on_pull else {}),
        }
        event = {"action": "created", "comment": comment, "issue": issue, "repository": self.repository.values()}
        file = self.folder / "event.json"
        file.write_text(json.dumps(payload("issue_comment", event)), encoding="utf-8")
        access = {**self.github.environment(self.repository), "GITHUB_EVENT_PATH": str(file)}
        status = main(access, wait=lambda seconds: None)
        answers = [str(one["body"]) for one in self.repository.comments_on(number) if one["id"] > comment["id"]]
        return status, self.repository.reactions.get(comment["id"], []), "\n".join(answers)

    @property
    def started(self) -> list[tuple[str, dict[str, Any]]]:
        runs = self.repository.runs.values()
        return [(run["name"], self.repository.inputs[run["id"]]) for run in runs if run["event"] == "workflow_dispatch"]


@pytest.fixture
def talk(github: GitHubDouble, tmp_path: Path) -> Talk:
    return Talk(github, github.repository("team/model"), tmp_path)


def test_a_review_runs_again_and_one_that_runs_is_not_started_twice(talk: Talk) -> None:
    status, reactions, said = talk.says("/review")
    assert (status, reactions) == (0, ["rocket"])
    assert talk.review["status"] == "queued"
    assert said.startswith(f"[The review]({talk.review['html_url']}) of <code>")
    status, reactions, said = talk.says("/review please")
    assert (status, reactions) == (0, ["confused"])
    assert "is running already" in said
    talk.repository.push(talk.pull)
    assert "a push starts one" in talk.says("/review")[2]


def test_one_of_several_models_is_named_before_the_version(talk: Talk) -> None:
    talk.repository.commit("heads/main", {"models/churn/params.yaml": b"task: binary\n"})
    assert "The rollback of churn to version 3 has started" in talk.says("/rollback churn 3")[2]
    assert "The retraining of churn has started" in talk.says("/retrain churn")[2]
    assert talk.started == [("rollback", {"version": "3", "model": "churn"}), ("retrain", {"model": "churn"})]
    _, reactions, _ = talk.says("/rollback wine 3")
    assert reactions == ["confused"], "there is no such model on the default branch"


def test_a_retraining_and_a_rollback_start_on_the_default_branch(talk: Talk) -> None:
    assert talk.says("/retrain\n\nThe data of June are there.")[1] == ["rocket"]
    assert "to version 3 has started" in talk.says("/rollback 3", "olga")[2]
    assert "to the previous version has started" in talk.says("/rollback")[2]
    assert talk.started == [("retrain", {}), ("rollback", {"version": "3"}), ("rollback", {"version": ""})]


@pytest.mark.parametrize("argument", [SHELL, "3 ; id", "-1", "0", "9" * 40, "v3"])
def test_a_version_that_is_no_number_starts_nothing(talk: Talk, argument: str) -> None:
    _, reactions, said = talk.says(f"/rollback {argument}")
    assert reactions == ["confused"]
    assert "a version is a number" in said
    assert talk.started == []


def test_a_gate_is_explained_with_its_rule_what_was_measured_and_why(talk: Talk) -> None:
    gate = samples.flights().gates[0]
    _, reactions, said = talk.says(f"/explain {gate.name.upper()}")
    assert reactions == ["rocket"]
    assert said.startswith(f"<code>{gate.name}</code> {'passed' if gate.passed else 'failed'}: the rule is ")
    assert "was measured by this pull request's code" in said
    _, reactions, said = talk.says(f"/explain {SHELL} @everyone")
    assert reactions == ["confused"]
    assert "no gate have this name" not in said
    assert f"<code>{gate.name}</code>" in said
    assert "@everyone" not in said


@pytest.mark.parametrize("login", ["rita", "stranger"])
def test_who_may_not_write_starts_nothing_whatever_the_event_says(talk: Talk, login: str) -> None:
    """`author_association` says MEMBER of people whose teams may only read."""
    for verb in ("/review", "/retrain", "/rollback 1", "/explain lead"):
        status, reactions, said = talk.says(verb, login)
        assert (status, reactions) == (0, ["confused"])
        assert f"needs write permission, which {login} does not have" in said
    assert talk.started == []
    assert talk.review["status"] == "completed"


@pytest.mark.parametrize("body", ["/deploy", "Do /review", "", "/reviews", "\n/review", "review"])
def test_what_is_no_command_of_ours_is_not_answered(talk: Talk, body: str) -> None:
    before = len(talk.github.requests)
    assert talk.says(body) == (0, [], "")
    assert len(talk.github.requests) == before


def test_an_issue_is_no_pull_request(talk: Talk) -> None:
    assert talk.says("/retrain", on_pull=False) == (0, [], "")
    assert talk.started == []


def test_a_report_that_is_none_is_said(talk: Talk) -> None:
    talk.repository.artifacts.clear()
    assert "has no gates: it trained nothing, or left no report" in talk.says("/explain lead")[2]
    talk.repository.artifact(talk.review, "report", {"report.json": "{"})
    assert "is not valid" in talk.says("/explain lead")[2]


def test_an_api_that_stays_away_is_a_failure_that_answers_nothing(talk: Talk) -> None:
    talk.github.faults.append(bad_gateway(times=100, path="permission"))
    assert talk.says("/retrain") == (4, [], "")
    assert talk.started == []


@pytest.mark.parametrize(
    "module",
    [f"mainline.github.{name}" for name in ("slash_commands.__main__", "actions.scans", "image_push.__main__")],
)
def test_it_needs_no_package(module: str) -> None:
    command = [sys.executable, "-S", "-P", "-c", f"import {module}"]
    done = subprocess.run(command, env={"PYTHONPATH": str(TOP / "src")}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
