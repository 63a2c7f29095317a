"""GitHub on the loopback, and a review that has just ended there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.github.double import GitHubDouble, github
from tests.mainline.comment.scene import Scene

__all__ = ["github", "scene"]


@pytest.fixture
def scene(github: GitHubDouble, tmp_path: Path) -> Scene:
    return Scene(github, github.repository("flights/mainline"), tmp_path)
