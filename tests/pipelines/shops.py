"""A shop that has run once, copied for each test: what a test pays for is its own run."""

from __future__ import annotations

import html
import re
import shutil
from pathlib import Path

import pandas as pd

from tests.projects import Project

# Not what these tests are about, and each a part of every run.
LEAN = (
    ("time_travel_checks: 2", "time_travel_checks: 0"),
    ("importance_rows: 200", "importance_rows: 0"),
    ("threads: 1", "threads: 1\n  repeats: 1"),
)


def lean(root: Path, *changes: tuple[str, str], frame: tuple[tuple[str, str], ...] = ()) -> Project:
    """A new shop without suites, its `params.yaml` and preparation changed, all of it committed."""
    project = Project(root, with_git=False)
    shutil.rmtree(project.path("data/expectations"))
    project.edit("params.yaml", *LEAN, *changes)
    project.edit("src/shop/frame.py", *frame)
    project.init()
    project.commit("The shop")
    return project


def copy(project: Project, root: Path) -> Project:
    """The same checkout and state elsewhere; the last answer is left behind."""
    shutil.copytree(project.root, root, dirs_exist_ok=True, symlinks=True)
    (root / ".mainline" / "last.json").unlink(missing_ok=True)
    return Project.at(root)


def notes_of(project: Project) -> str:
    """The report's text as a reader sees it, a sentence's first letter small."""
    return re.sub(
        r"^> - (.)", lambda m: m[1].lower(), html.unescape(project.report).replace("<!-- -->", ""), flags=re.M
    )


def rows_of(project: Project) -> pd.DataFrame:
    """The visits with what is known of each."""
    visits = pd.read_parquet(project.path("data/visits.parquet"))
    return visits.merge(pd.read_csv(project.path("data/purchases.csv"))[["visit", "bought"]], on="visit")
