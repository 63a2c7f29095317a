"""`docs/make-it-yours.md`, followed to the letter: its files are written, its commands run, its output compared."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.github.double import GitHubDouble
from tests.github.fixture import github
from tests.projects import TOP, Project, Result
from tests.servers import Oci, oci_registry

__all__ = ["github", "oci_registry"]
pytestmark = pytest.mark.slow

GUIDE = (TOP / "docs" / "make-it-yours.md").read_text(encoding="utf-8")
BLOCKS = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def blocks(language: str) -> list[str]:
    return [text for found, text in BLOCKS.findall(GUIDE) if found == language]


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """This repository's commit with the guide's project on its main, and the example gone."""
    project = Project.at(tmp_path_factory.mktemp("wine"))
    subprocess.run(["git", "clone", "--quiet", str(TOP), str(project.root)], check=True)
    project.git("checkout", "--quiet", "-B", "main")
    project.git("remote", "remove", "origin")  # whose default branch is the one that is worked on here
    project.sign()
    load, prepare = blocks("python")
    params, suite = blocks("yaml")
    (card,) = blocks("markdown")
    (commands,) = blocks("sh")
    subprocess.run([sys.executable, "-c", load], cwd=project.root, check=True)
    project.write("src/wine/__init__.py", "")
    project.write("src/wine/frame.py", prepare)
    project.write("params.yaml", params)
    project.write("data/expectations/wine.yaml", suite)
    project.write("docs/model-card.md", card)
    subprocess.run(["bash", "-euo", "pipefail", "-c", commands], cwd=project.root, check=True, capture_output=True)
    project.commit("Wine")
    return project


def told(text: str) -> list[str]:
    """The lines that do not depend on the machine's clock, nor say where the report is."""
    return [line for line in text.splitlines() if line.strip() and not re.search(r"training time|reports/", line)]


def test_the_guides_project_passes_refuses_and_is_exported_as_it_says(wine: Project) -> None:
    _, passed, refused, _ = blocks("")
    found = wine.run()
    assert (found.status, told(found.out)) == (0, told(passed)), found.err
    exported = wine.mainline("export")
    assert exported.status == 0, exported.err
    folder = wine.root / ".mainline" / "model"
    assert json.loads((folder / "serving.json").read_text(encoding="utf-8"))["engine"] == "onnx"
    card = (folder / "model-card.md").read_text(encoding="utf-8")
    assert "from which of three cultivars" in card
    assert "flight" not in card
    wine.edit("params.yaml", ("C: 1.0", "C: 0.01"))
    found = wine.run()
    assert (found.status, told(found.out)) == (1, told(refused)), found.err


def test_the_guides_project_is_released_by_hand_and_one_of_another_kind_begins_anew(
    wine: Project, tmp_path: Path, github: GitHubDouble, oci_registry: Oci
) -> None:
    """The steps of release.yml; containers have their own tests."""
    wine.git("clone", "--quiet", str(wine.root), str(tmp_path / "wine"))
    mine = Project.at(tmp_path / "wine")
    mine.git("remote", "remove", "origin")
    mine.sign()
    repository = github.repository("team/wine")
    place = f"{oci_registry.host}/team/{tmp_path.name.replace('_', '-').lower()}"
    given = {**github.environment(repository), "MAINLINE_STATE": f"{place}/state", "MAINLINE_IMAGE": f"{place}/image"}

    def step(*call: str, event: str = "workflow_dispatch", run: str = "1") -> Result:
        return mine.mainline(*call, **given, GITHUB_EVENT_NAME=event, GITHUB_RUN_ID=run)

    def pushed(message: str) -> None:
        if mine.git("status", "--porcelain"):
            mine.commit(message)
        repository.receive("heads/main", mine.git("rev-parse", "HEAD"))

    pushed("The wine")
    said = step("ci", "due", event="push").out
    assert "due=false" in said
    assert "the first release is started manually: Actions → release → Run workflow" in said
    assert "due=true" in step("ci", "due").out
    for call in (("ci", "begin"), ("promote", "--target", "none"), ("ci", "publish")):
        done = step(*call)
        assert done.status == 0, done.err
    assert [each["name"] for each in repository.releases.values()] == ["Model 1"]

    mine.edit("src/wine/frame.py", ("phenols_share=", 'cultivar=_.cultivar == "barolo", phenols_share='))
    mine.edit("params.yaml", ("task: multiclass ", "task: binary "))
    pushed("Is it a barolo?")
    assert "due=true" in step("ci", "due", event="push").out
    refused = step("promote", "--target", "none", run="2")
    assert refused.status == 1
    assert told(blocks("")[-1]) == told(refused.out)[:2]
    for call in (("ci", "begin", "--anew"), ("promote", "--target", "none"), ("ci", "publish")):
        done = step(*call, run="3")
        assert done.status == 0, done.err
    assert [each["name"] for each in repository.releases.values()] == ["Model 1", "Model 2"]
    assert "the state before is kept as state-0000" in step("audit").out


def test_without_the_example_the_documents_checks_are_green_and_types_are_the_machines(wine: Project) -> None:
    """The other quick tests read nothing of the example; a fork's own estimator may have no types."""
    project = tomllib.loads((wine.root / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["mypy"]["files"] == ["src/mainline", "pipelines"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "0", "-p", "no:cacheprovider", "-m", "not slow", "tests/docs"],
        cwd=wine.root,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (wine.root / "src", wine.root)))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
