from __future__ import annotations

from pathlib import Path

import pytest

from tests.github.double import GitHubDouble
from tests.mainline.github.doctor.forks import Fork


@pytest.fixture
def fork(github: GitHubDouble, tmp_path: Path) -> Fork:
    return Fork.begin(github, tmp_path)
