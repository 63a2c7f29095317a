"""A review that has just ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.github.double import GitHubDouble
from tests.mainline.github.comment.scene import Scene


@pytest.fixture
def scene(github: GitHubDouble, tmp_path: Path) -> Scene:
    return Scene(github, github.repository("flights/mainline"), tmp_path)
