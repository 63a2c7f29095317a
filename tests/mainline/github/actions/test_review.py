from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from mainline.github.actions import review
from mainline.runtime.workspace import Workspace
from tests import warm
from tests.projects import Project

FRAME = "src/shop/frame.py"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    made = Project(tmp_path / "shop")
    monkeypatch.setenv("PYTHONPATH", f"{made.root / 'src'}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    return made


@pytest.fixture
def warmed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a review starts begins with its libraries imported."""
    monkeypatch.setattr(sys, "executable", warm.python())


def environment(shop: Project, folder: Path) -> dict[str, str]:
    """A pull request from the first commit to HEAD."""
    base = shop.git("rev-list", "--max-parents=0", "HEAD")
    head = shop.git("rev-parse", "HEAD")
    pull = {"number": 5, "head": {"sha": head}, "base": {"sha": base, "ref": "main"}}
    file = folder / "event.json"
    file.write_text(json.dumps({"repository": {"default_branch": "main"}, "pull_request": pull}), encoding="utf-8")
    run = {"GITHUB_RUN_ID": "12", "GITHUB_RUN_ATTEMPT": "1", "GITHUB_REF": "refs/pull/5/merge", "GITHUB_SHA": head}
    summary = {"GITHUB_STEP_SUMMARY": str(folder / "summary.md")}
    return {"GITHUB_EVENT_PATH": str(file), "GITHUB_EVENT_NAME": "pull_request", **run, **summary}


def reviewed(shop: Project, folder: Path) -> tuple[int, str, dict[str, Any]]:
    status = review.review(Workspace.at(shop.root), environment(shop, folder))
    return status, shop.report, shop.verdict


def test_a_change_of_documents_trains_nothing_keeps_no_record_and_says_so(shop: Project, tmp_path: Path) -> None:
    shop.write("docs/a.md", "a\n")
    shop.commit("A page")
    status, report, verdict = reviewed(shop, tmp_path)
    assert status == 0
    assert report.startswith("## ✅ Passed: this cannot change the model — nothing was trained\n\n1 file differs from")
    assert (verdict["verdict"], verdict["passed"], verdict["fingerprint"]) == ("identical", True, None)
    assert (tmp_path / "summary.md").read_text(encoding="utf-8") == f"{report}\n"
    assert shop.records == []


def test_a_change_of_a_workflow_alone_is_said_first_of_all(shop: Project, tmp_path: Path) -> None:
    shop.write(".github/workflows/a.yml", "on: push\n")
    shop.commit("A workflow")
    _, report, _ = reviewed(shop, tmp_path)
    assert report.startswith("> [!WARNING]\n> **Gates changed in this pull request:**")
    assert "<code>.github/workflows/a.yml</code>" in report.split("\n\n")[0]


@pytest.mark.slow
def test_a_wrong_setting_leaves_a_report_that_says_where(
    shop: Project, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    shop.edit("params.yaml", ("  holdout: 2 weeks", "  holdouts: 2 weeks"))
    shop.commit("A slip")
    status, report, verdict = reviewed(shop, tmp_path)
    assert status == 2
    assert report.startswith("## ❌ Stopped: the configuration or the command is wrong")
    assert "split.holdouts is not a setting" in report
    assert (verdict["passed"], verdict["stopped"]["status"]) == (False, 2)
    assert "::error file=params.yaml,line=" in capfd.readouterr().out


@pytest.mark.slow
def test_thresholds_beside_a_wrong_setting_are_named_all_the_same(shop: Project, tmp_path: Path) -> None:
    shop.edit("params.yaml", ("  holdout: 2 weeks", "  holdouts: 2 weeks"), ("roc_auc: 0.02", "roc_auc: 0.9"))
    shop.commit("Two changes")
    _, report, _ = reviewed(shop, tmp_path)
    assert report.startswith("> [!WARNING]")
    assert "<code>gates.margins.roc_auc</code>" in report.split("\n\n")[0]


@pytest.mark.slow
@pytest.mark.usefixtures("warmed")
def test_code_that_ends_the_process_leaves_a_report_that_says_so(shop: Project, tmp_path: Path) -> None:
    shop.edit(FRAME, ("from ibis import _\n", "import os\nos.kill(os.getpid(), 9)\nfrom ibis import _\n"))
    shop.commit("An end")
    status, report, verdict = reviewed(shop, tmp_path)
    assert status == -signal.SIGKILL
    assert report.startswith("## ❌ Stopped: the run ended by signal 9")
    assert verdict["passed"] is False


@pytest.mark.slow
def test_packages_are_fetched_only_where_something_is_trained(shop: Project, tmp_path: Path) -> None:
    shop.write("docs/a.md", "a\n")
    shop.commit("A page")
    workspace = Workspace.at(shop.root)
    assert review.review(workspace, environment(shop, tmp_path), "false") == 0
    shop.edit("params.yaml", ("max_iter: 30", "max_iter: 31"))
    shop.commit("A parameter")
    broken = "sh -c 'echo no such package >&2; exit 1'"
    assert review.review(workspace, environment(shop, tmp_path), broken) == 4
    assert shop.report.startswith("## ❌ Stopped: an external system failed")
    assert "no such package" in shop.report


@pytest.mark.slow
def test_a_report_that_is_left_over_is_not_taken_for_this_runs(shop: Project, tmp_path: Path) -> None:
    shop.write("reports/verdict.json", '{"passed": true, "fingerprint": "x"}')
    shop.write("reports/report.html", "yesterday's")
    shop.edit("params.yaml", ("task: binary", "task: binarys"))
    shop.commit("A slip")
    status, _, verdict = reviewed(shop, tmp_path)
    assert (status, verdict["passed"]) == (2, False)
    assert not shop.path("reports/report.html").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("warmed")
def test_what_the_code_under_review_prints_is_no_command(
    shop: Project, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    shop.edit(
        FRAME, ("from ibis import _\n", "import sys\nprint('::error::forged', file=sys.stderr)\nraise SystemExit(7)\n")
    )
    shop.commit("A forgery")
    reviewed(shop, tmp_path)
    lines = capfd.readouterr().out.splitlines()
    begin = next(n for n, line in enumerate(lines) if line.startswith("::stop-commands::"))
    token = lines[begin].removeprefix("::stop-commands::")
    end = lines.index(f"::{token}::")
    assert len(token) >= 32
    assert [n for n, line in enumerate(lines) if "forged" in line and not begin < n < end] == []


def test_a_message_is_the_last_one_and_a_defects_is_its_traceback() -> None:
    assert (
        review.last_message(["  ✓ collect", "mainline: a key is wrong", "  on line 3"]) == "a key is wrong\n  on line 3"
    )
    defect = [
        "Traceback (most recent call last):",
        "ValueError: odd",
        "mainline: this is a defect of Mainline, not yours",
    ]
    assert "ValueError: odd" in review.last_message(defect)
    assert review.last_message(["one", "two"]) == "one\ntwo"


def test_records_of_other_commits_are_not_kept(tmp_path: Path) -> None:
    workspace = Workspace.at(tmp_path)
    for name in ("a", "b"):
        (workspace.records / name).mkdir(parents=True)
    review.keep_only(workspace, "b")
    assert [path.name for path in workspace.records.iterdir()] == ["b"]
