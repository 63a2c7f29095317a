"""A review that has just ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.github.double import GitHubDouble
from tests.mainline.github.comment.scene import Scene


@pytest.fixture
def scene(github: GitHubDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.chdir(tmp_path)  # the job's checkout
    return Scene(github, github.repository("flights/mainline"), tmp_path)
