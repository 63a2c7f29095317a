from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mainline.errors import ConfigurationError
from mainline.github.actions import event
from tests.github import webhooks
from tests.projects import Project

HEAD = "a" * 40


def environment(folder: Path, name: str, payload: dict[str, Any], **variables: str) -> dict[str, str]:
    file = folder / "event.json"
    whole = webhooks.payload(name, {"repository": {"default_branch": "main"}, **payload})
    file.write_text(json.dumps(whole), encoding="utf-8")
    run = {"GITHUB_RUN_ID": "12", "GITHUB_RUN_ATTEMPT": "2", "GITHUB_REF": "refs/heads/main", "GITHUB_SHA": HEAD}
    return {"GITHUB_EVENT_PATH": str(file), "GITHUB_EVENT_NAME": name, **run, **variables}


def pull(number: int, head: str, base: str, branch: str = "main") -> dict[str, Any]:
    sides = {"head": {"sha": head}, "base": {"sha": base, "ref": branch}}
    return {"action": "opened", "number": number, "pull_request": {"number": number, **sides}}


@pytest.fixture
def shop(tmp_path: Path) -> Project:
    return Project(tmp_path / "shop")


def change(shop: Project, name: str) -> str:
    shop.write(name, name)
    return shop.commit(name)


def test_a_pull_request_claims_its_number_and_its_authors_commit(tmp_path: Path) -> None:
    found = event.read(environment(tmp_path, "pull_request", pull(5, "b" * 40, "c" * 40), GITHUB_SHA="d" * 40))
    assert found.claim == {"pull_request": 5, "head_sha": "b" * 40, "run_id": "12", "run_attempt": "2"}


def test_a_push_claims_no_pull_request(tmp_path: Path) -> None:
    found = event.read(environment(tmp_path, "push", {"before": event.NO_COMMIT}))
    assert found.claim["pull_request"] is None
    assert found.claim["head_sha"] == HEAD
    assert found.is_default


def test_outside_of_actions_the_call_is_wrong_and_says_what_to_use() -> None:
    with pytest.raises(ConfigurationError, match=r"GITHUB_EVENT_PATH is not set.*make run or make ci"):
        event.read({})


def test_a_damaged_event_is_named(tmp_path: Path) -> None:
    given = environment(tmp_path, "push", {})
    (tmp_path / "event.json").write_text("{", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="cannot read the event's file"):
        event.read(given)


def test_a_pull_request_is_compared_with_what_it_is_merged_onto_even_where_the_event_is_older(
    shop: Project, tmp_path: Path
) -> None:
    old = shop.git("rev-parse", "HEAD")
    shop.git("checkout", "--quiet", "-b", "change")
    head = change(shop, "a")
    shop.git("checkout", "--quiet", "main")
    tip = change(shop, "b")
    shop.git("merge", "--quiet", "--no-ff", "-m", "Merge", head)
    found = event.read(environment(tmp_path, "pull_request", pull(5, head, old)))
    assert event.find_base(shop.root, found) == tip


def test_without_a_merge_commit_the_events_base_is_taken(shop: Project, tmp_path: Path) -> None:
    base = shop.git("rev-parse", "HEAD")
    head = change(shop, "a")
    found = event.read(environment(tmp_path, "pull_request", pull(5, head, base)))
    assert event.find_base(shop.root, found) == base


def test_a_push_to_the_default_branch_is_compared_with_all_that_was_there_before(shop: Project, tmp_path: Path) -> None:
    before = shop.git("rev-parse", "HEAD")
    change(shop, "a")
    parent = shop.git("rev-parse", "HEAD")
    change(shop, "b")
    found = event.read(environment(tmp_path, "push", {"before": before}))
    assert event.find_base(shop.root, found) == before
    gone = event.read(environment(tmp_path, "push", {"before": "e" * 40}))
    assert event.find_base(shop.root, gone) == parent, "a force-push took the commit before away"


def test_the_first_push_has_nothing_to_be_compared_with(shop: Project, tmp_path: Path) -> None:
    found = event.read(environment(tmp_path, "push", {"before": event.NO_COMMIT}))
    assert event.find_base(shop.root, found) is None


def test_a_merge_groups_commit_is_compared_with_the_one_before_it_in_the_queue(shop: Project, tmp_path: Path) -> None:
    queued = change(shop, "a")  # of the pull request that is merged first
    change(shop, "b")  # a queue that rebases gives a pull request of two commits both of them
    head = change(shop, "c")
    group = {"head_sha": head, "base_sha": queued, "base_ref": "refs/heads/main"}
    group["head_ref"] = f"refs/heads/gh-readonly-queue/main/pr-5-{queued}"
    payload = {"action": "checks_requested", "merge_group": group}
    given = environment(tmp_path, "merge_group", payload, GITHUB_REF=group["head_ref"], GITHUB_SHA=head)
    found = event.read(given)
    assert event.find_base(shop.root, found) == queued
    assert (found.base, found.is_default) == ("main", False)
    assert found.claim == {"pull_request": None, "head_sha": head, "run_id": "12", "run_attempt": "2"}


def test_a_branch_that_is_run_by_hand_is_compared_with_the_default_branchs_tip(shop: Project, tmp_path: Path) -> None:
    tip = shop.git("rev-parse", "HEAD")
    given = environment(tmp_path, "workflow_dispatch", {}, GITHUB_REF="refs/heads/change")
    found = event.read(given)
    assert event.find_base(shop.root, found) is None, "the checkout has no such branch of its origin"
    shop.git("update-ref", "refs/remotes/origin/main", tip)
    change(shop, "a")
    assert event.find_base(shop.root, found) == tip


def test_the_base_has_a_name_that_moves_no_branch(shop: Project, tmp_path: Path) -> None:
    before = shop.git("rev-parse", "HEAD")
    tip = change(shop, "a")
    found = event.read(environment(tmp_path, "push", {"before": before}))
    name = event.name_base(shop.root, found, before)
    assert name == "base/main"
    assert shop.git("rev-parse", name) == before
    assert shop.git("rev-parse", "main") == tip
