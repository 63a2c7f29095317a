from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mainline.errors import ConfigurationError
from mainline.evaluation import baseline
from mainline.runtime.workspace import Workspace


def test_a_base_that_does_not_exist_is_refused_and_one_that_does_is_not(tmp_path: Path) -> None:
    workspace = Workspace.at(tmp_path)
    baseline.check_base(workspace, "anything: there is no checkout")
    subprocess.run(["git", "init", "--quiet", "--initial-branch=trunk"], cwd=tmp_path, check=True)
    with pytest.raises(ConfigurationError, match=r"tag or commit trunk to compare with \(there is no branch"):
        baseline.check_base(workspace, "trunk")
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *who, "commit", "--quiet", "--allow-empty", "--message", "x"], cwd=tmp_path, check=True)
    baseline.check_base(workspace, "trunk")
    baseline.check_base(workspace, "HEAD")
    baseline.check_base(workspace, "base/main")  # a workflow's name, which the first commit has nothing for
    with pytest.raises(ConfigurationError, match=r"trink to compare with: did you mean trunk\? \(there are trunk\)"):
        baseline.check_base(workspace, "trink")


def test_main_is_asked_with_the_base_image_of_this_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "src" / "mainline"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    program = "import json, os\nprint(json.dumps({'base': os.environ.get('MAINLINE_BASE')}))\n"
    (package / "__main__.py").write_text(program)
    monkeypatch.setenv("MAINLINE_BASE", "registry.example/python:3.12")
    assert baseline.ask(tmp_path, ["train"]) == {"base": "registry.example/python:3.12"}
