"""The steps of the workflows, as they are called there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mainline.cli.main import main
from tests.github.double import GitHubDouble
from tests.github.fixture import github
from tests.github.state import Repository
from tests.projects import Project

__all__ = ["github"]
DIGEST = "a" * 64


class Step:
    """A checkout in a workflow, and GitHub's side."""

    def __init__(self, shop: Project, repository: Repository, outputs: Path) -> None:
        self.shop, self.repository, self.outputs = shop, repository, outputs

    def commit(self, message: str) -> str:
        sha = self.shop.commit(message)
        self.repository.receive("heads/main", sha, message)
        return sha

    def released(self, version: int, commit: str) -> None:
        """What `make promote` or `make rollback` leaves."""
        content = {"version": version, "commit": commit, "image_digest": f"sha256:{DIGEST}", "model_digest": DIGEST}
        self.shop.write("reports/release.json", json.dumps(content))
        self.shop.write("reports/model-card.md", "# A card\n")

    def read(self) -> dict[str, str]:
        lines = self.outputs.read_text(encoding="utf-8").splitlines() if self.outputs.exists() else []
        return dict(line.split("=", 1) for line in lines)


@pytest.fixture
def step(github: GitHubDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Step:
    shop = Project(tmp_path / "shop")
    repository = github.repository("team/model")
    monkeypatch.chdir(shop.root)
    given = {
        "GITHUB_OUTPUT": str(tmp_path / "outputs"),
        "GITHUB_ENV": str(tmp_path / "outputs"),
        "GITHUB_EVENT_NAME": "push",
        "MAINLINE_IMAGE": "ghcr.io/team/model",
    }
    for name, value in {**github.environment(repository), **given}.items():
        monkeypatch.setenv(name, value)
    made = Step(shop, repository, tmp_path / "outputs")
    repository.receive("heads/main", shop.git("rev-parse", "HEAD"))
    return made


@pytest.mark.slow
def test_what_was_merged_before_production_returned_is_still_to_be_released(step: Step) -> None:
    first = step.shop.git("rev-parse", "HEAD")
    step.released(1, first)
    assert main(["ci", "publish"]) == 0
    step.shop.edit("params.yaml", ("max_iter: 30", "max_iter: 31"))
    second = step.commit("A model")
    step.released(2, second)
    assert main(["ci", "publish"]) == 0
    step.shop.edit("params.yaml", ("max_iter: 31", "max_iter: 32"))
    step.commit("The next one, which waits while production returns")
    step.released(1, first)
    assert main(["ci", "publish", "--returned"]) == 0
    assert step.repository.releases[step.repository.latest or 0]["tag_name"] == "model-v1"
    assert main(["ci", "due"]) == 0
    assert step.read()["due"] == "true"
    step.shop.git("checkout", "--quiet", second)
    assert main(["ci", "due"]) == 0
    assert step.read()["due"] == "false", "what production returned from"


def test_the_page_of_the_version_is_an_output_for_the_deployment_to_link_to(step: Step) -> None:
    step.released(3, step.shop.git("rev-parse", "HEAD"))
    assert main(["ci", "publish"]) == 0
    assert step.read()["page"].endswith("/team/model/releases/tag/model-v3")


def test_what_later_jobs_take_is_named_by_its_digests_and_by_its_folders(step: Step) -> None:
    assert main(["ci", "subjects"]) == 2, "nothing has been built here"
    content = {"version": 4, "image_digest": f"sha256:{DIGEST}", "model_digest": DIGEST, "fingerprint": "f1"}
    step.shop.write("reports/candidate.json", json.dumps(content))
    assert main(["ci", "subjects"]) == 0
    known = {
        "record": ".mainline/records/f1",
        "image-digest": f"sha256:{DIGEST}",
        "model": "mainline version 4",
        "model-digest": f"sha256:{DIGEST}",
    }
    assert step.read() == {**known, "layout": ""}, "no image was built"
    step.shop.write(".mainline/image/index.json", "{}")
    assert main(["ci", "subjects"]) == 0
    assert step.read() == {**known, "layout": ".mainline/image"}


def test_a_repositorys_variables_are_set_for_the_steps_that_follow(step: Step, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SETTINGS", json.dumps({"MAINLINE_TARGET": "docker", "MAINLINE_TAG": "live", "OTHER": "no"}))
    assert main(["ci", "settings"]) == 0
    found = step.read()
    assert found["TARGET"] == "docker"
    assert found["MAINLINE_TAG"] == "live"
    assert "OTHER" not in found
    monkeypatch.setenv("SETTINGS", "no JSON")
    assert main(["ci", "settings"]) == 2


def test_the_pull_request_and_its_approver_are_outputs(step: Step) -> None:
    pull = step.repository.pull("change")
    step.repository.review(pull, "APPROVED", "anna")
    step.repository.merged(pull, step.shop.git("rev-parse", "HEAD"))
    assert main(["ci", "merged"]) == 0
    assert step.read() == {"pull-request": str(pull["number"]), "approver": "anna"}


def test_who_approved_the_deployment_is_set_for_the_step_that_deploys(
    step: Step, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = step.repository.run(event="push")
    step.repository.reviewed(run["id"], "approved", "anna")
    monkeypatch.setenv("GITHUB_RUN_ID", str(run["id"]))
    assert main(["ci", "approved"]) == 0
    assert step.read() == {"MAINLINE_DEPLOYMENT_APPROVER": "anna"}
    monkeypatch.setenv("GITHUB_RUN_ID", "4711")
    assert main(["ci", "approved"]) == 0, "production does not wait for a name"
    assert step.read() == {"MAINLINE_DEPLOYMENT_APPROVER": ""}
    assert "::notice title=Not known who approved" in capsys.readouterr().out


def test_where_production_asks_nobody_the_run_says_what_counts_instead(
    step: Step, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As in every private repository that is not on GitHub Enterprise."""
    monkeypatch.setenv("GITHUB_RUN_ID", str(step.repository.run(event="push")["id"]))
    assert main(["ci", "approved"]) == 0
    assert step.read() == {"MAINLINE_DEPLOYMENT_APPROVER": "nobody"}
    said = capsys.readouterr().out
    assert "::notice title=Nobody was asked to approve the deployment::" in said
    assert "who approved the pull request" in said


def test_with_nothing_set_there_is_nothing_to_log_in_to(step: Step, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAINLINE_IMAGE")
    monkeypatch.delenv("MAINLINE_STATE", raising=False)
    assert main(["ci", "login"]) == 2
