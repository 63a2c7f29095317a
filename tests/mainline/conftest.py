from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mainline.runtime.quick_imports import plain_docstrings
from tests.github.fixture import github
from tests.projects import Project

__all__ = ["github"]

with plain_docstrings():  # before a module of tests imports it, with the notes that SciPy takes 0.3 s to write
    importlib.import_module("sklearn.utils")


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A store with three runs, and their ids. Nobody changes it: a test works in a copy."""
    from tests.mainline.releases import make_store  # it imports MLflow

    folder = tmp_path_factory.mktemp("store") / "store"
    return folder, make_store(folder, 3)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """The project that the test works in: its folder is the current one, its code can be imported."""
    project = Project(tmp_path, with_git=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path / "src"))
    yield project
    for name in [name for name in list(sys.modules) if name.split(".")[0] == "shop"]:
        del sys.modules[name]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte: what is written there meets a full disk."""
    folder = tmp_path / "small-disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip("a small disk is mounted by root only")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
