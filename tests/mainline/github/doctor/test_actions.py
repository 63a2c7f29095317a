from __future__ import annotations

import datetime as dt

import pytest

from mainline.github.doctor import actions
from mainline.github.doctor.check import Finding
from tests.mainline.github.doctor.forks import TOP, Fork


def turned_on(finding: Finding) -> None:
    assert finding.state == "off"
    assert finding.turn_on is not None
    finding.turn_on()


def test_actions_that_are_disabled_are_enabled(fork: Fork) -> None:
    fork.repository.actions = {"enabled": False}
    assert actions.allowed(fork.target).state == "on"  # one thing at a time
    turned_on(actions.enabled(fork.target))
    assert actions.enabled(fork.target).state == "on"


def test_actions_of_other_makers_are_allowed_by_name_where_only_own_ones_may_run(fork: Fork) -> None:
    fork.repository.actions = {"enabled": True, "allowed_actions": "local_only", "sha_pinning_required": True}
    found = actions.allowed(fork.target)
    assert found.text == "not allowed to run: actions/checkout, somebody/setup-thing"
    turned_on(found)
    assert fork.repository.actions == {
        "enabled": True,
        "allowed_actions": "selected",
        "sha_pinning_required": True,
    }
    assert actions.allowed(fork.target).state == "on"


def test_what_was_allowed_before_stays_allowed(fork: Fork) -> None:
    fork.repository.actions = {"enabled": True, "allowed_actions": "selected"}
    fork.repository.selected_actions = {"github_owned_allowed": True, "patterns_allowed": ["else/where@*"]}
    found = actions.allowed(fork.target)
    assert found.text == "not allowed to run: somebody/setup-thing"
    turned_on(found)
    assert fork.repository.selected_actions["patterns_allowed"] == ["else/where@*", "somebody/setup-thing@*"]
    fork.repository.selected_actions["patterns_allowed"] = ["somebody/*"]
    assert actions.allowed(fork.target).state == "on"


def test_workflows_that_github_put_to_sleep_are_woken_and_others_left(fork: Fork) -> None:
    fork.repository.workflow(".github/workflows/retrain.yml", "retrain", "disabled_inactivity")
    fork.repository.workflow(".github/workflows/own.yml", "own", "disabled_manually")
    found = actions.workflows(fork.target)
    assert "retrain.yml is disabled by GitHub after 60 days without a commit" in found.text
    assert "own.yml is disabled manually" in found.text
    turned_on(found)
    left = actions.workflows(fork.target)
    assert (left.state, left.text, left.turn_on) == ("off", "own.yml is disabled manually", None)


@pytest.mark.parametrize(("days", "private", "warned"), [(39, False, False), (41, False, True), (41, True, False)])
def test_a_quiet_public_repository_is_told_when_its_schedules_will_be_switched_off(
    fork: Fork, days: int, private: bool, warned: bool
) -> None:
    pushed = dt.datetime.now(dt.UTC) - dt.timedelta(days=days, minutes=1)
    fork.repository.pushed_at, fork.repository.private = pushed.strftime("%Y-%m-%dT%H:%M:%SZ"), private
    fork.repository.workflows.clear()
    fork.repository.workflow(".github/workflows/retrain.yml", "retrain")
    found = actions.workflows(fork.target)
    assert found.state == "on"
    assert ("GitHub disables schedules in 19 days" in found.text) is warned


def test_a_fork_whose_workflows_were_never_started_is_led_to_the_green_button(fork: Fork) -> None:
    fork.repository.workflows.clear()
    found = actions.workflows(fork.target)
    assert (found.state, found.turn_on) == ("off", None)
    assert found.by_hand == f"click the green button at {fork.repository.url}/actions"


def test_a_default_branch_that_no_release_knows_is_told(fork: Fork) -> None:
    for name in ("release.yml", "review.yml", "comment.yml"):
        text = (TOP / ".github/workflows" / name).read_text(encoding="utf-8")
        fork.write(f".github/workflows/{name}", text)
    assert actions.triggers(fork.target).state == "on"
    fork.repository.default_branch = "master"
    found = actions.triggers(fork.target)
    assert found.state == "off"
    assert found.text == (
        "a push to master, the default branch, does not start release.yml, review.yml, so nothing is ever released"
    )
    assert f"rename the branch to main at {fork.repository.url}/settings; or write master" in found.by_hand


def test_a_token_that_may_write_is_made_to_read(fork: Fork) -> None:
    fork.repository.workflow_permissions = {
        "default_workflow_permissions": "write",
        "can_approve_pull_request_reviews": True,
    }
    turned_on(actions.token(fork.target))
    assert fork.repository.workflow_permissions == {
        "default_workflow_permissions": "read",
        "can_approve_pull_request_reviews": True,
    }
