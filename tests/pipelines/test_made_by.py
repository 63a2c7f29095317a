"""Which commit a model is of: the one whose files made it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mainline.config.loader import load
from mainline.packaging.export import export
from mainline.runtime.progress import Progress
from mainline.runtime.workspace import Workspace
from mainline.training.facts import DIRTY
from mainline.training.record import Record
from pipelines import training
from tests.pipelines.shops import lean
from tests.projects import Project

pytestmark = pytest.mark.slow


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    project = lean(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path / "src"))
    yield project
    for name in [name for name in list(sys.modules) if name.split(".")[0] == "shop"]:
        del sys.modules[name]


def recorded(shop: Project) -> tuple[Record, Path]:
    """The record as a run leaves it, and its frame."""
    workspace = Workspace.at(shop.root)
    job = training.begin(load(), workspace, Progress())
    training.prepare(job)
    return training.known_record(job) or training.train_new(job).keep(workspace), job.frame


def test_a_model_of_uncommitted_changes_is_of_no_commit_until_one_has_them(here: Project, tmp_path: Path) -> None:
    other = here.git("rev-parse", "HEAD")
    here.edit("params.yaml", ("max_iter: 30", "max_iter: 5"))
    trained, frame = recorded(here)
    made = export(load().settings, trained, frame, tmp_path / "dirty")
    assert (made.commit, trained.facts.commit) == (DIRTY, other)
    commit = here.commit("Fewer iterations")
    again, frame = recorded(here)
    assert again.digest == trained.digest
    assert export(load().settings, again, frame, tmp_path / "clean").commit == commit
    here.write("docs.md", "nothing that can change the model")
    here.commit("A page")
    assert recorded(here)[0].facts.made_by == commit
