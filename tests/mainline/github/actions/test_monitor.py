"""The monitor in GitHub Actions: what it cannot see, and which of its ends is red."""

from __future__ import annotations

import secrets
import sqlite3
from pathlib import Path

import pytest

from mainline.github.actions.monitor import environment, watch
from mainline.registry.models import open_registry
from mainline.registry.oci import Repository
from mainline.registry.shared_state import Shared
from mainline.runtime.workspace import Workspace
from tests.servers import Oci, oci_registry

__all__ = ["oci_registry"]

# In the project's folder, so that it is found before the real one.
MONITOR = """\
import pathlib
import sys

assert sys.argv[1:] == ["monitor"]
if {leaves}:
    pathlib.Path("reports/monitor.json").write_text("{{}}")
sys.exit({status})
"""


def project(folder: Path, status: int, *, leaves: bool) -> Workspace:
    (folder / "mainline").mkdir()
    (folder / "mainline" / "__init__.py").touch()
    (folder / "mainline" / "__main__.py").write_text(MONITOR.format(leaves=leaves, status=status), encoding="utf-8")
    (folder / "reports").mkdir()
    (folder / ".mainline" / "log").mkdir(parents=True)
    return Workspace.at(folder)


@pytest.mark.parametrize(
    ("status", "leaves", "ends"),
    [(0, True, 0), (1, True, 0), (3, True, 0), (3, False, 3), (2, False, 2), (4, True, 4)],
)
def test_a_verdict_is_the_issues_to_tell_and_what_made_none_is_red(
    tmp_path: Path, status: int, leaves: bool, ends: int
) -> None:
    assert watch(project(tmp_path, status, leaves=leaves), ".mainline/log") == ends


def test_an_answer_of_another_day_is_never_taken_for_todays(tmp_path: Path) -> None:
    workspace = project(tmp_path, 3, leaves=False)
    (workspace.reports / "monitor.json").write_text("{}", encoding="utf-8")
    assert watch(workspace, ".mainline/log") == 3
    assert not (workspace.reports / "monitor.json").exists()


def test_a_folder_that_is_not_here_is_said_and_a_store_is_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = project(tmp_path, 4, leaves=False)
    assert watch(workspace, "elsewhere/log") == 0
    assert "monitor.log is elsewhere/log, a folder that is not on this runner" in capsys.readouterr().out
    assert "no issue is opened" in (workspace.reports / "unseen.txt").read_text(encoding="utf-8")
    assert watch(workspace, "s3://bucket/log") == 4
    assert not (workspace.reports / "unseen.txt").exists()


@pytest.mark.slow
def test_the_released_models_come_from_the_registrys_state(
    tmp_path: Path, oci_registry: Oci, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reference = f"{oci_registry.host}/team/{secrets.token_hex(4)}"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    def fill(store: Path) -> None:
        open_registry(store)

    Shared(Repository(reference), elsewhere).init(fill)
    monkeypatch.setenv("MAINLINE_STATE", reference)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    given = environment(project(tmp_path, 0, leaves=False))["MLFLOW_TRACKING_URI"]
    with sqlite3.connect(given.removeprefix("sqlite:///")) as database:
        assert database.execute("SELECT name FROM registered_models").fetchall() == [("mainline",)]
    monkeypatch.setenv("MAINLINE_STATE", f"{reference}-of-nobody")
    assert "MLFLOW_TRACKING_URI" not in environment(Workspace.at(tmp_path))
    assert "could not be looked up" in capsys.readouterr().out
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow.example")
    assert environment(Workspace.at(tmp_path))["MLFLOW_TRACKING_URI"] == "http://mlflow.example"


def test_the_monitor_gets_no_token_and_no_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_TOKEN", "MAINLINE_REGISTRY_PASSWORD"):
        monkeypatch.setenv(name, "secret")
    assert "secret" not in environment(Workspace.at(tmp_path)).values()
