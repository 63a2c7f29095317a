"""`docs/make-it-yours.md`, followed to the letter: its files are written, its commands run, its output compared."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib

import pytest

from tests.projects import TOP, Project

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
    _, passed, refused = blocks("")
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
