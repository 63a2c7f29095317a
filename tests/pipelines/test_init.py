"""`make init` from a clone of the template to the first verdict, on tables that nobody had in mind; then two changes.

A harmless or good change passes on each table, and a bad one is refused.
"""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.mainline.init import made
from tests.projects import TOP, Project, Result

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Begun:
    project: Project
    result: Result

    @property
    def settings(self) -> dict[str, object]:
        found: dict[str, object] = yaml.safe_load(self.project.path("params.yaml").read_text(encoding="utf-8"))
        return found


def template(folder: Path) -> Project:
    """What a stranger has after `git clone`."""
    subprocess.run(["git", "clone", "--quiet", str(TOP), str(folder)], check=True)
    found = Project.at(folder)
    found.sign()
    return found


def begun(folder: Path, *arguments: str) -> Begun:
    project = template(folder)
    return Begun(project, project.mainline("init", *arguments))


def passed(found: Begun) -> None:
    assert found.result.status == 0, found.result.out + found.result.err
    assert found.project.verdict["verdict"] == "no_baseline"
    for words in ("What to try next:", "git switch -c", "reports/init.html"):
        assert words in found.result.out
    assert "no baseline: it still holds" in found.result.err
    assert not found.project.path("src/flights").exists()
    found.project.commit("A first model")


def judged(project: Project, *change: tuple[str, str]) -> tuple[int, str]:
    """Status and verdict of a change of params.yaml, which is taken back."""
    project.edit("params.yaml", *change)
    status = project.run().status
    verdict: str = project.verdict["verdict"]
    project.git("checkout", "--quiet", "params.yaml")
    return status, verdict


def test_a_regression_without_a_time(tmp_path: Path) -> None:
    found = begun(tmp_path / "diabetes", "sklearn:diabetes", "--label", "target")
    passed(found)
    gates = found.settings["gates"]
    assert gates["floors"]["r2"] > 0.1
    assert judged(found.project, ("alpha: 1.0", "alpha: 1.1"))[0] == 0
    assert judged(found.project, ("alpha: 1.0", "alpha: 30000.0")) == (1, "worse")


def test_ten_classes_of_64_columns(tmp_path: Path) -> None:
    found = begun(tmp_path / "digits", "sklearn:digits", "--label", "target")
    passed(found)
    assert judged(found.project, ("[pixel_*]", "[pixel_0_*, pixel_7_*]")) == (1, "worse")


def test_text_categories(tmp_path: Path) -> None:
    found = begun(tmp_path / "churn", str(TOP / "tests/tables/churn.parquet"), "--label", "churn")
    passed(found)
    assert judged(found.project, ("learning_rate: 0.06", "learning_rate: 0.055"))[0] == 0
    assert judged(found.project, ("max_iter: 100", "max_iter: 2")) == (1, "worse")


def test_protected_columns(tmp_path: Path) -> None:
    found = begun(tmp_path / "hmda", str(TOP / "tests/tables/hmda.parquet"), "--label", "deny")
    passed(found)
    assert "? question: black looks protected" in found.result.out
    assert "⚠ leak: dmi" in found.result.out


def test_transactions_whose_labels_come_30_days_later(tmp_path: Path) -> None:
    rows, labels = made.transactions(tmp_path)
    found = begun(tmp_path / "transactions", str(rows), "--label", "fraud", "--labels", str(labels))
    passed(found)
    assert found.project.path("README.md").read_text(encoding="utf-8").startswith("# transactions\n")
    bare = called(found.project, "benchmarks/bare.py")
    assert 0.5 < float(bare.splitlines()[-1]) <= 1, "what `make bench` measures the runs against"
    called(found.project, "-m", "pytest", "-n", "0", "-p", "no:cacheprovider", "-m", "not slow", "tests/docs")


def called(project: Project, *arguments: str) -> str:
    """A program of the new project by the machine in it."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=project.root,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (project.root / "src", project.root)))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_rides_in_folders_by_month(tmp_path: Path) -> None:
    found = begun(tmp_path / "rides", str(made.rides(tmp_path / "given", rows=8_000)), "--label", "fare")
    passed(found)


def test_a_second_call_leaves_what_was_edited(tmp_path: Path) -> None:
    found = begun(tmp_path / "wine", "sklearn:wine", "--label", "target")
    project = found.project
    project.edit("docs/model-card.md", ("TODO", "Done"))
    again = project.mainline("init", "data/raw/wine.parquet", "--label", "target", "--task", "multiclass")
    assert again.status == found.result.status, again.out + again.err
    assert "docs/model-card.md was edited: it stays" in again.out
    assert "Done" in project.path("docs/model-card.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["sklearn:iris", "--label", "targte"], 2, "did you mean LABEL=target?"),
        (["sklearn:iris", "--label", "target", "--task", "binry"], 2, "did you mean binary?"),
        (["sklearn:iris", "--label", "target", "--name", "../x"], 2, "a path was given"),
        (["sklearn:iris", "--label", "target", "--name", "mainline"], 2, "a part of this repository"),
        (["nowhere.csv", "--label", "y"], 2, "there is no nowhere.csv"),
        (["tiny.csv", "--label", "y"], 3, "rows"),
        (["constant.csv", "--label", "y"], 3, "it is 1 in every row"),
        (["picture.csv", "--label", "y"], 3, "is a picture"),
        (["prose.csv", "--label", "y"], 3, "prose.csv, line 2: Expected Number of Columns: 2 Found: 1"),
        (["packed.csv", "--label", "y"], 3, "is compressed by gzip: name it packed.csv.gz"),
    ],
)
def test_what_cannot_become_a_project_leaves_everything_as_it_was(
    clone: Project, arguments: list[str], status: int, said: str
) -> None:
    found = clone.mainline("init", *arguments)
    assert (found.status, said in found.err) == (status, True), found.out + found.err
    assert clone.git("status", "--porcelain") == clone_status


clone_status = "?? constant.csv\n?? packed.csv\n?? picture.csv\n?? prose.csv\n?? tiny.csv"


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Project:
    found = template(tmp_path_factory.mktemp("refused") / "clone")
    found.write("tiny.csv", "x,y\n" + "".join(f"{i},{i % 2}\n" for i in range(10)))
    found.write("constant.csv", "x,y\n" + "".join(f"{i},1\n" for i in range(500)))
    found.write("prose.csv", "Dear all,\nhere is the table.\nBob, of the office\n")
    found.path("packed.csv").write_bytes(gzip.compress(b"x,y\n1,2\n"))
    found.path("picture.csv").write_bytes(b"\x89PNG\r\n\x1a\n")
    return found
