from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mainline.github.actions import scans
from tests.github.double import GitHubDouble
from tests.github.faults import bad_gateway
from tests.github.state import Repository
from tests.github.webhooks import payload


def scanned(
    github: GitHubDouble, repository: Repository, folder: Path, name: str, event: dict[str, Any]
) -> tuple[int, list[str]]:
    """The status and the outputs of the step in a run of this event."""
    (folder / "event.json").write_text(json.dumps(payload(name, event)), encoding="utf-8")
    files = {"GITHUB_EVENT_PATH": str(folder / "event.json"), "GITHUB_OUTPUT": str(folder / "outputs")}
    status = scans.main({**github.environment(repository, "read"), **files}, wait=lambda seconds: None)
    outputs = folder / "outputs"
    return status, outputs.read_text(encoding="utf-8").splitlines() if outputs.exists() else []


def change(repository: Repository) -> dict[str, Any]:
    pull = repository.pull()
    shown = {side: {"sha": pull[side]["sha"], "ref": pull[side]["ref"]} for side in ("head", "base")}
    return {"action": "opened", "number": pull["number"], "pull_request": {"number": pull["number"], **shown}}


def test_a_public_repository_scans_its_code_and_a_pull_requests_packages(
    github: GitHubDouble, repository: Repository, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.switches["dependency-graph"] = True
    status, outputs = scanned(github, repository, tmp_path, "pull_request", change(repository))
    assert (status, outputs) == (0, ["code=true", "dependencies=true"])
    assert "::notice" not in capsys.readouterr().out


def test_a_new_repository_has_no_dependency_graph_and_is_told_what_turns_it_on(
    github: GitHubDouble, repository: Repository, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, outputs = scanned(github, repository, tmp_path, "pull_request", change(repository))
    assert (status, outputs) == (0, ["code=true", "dependencies=false"])
    said = "New packages are not reviewed: the dependency graph is off: make doctor FIX=1 turns it on."
    assert said in capsys.readouterr().out


def test_a_schedule_in_a_private_repository_scans_nothing_that_is_paid_for(
    github: GitHubDouble, repository: Repository, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The event does not say that the repository is private."""
    repository.private = True
    status, outputs = scanned(github, repository, tmp_path, "schedule", {"schedule": "23 4 * * 1"})
    assert (status, outputs) == (0, ["code=false", "dependencies=false"])
    out = capsys.readouterr().out
    assert "Code is not scanned: this repository is private, for which it is a paid feature of GitHub." in out
    assert "New packages" not in out


def test_a_private_repositorys_pull_request_is_told_of_both(
    github: GitHubDouble, repository: Repository, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.private = True
    repository.switches["dependency-graph"] = True
    status, outputs = scanned(github, repository, tmp_path, "pull_request", change(repository))
    assert (status, outputs) == (0, ["code=false", "dependencies=false"])
    assert capsys.readouterr().out.count("::notice title=Security::") == 2


def test_an_api_that_does_not_answer_is_no_setting_that_is_off(
    github: GitHubDouble, repository: Repository, tmp_path: Path
) -> None:
    github.faults.append(bad_gateway(times=100, path="compare"))
    assert scanned(github, repository, tmp_path, "pull_request", change(repository))[0] == 4
