from __future__ import annotations

import pytest

from mainline.github.doctor import release
from tests.github.double import GitHubDouble
from tests.github.state import user
from tests.mainline.github.doctor.forks import Fork


def test_production_is_made_to_wait_for_the_owner_and_to_take_the_default_branch_alone(fork: Fork) -> None:
    found = release.environment(fork.target)
    assert found.text == "production does not exist: a deployment needs no approval and every branch may deploy"
    assert found.turn_on is not None
    found.turn_on()
    assert release.environment(fork.target).text == "production waits for team"
    assert [one["name"] for one in fork.repository.deployment_branches["production"]] == ["main"]


@pytest.mark.slow
def test_where_a_private_repositorys_plan_has_no_approvals_the_branches_are_limited_all_the_same(fork: Fork) -> None:
    fork.repository.private, fork.repository.plan = True, "team"
    found = release.environment(fork.target)
    assert found.turn_on is not None
    found.turn_on()
    assert [one["name"] for one in fork.repository.deployment_branches["production"]] == ["main"]
    after = release.environment(fork.target)
    assert after.state == "off"
    assert "a deployment needs no approval" in after.text
    assert "every branch" not in after.text
    assert "in a private repository only GitHub Enterprise asks for one" in after.text
    assert "the audit log names who approved the pull request" in after.text
    done = fork.doctor("--fix")
    assert "in a private repository only GitHub Enterprise asks for one" in " ".join(done.stdout.split())


def test_what_a_plan_has_is_said_before_anything_is_looked_for(fork: Fork) -> None:
    assert release.plan(fork.target).state == "on"
    fork.repository.private = True
    found = release.plan(fork.target)
    assert found.state == "absent"
    assert "approvals and attestations need GitHub Enterprise" in found.text


def test_what_production_has_already_is_kept(fork: Fork) -> None:
    own = {"protected_branches": True, "custom_branch_policies": False}
    fork.target.github.put("environments/production", {"wait_timer": 15, "deployment_branch_policy": own})
    found = release.environment(fork.target)
    assert found.text == "production exists: a deployment needs no approval"
    assert found.turn_on is not None
    found.turn_on()
    now = fork.repository.environments["production"]
    assert now["deployment_branch_policy"] == own
    assert {"wait_timer", "required_reviewers"} <= {one["type"] for one in now["protection_rules"]}
    assert fork.repository.deployment_branches == {}


def test_reviewers_that_are_there_stay_when_branches_are_limited(fork: Fork) -> None:
    reviewers = [{"type": "User", "id": user("team")["id"]}]
    body = {"reviewers": reviewers, "prevent_self_review": True, "deployment_branch_policy": None}
    fork.target.github.put("environments/production", body)
    found = release.environment(fork.target)
    assert found.text == "production exists: every branch may deploy"
    assert found.turn_on is not None
    found.turn_on()
    rule = next(
        one
        for one in fork.repository.environments["production"]["protection_rules"]
        if one["type"] == "required_reviewers"
    )
    assert rule["prevent_self_review"] is True
    assert [one["reviewer"]["login"] for one in rule["reviewers"]] == ["team"]


def test_in_an_organisation_whoever_asks_is_the_reviewer(github: GitHubDouble, fork: Fork) -> None:
    fork.repository = github.repository("big-org/model")
    fork.token = github.token("admin", "somebody")
    found = release.environment(fork.target)
    assert found.turn_on is not None
    found.turn_on()
    assert release.environment(fork.target).text == "production waits for somebody"
    fork.repository.package("model")
    assert release.packages(fork.target).state == "off"


@pytest.mark.parametrize(
    ("private", "visibility", "state", "text"),
    [
        (False, "public", "on", "public, as the repository is; the state is private"),
        (False, "private", "off", "model: to pull it, users must sign in"),
        (True, "private", "on", "private, as the repository is; the state is private"),
        (True, "public", "off", "model: everyone can pull it, but the repository is private"),
    ],
)
def test_an_image_is_as_visible_as_its_repository(
    fork: Fork, private: bool, visibility: str, state: str, text: str
) -> None:
    assert release.packages(fork.target).text == "none yet: the first release creates them"
    fork.repository.private = private
    fork.repository.package("model", visibility)
    fork.repository.package("model/state", "private")
    # Another repository's image is none of ours.
    fork.github.repository("team/other").package("other", "private" if visibility == "public" else "public")
    found = release.packages(fork.target)
    assert (found.state, found.text) == (state, text)
    if state == "off":
        assert found.by_hand.endswith("https://github.test/users/team/packages/container/model/settings")


@pytest.mark.parametrize("private", [False, True])
def test_the_state_is_private_even_where_the_repository_is_public(fork: Fork, private: bool) -> None:
    fork.repository.private = private
    fork.repository.package("model", "private" if private else "public")
    fork.repository.package("model/state", "public")
    found = release.packages(fork.target)
    assert found.state == "off"
    assert found.text.startswith("model/state: everyone can pull it, with the holdout's labels and scores, every model")
    assert "“Change visibility”" in found.by_hand
    assert found.by_hand.endswith("https://github.test/users/team/packages/container/model%2Fstate/settings")
    fork.repository.packages["model/state"]["visibility"] = "private"
    assert release.packages(fork.target).state == "on"
    fork.repository.package("model/state/churn", "public")
    assert release.packages(fork.target).text.startswith("model/state/churn: "), "of one of several models"


def test_an_environment_that_does_not_take_the_default_branch_is_opened_to_it(fork: Fork) -> None:
    reviewers = [{"type": "User", "id": user("team")["id"]}]
    policy = {"protected_branches": False, "custom_branch_policies": True}
    fork.target.github.put("environments/production", {"reviewers": reviewers, "deployment_branch_policy": policy})
    fork.target.github.post("environments/production/deployment-branch-policies", {"name": "release/*"})
    found = release.environment(fork.target)
    assert found.text == "production exists: main may not deploy, so no release finishes"
    assert found.turn_on is not None
    found.turn_on()
    assert release.environment(fork.target).state == "on"
    assert [one["name"] for one in fork.repository.deployment_branches["production"]] == ["release/*", "main"]


def test_a_package_of_the_releases_name_that_is_another_repositorys_is_told(fork: Fork) -> None:
    fork.github.repository("team/other").package("model/state")
    found = release.packages(fork.target)
    assert found.state == "off"
    assert found.text == "model/state: belongs to another repository, so release.yml may not push to it"
    assert found.by_hand.endswith("https://github.test/users/team/packages/container/model%2Fstate/settings")
