"""What the person who approves a deployment reads on the run's page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mainline.github.actions import candidate_summary
from mainline.runtime.workspace import Workspace

IMAGE = "sha256:" + "a" * 64


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace.at(tmp_path)
    made.reports.mkdir(parents=True)
    return made


def summary(workspace: Workspace, **given: str) -> str:
    file = workspace.root / "summary"
    candidate_summary.add(workspace, {"GITHUB_STEP_SUMMARY": str(file), **given})
    return file.read_text(encoding="utf-8") if file.exists() else ""


def leave(workspace: Workspace, version: int | None = 7, verdict: str = "better") -> None:
    content = {"version": version, "image_digest": IMAGE if version else None, "verdict": verdict}
    (workspace.reports / "candidate.json").write_text(json.dumps(content))
    (workspace.reports / "report.md").write_text("## ✅ Passed: better than production\n\nThe table.\n")


def test_the_verdict_the_staging_tests_and_what_will_be_deployed_are_on_the_runs_page(workspace: Workspace) -> None:
    leave(workspace)
    (workspace.reports / "stage.md").write_text("## ✅ Staging: the container passed\n")
    given = {"MAINLINE_PULL_REQUEST": "9", "MAINLINE_APPROVER": "anna"}
    found = summary(workspace, **given)
    assert found.startswith("**Version 7** is ready to be deployed")
    assert IMAGE.removeprefix("sha256:") in found
    assert "Pull request #9, approved by <code>anna</code>." in found
    assert found.index("Passed: better than production") < found.index("Staging: the container passed")


def test_a_refused_candidate_shows_why_and_nothing_to_approve(workspace: Workspace) -> None:
    leave(workspace, None)
    found = summary(workspace)
    assert found.startswith("Nothing is deployed")
    assert "The table." in found
    assert "approved by" not in found


def test_a_model_of_another_kind_than_productions_is_shown_the_way_to_its_first_release(workspace: Workspace) -> None:
    leave(workspace, None, "worse")
    assert "Start over" not in summary(workspace)
    leave(workspace, None, "not_measurable")
    assert "run this workflow by hand with “Start over”" in summary(workspace)


def test_a_candidate_that_failed_its_staging_tests_shows_them(workspace: Workspace) -> None:
    (workspace.reports / "report.md").write_text("## ✅ Passed\n")
    (workspace.reports / "stage.md").write_text("## ❌ Staging: 1 of 9 gates failed\n")
    found = summary(workspace)
    assert found.startswith("Nothing is deployed")
    assert "1 of 9 gates failed" in found


def test_names_are_no_markdown_and_a_run_that_left_nothing_adds_nothing(workspace: Workspace) -> None:
    assert summary(workspace) == ""
    leave(workspace)
    found = summary(workspace, MAINLINE_APPROVER="@everyone\n# A heading", MAINLINE_PULL_REQUEST="9")
    assert "@everyone" not in found
    assert "\n# A heading" not in found


def test_a_report_that_is_longer_than_github_takes_is_cut(workspace: Workspace) -> None:
    leave(workspace)
    (workspace.reports / "report.md").write_text("## Passed\n" + "é" * 900_000)
    found = summary(workspace)
    assert len(found.encode()) < 1_000_000
    assert "the rest is in the artifact report.html" in found
