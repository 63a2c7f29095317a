from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipelines.shops import copy, lean
from tests.projects import Project


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A shop whose main has been trained. Nobody changes it: `shop` is a copy."""
    project = lean(tmp_path_factory.mktemp("shop"))
    found = project.run()
    assert found.status == 0, found.err
    return project


@pytest.fixture
def shop(trained: Project, tmp_path: Path) -> Project:
    return copy(trained, tmp_path / "shop")
