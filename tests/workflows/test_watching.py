"""monitor.yml, retrain.yml and search.yml, run by act against GitHub's double: from a finding to a pull request."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from mainline.monitoring.results import Check, Health, Seen, Verdict, to_json
from mainline.report import report_json
from mainline.search.proposal import Proposal
from tests.github.double import GitHubDouble, github
from tests.github.state import Repository
from tests.mainline.report import samples
from tests.mainline.search.samples import found
from tests.workflows import events
from tests.workflows.act import Ran
from tests.workflows.stage import Stage, environment

__all__ = ["github"]

pytestmark = pytest.mark.slow

DRIFT = "minutes: PSI 0.43 is above 0.21, the most between periods of training"


class Watching:
    """The stage with a repository on the double that holds the same `params.yaml`."""

    def __init__(self, github: GitHubDouble, stage: Stage) -> None:
        self.github, self.stage = github, stage
        self.repository: Repository = github.repository(events.REPOSITORY)
        self.repository.workflow_permissions["can_approve_pull_request_reviews"] = True
        self.repository.commit("heads/main", {"params.yaml": stage.shop.path("params.yaml").read_bytes()})

    def run(self, workflow: str, event: events.Event | None = None, **details: Any) -> Ran:
        token = self.github.token()
        return self.stage.rehearsal.run(
            event or events.schedule(self.stage.origin),
            workflow,
            token=token,
            REHEARSAL_ENVIRONMENT=environment(),
            GITHUB_API_URL=self.github.api,
            **details,
        )

    @property
    def issues(self) -> list[dict[str, Any]]:
        return [one for one in self.repository.issues.values() if "pull_request" not in one]

    @property
    def pulls(self) -> list[dict[str, Any]]:
        return list(self.repository.pulls.values())


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """A shop whose sources hold two weeks more than its clock says, and whose model has been released."""
    made = Stage(tmp_path_factory.mktemp("watching"), "src/mainline", "pipelines")
    made.shop.edit("params.yaml", ("until: 2026-03-02", "until: 2026-02-16"))
    made.push("Two weeks earlier")
    made.shop.git("tag", "begun")
    return made


@pytest.fixture
def stage(shared: Stage) -> Stage:
    """The shop as it was begun, whatever an earlier test has changed in its Makefile or its settings."""
    shared.shop.git("reset", "--quiet", "--hard", "begun")
    shared.push()
    return shared


def test_from_a_drift_to_one_issue_and_a_retraining_pull_request_and_back(github: GitHubDouble, stage: Stage) -> None:
    log_at(stage, "s3://bucket/log")
    watching = Watching(github, stage)
    answers(stage, "drift", [DRIFT])
    left(stage, READY)
    ran = watching.run("monitor.yml")
    assert ran.status == 0, ran.log
    (issue,) = watching.issues
    assert "PSI 0.43" in issue["body"]
    (pull,) = watching.pulls
    assert pull["title"] == "Retrain on data until 2026-03-02"
    (comment,) = watching.repository.comments_on(issue["number"])
    assert f"#{pull['number']}" in comment["body"]

    answers(stage, "ok", [])
    ran = watching.run("monitor.yml")
    assert ran.status == 0, ran.log
    assert issue["state"] == "closed"
    assert len(watching.pulls) == 1


def test_invalid_data_turn_it_red_and_the_issue_says_why(github: GitHubDouble, stage: Stage) -> None:
    left(stage, {**READY, "outcome": "invalid", "message": "visits: minutes: 3 rows, such as 999"}, status=3)
    watching = Watching(github, stage)
    ran = watching.run("retrain.yml")
    assert ran.status != 0
    (issue,) = watching.issues
    assert "3 rows, such as 999" in issue["body"]
    assert watching.pulls == []


def test_a_search_by_hand_opens_the_pull_request_of_its_winner(github: GitHubDouble, stage: Stage) -> None:
    watching = Watching(github, stage)
    before = stage.shop.path("params.yaml").read_text(encoding="utf-8")
    base = watching.repository.refs["heads/main"]
    made = dataclasses.replace(winner(), base=base).text()
    after = before.replace("max_iter: 30", "max_iter: 44")
    files = {"search.json": made, "params.yaml": after, "report.json": report_json.to_json(samples.flights())}
    instead(stage, "search", files, "reports/search")
    ran = watching.run("search.yml", events.dispatch(stage.origin, minutes="5"))
    assert ran.status == 0, ran.log
    (pull,) = watching.pulls
    assert (pull["title"], pull["head"]["ref"]) == ("Take the parameters that a search found", "search/0a1b2c3d")
    assert watching.repository.trees[pull["head"]["sha"]]["params.yaml"].decode() == after


def winner() -> Proposal:
    made = found(4).proposal
    assert made
    return made


READY = {
    "outcome": "ready",
    "message": "retrain/2026-03-02 is there",
    "until": "2026-03-02",
    "before": "2026-02-16",
    "base": "a" * 40,
    "branch": "retrain/2026-03-02",
    "verdict": "better",
    "passed": True,
}


def log_at(stage: Stage, place: str) -> None:
    """Have the shop's settings name this place of the log, and main be at them."""
    before = stage.shop.path("params.yaml").read_text(encoding="utf-8").partition("monitor:\n")[0]
    stage.shop.write("params.yaml", f"{before}monitor:\n  log: {place}\n")
    stage.push(f"The log is at {place}")


def answers(stage: Stage, verdict: str, reasons: list[str]) -> None:
    """Have the shop's monitor say this."""
    checks = [Check(reason, Verdict(verdict), "measured", "asked for") for reason in reasons]
    health = Health(Verdict(verdict), "The page", Seen("2026-02-01", "2026-02-16", 900, {"1": 900}), "ab", "1", checks)
    instead(stage, "watch", {"monitor.json": json.dumps(to_json(health))}, "reports")


def left(stage: Stage, proposal: dict[str, Any], status: int = 0) -> None:
    """Have the shop's retraining end with this; what it does itself: `test_first_day.py`."""
    files = {"retraining.json": json.dumps(proposal), "report.json": report_json.to_json(samples.flights())}
    instead(stage, "retrain", files, "reports/retraining", status)


def instead(stage: Stage, verb: str, files: dict[str, str], folder: str, status: int = 0) -> None:
    """Have a target leave these files and end with this status, without its work."""
    for name, text in files.items():
        stage.shop.write(f"instead/{verb}/{name}", text)
    stage.shop.write(f"instead/{verb}.sh", f"mkdir -p {folder} && cp instead/{verb}/* {folder} && exit {status}\n")
    lines = stage.shop.path("Makefile").read_text(encoding="utf-8").splitlines()
    recipe = f"\t@bash instead/{verb}.sh"
    lines = [recipe if line.startswith(f"\t@$(BIN)/mainline {verb}") else line for line in lines]
    assert recipe in lines
    stage.shop.write("Makefile", "\n".join(lines) + "\n")
    stage.push(f"{verb} ends with this")
