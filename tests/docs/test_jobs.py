"""What a push costs: counted from the workflows, and told in docs/pull-requests.md."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.docs import jobs


@pytest.mark.slow
def test_the_table_counts_the_workflows_of_today() -> None:
    page = jobs.PAGE.read_text(encoding="utf-8")
    assert page == jobs.with_table(page), "the table in docs/pull-requests.md is out of date: make docs"


@pytest.mark.parametrize("situation", list(jobs.SITUATIONS))
def test_a_push_starts_at_most_six_jobs_and_a_release_one_more(situation: str) -> None:
    """What pushes the image is a job of its own, so that the one that trains may write nothing."""
    event, facts = jobs.SITUATIONS[situation]
    found = Counter(jobs.jobs(event, facts))
    assert found.total() - found["push"] <= 6, found
    assert found["push"] <= 1


def test_the_long_tests_cost_a_push_nothing_unless_it_changes_what_they_are_about() -> None:
    """They are started by paths, which no push of a model touches."""
    for event, facts in jobs.SITUATIONS.values():
        assert not {"tests", "more"} & {*jobs.jobs(event, facts)}


@pytest.mark.parametrize("situation", list(jobs.BEFORE))
def test_a_push_to_a_pull_request_takes_half_the_minutes_of_before(situation: str) -> None:
    event, facts = jobs.SITUATIONS[situation]
    assert jobs.minutes(list(jobs.jobs(event, facts))) <= jobs.BEFORE[situation][1] / 2


def test_a_pull_request_is_tested_on_two_pythons_a_draft_and_a_merge_on_one() -> None:
    def checks(event: str, draft: bool = False) -> int:
        return list(jobs.jobs(event, {"github.event.pull_request.draft": draft})).count("check")

    assert (checks("pull_request", draft=True), checks("pull_request"), checks("push")) == (1, 2, 1)
