from __future__ import annotations

import pytest

from mainline.github.client import GitHub
from tests.github.double import GitHubDouble
from tests.github.state import Repository


@pytest.fixture
def repository(github: GitHubDouble) -> Repository:
    return github.repository("team/model")


@pytest.fixture
def client(github: GitHubDouble, repository: Repository) -> GitHub:
    """That of a workflow whose token may read."""
    return GitHub.from_environment(github.environment(repository, access="read"))
