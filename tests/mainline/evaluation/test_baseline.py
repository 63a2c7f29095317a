from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mainline.evaluation import baseline
from mainline.runtime.workspace import Workspace


@pytest.mark.parametrize(
    ("base", "hint"),
    [
        ("main", "origin's default branch is master: make run BASE=master, and make doctor for the rest"),
        ("elsewhere", "git fetch origin elsewhere"),
    ],
)
def test_where_the_default_branch_has_another_name_the_base_to_give_is_named(
    tmp_path: Path, base: str, hint: str
) -> None:
    subprocess.run(["git", "init", "--quiet", "--initial-branch=master"], cwd=tmp_path, check=True)
    head = ["refs/remotes/origin/HEAD", "refs/remotes/origin/master"]
    subprocess.run(["git", "symbolic-ref", *head], cwd=tmp_path, check=True)
    found = baseline.why_missing(Workspace.at(tmp_path), base)
    assert found == f"no baseline: there is no {base} here ({hint})"


def test_main_is_asked_with_the_base_image_of_this_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "src" / "mainline"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    program = "import json, os\nprint(json.dumps({'base': os.environ.get('MAINLINE_BASE')}))\n"
    (package / "__main__.py").write_text(program)
    monkeypatch.setenv("MAINLINE_BASE", "registry.example/python:3.12")
    assert baseline.ask(tmp_path, ["train"]) == {"base": "registry.example/python:3.12"}
