"""The whole verb in a process of its own, against the double: what it says, what it changes, how it ends."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest

from mainline.github.doctor.run import CHECKS
from tests.github.double import GitHubDouble
from tests.github.faults import Fault, bad_gateway, rate_limit
from tests.mainline.github.doctor.forks import RULESET, Fork, doctor


def line(out: str, name: str) -> str:
    return next(line for line in out.splitlines() if line[4:].startswith(name))


def unwrapped(out: str) -> str:
    return " ".join(out.split())


def changes(github: GitHubDouble) -> list[str]:
    return [f"{one.method} {one.path}" for one in github.requests if one.method != "GET"]


@pytest.mark.slow
def test_a_fresh_forks_owner_is_told_what_is_off_and_what_turns_it_on(fork: Fork) -> None:
    done = fork.doctor()
    assert done.returncode == 1, done.stderr
    assert done.stdout.splitlines()[2].startswith("  ✗ dependency graph"), "first of all: no pull request is reviewed"
    assert line(done.stdout, "Actions ").startswith("  ✓")
    assert "monitor.yml is disabled since the repository was forked" in line(done.stdout, "workflows")
    assert line(done.stdout, "the default token").startswith("  ✓")
    assert line(done.stdout, "pull requests by Actions").startswith("  ✗")
    assert "main: it can be deleted; a force push can rewrite it; commits need no" in line(done.stdout, "branch rules")
    assert "not required to pass: review" in done.stdout
    assert "production does not exist" in line(done.stdout, "environment")
    assert "→ or “Allow GitHub Actions to create and approve pull requests” at" in done.stdout
    assert f"{fork.repository.url}/settings/actions" in done.stdout
    assert done.stdout.endswith("4 necessary settings are off: make doctor FIX=1 turns them on.\n")
    assert changes(fork.github) == []
    assert "\033[" not in done.stdout


@pytest.mark.slow
def test_what_the_owners_token_can_is_turned_on_once(fork: Fork) -> None:
    fork.repository.variables["MAINLINE_CML_SHA256"] = "0" * 64  # a person's to set
    first = fork.doctor("--fix")
    assert first.returncode == 0, first.stdout + first.stderr
    assert line(first.stdout, "branch rules").startswith("  ✓")
    assert "turned on now: retraining can open" in line(first.stdout, "pull requests by Actions")
    assert fork.repository.workflow_permissions["can_approve_pull_request_reviews"] is True
    assert {one["state"] for one in fork.repository.workflows.values()} == {"active"}
    assert [one["name"] for one in fork.repository.rulesets.values()] == ["main"]
    assert [one["name"] for one in fork.repository.deployment_branches["production"]] == ["main"]
    assert fork.repository.security["secret_scanning_push_protection"] == "enabled"  # pragma: allowlist secret
    assert len(changes(fork.github)) == 8
    fork.github.requests.clear()
    second = fork.doctor("--fix")
    assert second.returncode == 0
    assert changes(fork.github) == []
    assert "turned on now" not in second.stdout
    assert second.stdout.endswith("No necessary setting is off.\n")
    assert " · " not in second.stdout


@pytest.mark.slow
@pytest.mark.parametrize("access", ["read", "write"])
def test_a_token_that_is_no_owners_is_told_what_it_cannot_see(fork: Fork, access: str) -> None:
    done = fork.doctor("--fix", GITHUB_TOKEN=fork.github.token(access))
    assert "not shown to this token" in line(done.stdout, "pull requests by Actions")
    assert done.stdout.endswith("settings could not be read: an owner's token shows them.\n")
    assert line(done.stdout, "branch rules").startswith("  ✗")
    assert "GitHub refused to change it: POST /repos/team/model/rulesets: 403" in unwrapped(done.stdout)
    assert done.returncode == 1
    assert fork.repository.rulesets == {}


@pytest.mark.slow
def test_an_organisations_policy_that_stands_above_is_told(fork: Fork) -> None:
    said = {"message": "The organization does not allow it."}
    fork.github.faults.append(Fault(409, method="PUT", path="permissions/workflow$", body=said))
    done = fork.doctor("--fix")
    assert done.returncode == 1
    assert "The organization does not allow it." in unwrapped(done.stdout)
    # The other settings are attended to all the same.
    assert fork.repository.rulesets


@pytest.mark.slow
def test_an_api_that_fails_ends_with_status_4_and_its_words(fork: Fork) -> None:
    fork.github.faults.append(bad_gateway(times=100))
    done = fork.doctor()
    assert done.returncode == 4
    assert "mainline: GET /repos/team/model: 502 Server Error (3 attempts" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_rate_limit_is_no_setting_that_cannot_be_seen(fork: Fork) -> None:
    fork.github.faults.append(rate_limit(reset_in=3000, times=100, path="permissions$"))
    done = fork.doctor()
    assert done.returncode == 4
    assert "API rate limit exceeded" in done.stderr


def test_a_repository_that_is_not_there_ends_with_status_4(fork: Fork) -> None:
    done = fork.doctor(GITHUB_REPOSITORY="team/nothing")
    assert done.returncode == 4
    assert "GET /repos/team/nothing: 404 Not Found" in done.stderr


@pytest.mark.slow
def test_without_a_token_the_checkout_alone_is_told_of(fork: Fork) -> None:
    subprocess.run(["git", "init", "--quiet"], cwd=fork.root, check=True)
    remote = "https://x:{}@github.com/team/model.git".format("hidden-word")
    subprocess.run(["git", "remote", "add", "origin", remote], cwd=fork.root, check=True)
    done = doctor(fork.root)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("team/model: no token: gh auth login, or GH_TOKEN=… make doctor\n")
    assert "the gates have code owners" in done.stdout
    assert f"{RULESET} has 4 rules" in done.stdout
    count = len(CHECKS)
    assert done.stdout.count("not checked") == count
    assert "hidden-word" not in done.stdout + done.stderr
    assert done.stdout.endswith(
        f"No visible necessary setting is off. {count} of {count} settings could not be read.\n"
    )
    fork.write(".github/CODEOWNERS", "# gates\n/params.yaml\n")
    done = doctor(fork.root)
    assert done.returncode == 1
    assert "changes need no review: params.yaml" in done.stdout


@pytest.mark.slow
def test_a_checkout_without_rules_is_a_wrong_checkout(fork: Fork) -> None:
    (fork.root / RULESET).unlink()
    done = fork.doctor()
    assert done.returncode == 2
    assert f"{RULESET} does not exist" in done.stderr
    fork.write(RULESET, '{"rules": []}')
    assert "is not a ruleset as GitHub exports it" in fork.doctor().stderr


@pytest.mark.slow
def test_where_nobody_answers_the_place_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{taken.getsockname()[1]}"
        done = doctor(tmp_path, GITHUB_API_URL=nowhere, GH_TOKEN="x", GITHUB_REPOSITORY="team/model")
    assert done.returncode == 4
    assert f"no answer from {nowhere}" in done.stderr


def test_what_an_owners_token_is_not_shown_is_told_in_githubs_words(fork: Fork) -> None:
    fork.github.faults.append(Fault(403, path="rules/branches/main$", body={"message": "Repository access blocked"}))
    said = "GitHub does not show it: GET /repos/team/model/rules/branches/main: 403 Repository access blocked"
    assert said in unwrapped(fork.doctor().stdout)


def test_what_a_plan_does_not_have_is_said_with_what_takes_its_place(fork: Fork) -> None:
    fork.repository.private, fork.repository.plan = True, "free"
    found = unwrapped(fork.doctor().stdout)
    assert "GitHub does not show it" not in found
    assert "but the release compares again and refuses a worse model" in found
