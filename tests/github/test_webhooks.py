from __future__ import annotations

import pytest

from tests.github.description import Unfit
from tests.github.webhooks import payload


def test_an_event_has_every_field_of_githubs() -> None:
    found = payload("push", {"ref": "refs/heads/main", "repository": {"private": True}})
    assert found["repository"]["private"] is True
    assert {"before", "after", "pusher", "commits"} <= set(found)


@pytest.mark.parametrize(
    ("event", "values", "said"),
    [
        ("push", {"pull_request": {"number": 1}}, "the event push: GitHub answers no 'pull_request' here"),
        ("push", {"repository": {"private": "no"}}, "repository.private: 'no' is not of type 'boolean'"),
        ("pull_request", {"action": "merged"}, "GitHub sends no event pull-request-merged"),
        ("merge_group", {"action": "checks_requested", "number": 7}, "GitHub answers no 'number' here"),
        # Which is why a schedule is to ask the API whether the repository is private.
        ("schedule", {"schedule": "23 4 * * 1", "repository": {"private": True}}, "schedule has the fields"),
    ],
)
def test_an_invented_field_is_refused(event: str, values: dict[str, object], said: str) -> None:
    with pytest.raises(Unfit, match=said.replace(".", r"\.")):
        payload(event, values)
