from __future__ import annotations

import pytest

from mainline.github.actions.approvals import deployment_approvers
from mainline.github.client import GitHub, GitHubError
from tests.github.state import Repository


@pytest.mark.slow
def test_those_count_who_approved_the_deployment_to_production(client: GitHub, repository: Repository) -> None:
    run = repository.run(event="push")
    for who, state, environment in (
        ("strict", "rejected", "production"),
        ("zoe", "approved", "production"),
        ("other", "approved", "pages"),
        ("anna", "approved", "production"),
        ("zoe", "approved", "production"),
    ):
        repository.reviewed(run["id"], state, who, environment)
    repository.reviewed(repository.run(event="push")["id"], "approved", "elsewhere")
    assert deployment_approvers(client, run["id"]) == "anna, zoe"


def test_where_the_environment_asks_nobody_that_is_the_answer(client: GitHub, repository: Repository) -> None:
    assert deployment_approvers(client, repository.run(event="push")["id"]) == "nobody"


def test_a_run_that_is_not_known_is_no_answer(client: GitHub) -> None:
    with pytest.raises(GitHubError, match="404"):
        deployment_approvers(client, 4711)
