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
    assert actions.allowed(fork.ground).state == "on"  # one thing at a time
    turned_on(actions.enabled(fork.ground))
    assert actions.enabled(fork.ground).state == "on"


def test_actions_of_other_makers_are_allowed_by_name_where_only_own_ones_may_run(fork: Fork) -> None:
    fork.repository.actions = {"enabled": True, "allowed_actions": "local_only", "sha_pinning_required": True}
    found = actions.allowed(fork.ground)
    assert found.says == "not allowed to run: actions/checkout, somebody/setup-thing"
    turned_on(found)
    assert fork.repository.actions == {
        "enabled": True,
        "allowed_actions": "selected",
        "sha_pinning_required": True,
    }
    assert actions.allowed(fork.ground).state == "on"


def test_what_was_allowed_before_stays_allowed(fork: Fork) -> None:
    fork.repository.actions = {"enabled": True, "allowed_actions": "selected"}
    fork.repository.selected_actions = {"github_owned_allowed": True, "patterns_allowed": ["else/where@*"]}
    found = actions.allowed(fork.ground)
    assert found.says == "not allowed to run: somebody/setup-thing"
    turned_on(found)
    assert fork.repository.selected_actions["patterns_allowed"] == ["else/where@*", "somebody/setup-thing@*"]
    fork.repository.selected_actions["patterns_allowed"] = ["somebody/*"]
    assert actions.allowed(fork.ground).state == "on"


def test_workflows_that_github_put_to_sleep_are_woken_and_others_left(fork: Fork) -> None:
    fork.repository.workflow(".github/workflows/retrain.yml", "retrain", "disabled_inactivity")
    fork.repository.workflow(".github/workflows/own.yml", "own", "disabled_manually")
    found = actions.workflows(fork.ground)
    assert "retrain.yml is asleep after 60 days without a commit" in found.says
    assert "own.yml is switched off by hand" in found.says
    turned_on(found)
    left = actions.workflows(fork.ground)
    assert (left.state, left.says, left.turn_on) == ("off", "own.yml is switched off by hand", None)


@pytest.mark.parametrize(("days", "private", "warned"), [(39, False, False), (41, False, True), (41, True, False)])
def test_a_quiet_public_repository_is_told_when_its_schedules_will_be_switched_off(
    fork: Fork, days: int, private: bool, warned: bool
) -> None:
    pushed = dt.datetime.now(dt.UTC) - dt.timedelta(days=days, minutes=1)
    fork.repository.pushed_at, fork.repository.private = pushed.strftime("%Y-%m-%dT%H:%M:%SZ"), private
    fork.repository.workflows.clear()
    fork.repository.workflow(".github/workflows/retrain.yml", "retrain")
    found = actions.workflows(fork.ground)
    assert found.state == "on"
    assert ("GitHub switches schedules off in 19 days" in found.says) is warned


def test_a_fork_whose_workflows_were_never_started_is_led_to_the_green_button(fork: Fork) -> None:
    fork.repository.workflows.clear()
    found = actions.workflows(fork.ground)
    assert (found.state, found.turn_on) == ("off", None)
    assert found.by_hand == f"the green button at {fork.repository.url}/actions"


def test_a_default_branch_that_no_release_knows_is_told(fork: Fork) -> None:
    for name in ("release.yml", "review.yml", "zizmor.yml"):
        text = (TOP / ".github/workflows" / name).read_text(encoding="utf-8")
        fork.write(f".github/workflows/{name}", text)
    assert actions.triggers(fork.ground).state == "on"
    fork.repository.default_branch = "master"
    found = actions.triggers(fork.ground)
    assert found.state == "off"
    assert found.says == (
        "a push to master, the default branch, does not start release.yml, zizmor.yml, so that nothing is ever released"
    )
    assert f"rename the branch to main at {fork.repository.url}/settings; or write master" in found.by_hand


def test_a_token_that_may_write_is_made_to_read(fork: Fork) -> None:
    fork.repository.workflow_permissions = {
        "default_workflow_permissions": "write",
        "can_approve_pull_request_reviews": True,
    }
    turned_on(actions.token(fork.ground))
    assert fork.repository.workflow_permissions == {
        "default_workflow_permissions": "read",
        "can_approve_pull_request_reviews": True,
    }
