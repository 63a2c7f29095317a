"""`make init` in the place of the example: written into a clone of this repository, run, linted, and written again."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys

import pytest

from mainline.errors import ConfigurationError
from mainline.init.writing import example, manifest
from mainline.init.writing.write import Written, write
from tests.mainline.init.writing.proposals import churn, with_rows
from tests.projects import TOP, Project

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cloned(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """This repository's commit, with the customers' file."""
    root = tmp_path_factory.mktemp("churn")
    subprocess.run(["git", "clone", "--quiet", str(TOP), str(root)], check=True)
    project = Project.at(root)
    project.git("checkout", "--quiet", "-B", "main")
    project.git("remote", "remove", "origin")
    project.sign()
    with_rows(root, churn())
    return project


@pytest.fixture(scope="module")
def project(cloned: Project) -> tuple[Project, Written]:
    return cloned, write(churn(), cloned.root)


def called(project: Project, *command: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=project.root,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (project.root / "src", project.root)))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def test_an_edited_file_of_the_example_refuses_the_whole_and_nothing_is_written(cloned: Project) -> None:
    before = cloned.git("status", "--porcelain")
    cloned.edit("data/expectations/weather.yaml", ("name: weather", "name: weather # mine"))
    edited = cloned.git("status", "--porcelain")
    with pytest.raises(ConfigurationError, match=r"that no commit holds: data/expectations/weather\.yaml\."):
        write(churn(), cloned.root)
    assert cloned.git("status", "--porcelain") == edited
    cloned.git("checkout", "--", "data/expectations/weather.yaml")
    broken = dataclasses.replace(churn(), label_expression='_.chruned == "yes"')
    with pytest.raises(ConfigurationError, match="chruned"):
        write(broken, cloned.root)
    assert cloned.git("status", "--porcelain") == before


def test_the_project_replaces_the_example_and_passes(project: tuple[Project, Written]) -> None:
    churned, written = project
    assert written.left == {}
    assert {"params.yaml", "src/churn/frame.py", "data/expectations/customers.yaml"} <= set(written.new)
    assert set(written.updated) == {"Makefile", "pyproject.toml"}
    assert not example.is_there(churned.root)
    assert not list(churned.root.glob("src/flights")) + list(churned.root.glob("data/raw/*.parquet"))
    assert "flights" not in churned.path("pyproject.toml").read_text(encoding="utf-8")
    assert churned.git("diff", "--cached", "--name-only") == "", "nothing is committed"
    assert [each for each in written.warnings if "TODO waits for you in" in each and "docs/model-card.md" in each]
    churned.commit("Churn")
    found = churned.run()
    assert (found.status, churned.verdict["verdict"]) == (0, "identical"), found.out + found.err
    assert "0 warnings" in found.err


def test_what_is_written_keeps_the_lint_the_types_and_its_own_tests(project: tuple[Project, Written]) -> None:
    churned, _ = project
    files = ["src/churn", "tests/churn"]
    called(churned, "ruff", "check", "--no-cache", *files)
    called(churned, "ruff", "format", "--check", "--no-cache", *files)
    called(churned, "mypy", "--strict", "--follow-imports=skip", "--ignore-missing-imports", "src/churn/frame.py")
    said = called(churned, "pytest", "-n", "0", "-p", "no:cacheprovider", "tests/churn")
    assert said.startswith("...  "), said


def test_a_second_time_what_nobody_has_edited_is_updated_and_the_rest_is_left(project: tuple[Project, Written]) -> None:
    churned, _ = project
    churned.edit("src/churn/frame.py", ("the label", "the label, by contract"))
    mine = churned.path("src/churn/frame.py").read_text(encoding="utf-8")
    proposal = churn()
    settings = {**proposal.settings, "evaluate": {**proposal.settings["evaluate"], "min_rows": 70}}
    again = write(dataclasses.replace(proposal, settings=settings), churned.root)
    assert (again.new, again.updated, again.removed) == ([], ["params.yaml"], [])
    assert list(again.left) == ["src/churn/frame.py"]
    assert churned.path("src/churn/frame.py").read_text(encoding="utf-8") == mine
    beside = churned.root / again.left["src/churn/frame.py"]
    assert "# the label\n" in beside.read_text(encoding="utf-8")
    assert any("diff src/churn/frame.py .mainline/init/src/churn/frame.py" in each for each in again.warnings)
    assert "min_rows: 70" in churned.path("params.yaml").read_text(encoding="utf-8")


def test_a_value_that_init_set_itself_is_no_edit(project: tuple[Project, Written]) -> None:
    churned, _ = project
    churned.edit("params.yaml", ("roc_auc: 0.03", "roc_auc: 0.02"))
    assert not manifest.read(churned.root).is_own(churned.root, "params.yaml")
    manifest.renew(churned.root, "params.yaml")
    assert manifest.read(churned.root).is_own(churned.root, "params.yaml")
    assert json.loads(churned.path(manifest.FILE).read_text(encoding="utf-8"))["name"] == "churn"
