from __future__ import annotations

from mainline.github.actions.approvals import Merge, of_commit
from mainline.github.client import GitHub
from tests.github.double import GitHubDouble
from tests.github.state import Repository

MERGED = "5" * 40


def test_those_count_as_approvers_whose_last_word_was_an_approval(client: GitHub, repository: Repository) -> None:
    pull = repository.pull("better")
    for who, state in (
        ("strict", "APPROVED"),
        ("strict", "CHANGES_REQUESTED"),
        ("zoe", "CHANGES_REQUESTED"),
        ("zoe", "APPROVED"),
        ("zoe", "COMMENTED"),
        ("anna", "APPROVED"),
        ("gone", "DISMISSED"),
    ):
        repository.review(pull, state, who)
    repository.merged(pull, MERGED)
    assert of_commit(client, MERGED) == Merge(str(pull["number"]), "anna, zoe")


def test_where_nobody_approved_the_one_who_merged_is_named(client: GitHub, repository: Repository) -> None:
    pull = repository.pull("better")
    repository.merged(pull, MERGED, login="maintainer")
    assert of_commit(client, MERGED) == Merge(str(pull["number"]), "nobody, merged by maintainer")


def test_a_pull_request_from_a_fork_is_known_by_its_merge(
    github: GitHubDouble, client: GitHub, repository: Repository
) -> None:
    pull = repository.pull("better", source=github.repository("else/model", fork_of=repository))
    repository.review(pull, "APPROVED", "anna")
    repository.merged(pull, MERGED)
    assert of_commit(client, MERGED) == Merge(str(pull["number"]), "anna")


def test_a_commit_without_a_pull_request_has_neither(client: GitHub, repository: Repository) -> None:
    # One that is still open holds the commit too: it has let nothing through.
    repository.pull("other", sha=repository.refs["heads/main"])
    assert of_commit(client, repository.refs["heads/main"]) == Merge()
