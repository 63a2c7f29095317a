"""The release's page on GitHub, and what later runs read from it."""

from __future__ import annotations

import pytest

from mainline.github.actions import release_page
from mainline.github.client import GitHub
from tests.github.double import GitHubDouble
from tests.github.faults import Fault
from tests.github.fixture import github
from tests.github.state import Repository

__all__ = ["github"]
DIGEST = "sha256:" + "a" * 64
CARD = "---\nlibrary_name: sklearn\n---\n# The model\n\nWhat it is for.\n"


@pytest.fixture
def repository(github: GitHubDouble) -> Repository:
    return github.repository("Team/Model")


@pytest.fixture
def client(github: GitHubDouble, repository: Repository) -> GitHub:
    return GitHub.from_environment(github.environment(repository))


def content(repository: Repository, version: int = 7, **changes: str) -> dict[str, object]:
    return {
        "version": version,
        "commit": repository.refs["heads/main"],
        "image_digest": DIGEST,
        "model_digest": "b" * 64,
        "data_digest": "c" * 64,
        "fingerprint": "d" * 64,
        "verdict": "better",
        "metric.roc_auc": "0.81 [0.78, 0.84]",
        "metric.brier": "0.12",
        "pull_request": "9",
        "approver": "somebody",
        **changes,
    }


def publish(client: GitHub, found: dict[str, object], commit: str, at: str = "2026-11-21T12:00:00+00:00") -> str:
    return release_page.publish(client, found, CARD, "ghcr.io/team/model", commit, at)


def test_a_page_has_the_metrics_with_intervals_the_digests_and_the_card(client: GitHub, repository: Repository) -> None:
    commit = repository.refs["heads/main"]
    assert publish(client, content(repository), commit).endswith("/releases/tag/model-v7")
    (release,) = repository.releases.values()
    assert (release["tag_name"], release["name"]) == ("model-v7", "Model 7")
    assert repository.refs["tags/model-v7"] == commit
    body = release["body"]
    assert "| `roc_auc` | 0.81 | [0.78, 0.84] |" in body
    assert "| `brier` | 0.12 | – |" in body
    assert f"`ghcr.io/team/model@{DIGEST}`" in body
    assert "| pull request | #9 |" in body
    assert "| approved by | `somebody` |" in body
    assert "What it is for." in body
    assert "library_name" not in body


def test_the_same_version_again_is_the_same_page_brought_up_to_date(client: GitHub, repository: Repository) -> None:
    before = repository.refs["heads/main"]
    publish(client, content(repository), before)
    after = repository.commit("heads/main", {"deploy/Dockerfile": b"FROM another\n"}, "Another server")
    publish(client, content(repository, image_digest="sha256:" + "e" * 64), after, "2026-11-22T12:00:00+00:00")
    (release,) = repository.releases.values()
    assert "e" * 64 in release["body"]
    assert repository.refs["tags/model-v7"] == before, "a tag that moved would name two things"
    assert release_page.last(client) == release_page.Published("model-v7", after, "2026-11-22T12:00:00+00:00")


WORKFLOW = ".github/workflows/release.yml"


@pytest.mark.parametrize("status", [403, 404])
@pytest.mark.parametrize("refuses_refs", [True, False])
def test_a_page_is_made_and_brought_up_to_date_after_a_workflow_has_changed_on_main(
    client: GitHub, repository: Repository, status: int, refuses_refs: bool
) -> None:
    repository.workflow_refusal, repository.refuses_refs = status, refuses_refs
    made_from = repository.commit("heads/main", {WORKFLOW: b"uses: an/action@1"}, "The model")
    tip = repository.commit("heads/main", {WORKFLOW: b"uses: an/action@2"}, "Dependabot's, while the release waited")
    found = content(repository, commit=made_from)
    publish(client, found, made_from)
    publish(client, {**found, "approver": "another"}, made_from)
    (release,) = repository.releases.values()
    assert f"was made from commit {made_from}" in release["body"]
    assert "`another`" in release["body"]
    assert repository.refs["tags/model-v7"] == (tip if refuses_refs else made_from)


@pytest.mark.parametrize("status", [403, 404])
def test_production_returns_to_a_version_whose_page_has_its_commit_as_target(
    client: GitHub, repository: Repository, status: int
) -> None:
    """Pages that were made before this Mainline, whatever has happened to the workflows since."""
    repository.workflow_refusal = status
    made_from = repository.commit("heads/main", {WORKFLOW: b"uses: an/action@1"}, "The model")
    client.post("releases", {"tag_name": "model-v7", "target_commitish": made_from})
    repository.commit("heads/main", {WORKFLOW: b"uses: an/action@2"}, "Later")
    publish(client, content(repository, commit=made_from), made_from)
    (release,) = repository.releases.values()
    assert f"was made from commit {made_from}" in release["body"]
    assert repository.refs["tags/model-v7"] == made_from


def test_a_page_that_another_run_made_in_the_meantime_is_brought_up_to_date(
    client: GitHub, github: GitHubDouble, repository: Repository
) -> None:
    commit = repository.refs["heads/main"]
    publish(client, content(repository), commit)
    github.faults.append(Fault(404, method="GET", path="/releases/tags/", body={"message": "Not Found"}))
    publish(client, content(repository, verdict="no_worse"), commit)
    (release,) = repository.releases.values()
    assert "`no_worse`" in release["body"]


def test_the_last_release_is_told_among_a_projects_own_and_edited_ones(client: GitHub, repository: Repository) -> None:
    assert release_page.last(client) is None
    commit = repository.refs["heads/main"]
    publish(client, content(repository, 1), commit, "2026-11-20T12:00:00+00:00")
    publish(client, content(repository, 2), commit, "2026-11-21T12:00:00+00:00")
    client.post("releases", {"tag_name": "v1.0", "body": f'<!-- mainline: {{"commit": "{commit}", "at": "2030"}} -->'})
    publish(client, content(repository, 3), commit, "2026-11-22T12:00:00+00:00")
    edited = next(one for one in repository.releases.values() if one["tag_name"] == "model-v3")
    edited["body"] = edited["body"].replace(commit, "not a commit")
    found = release_page.last(client)
    assert found
    assert found.tag == "model-v2"


def test_a_card_that_is_too_long_is_cut_and_the_mark_stays() -> None:
    card = "# Card\n" + "word " * 50_000
    body = release_page.page({"version": 1, "commit": "f" * 40}, card, None, "team/model", "f" * 40, "2026-11-21")
    assert len(body) < 125_000
    assert "the rest is in the registry" in body
    assert release_page.MARK.search(body)


def test_the_pages_of_one_model_say_nothing_about_another(
    client: GitHub, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = repository.commit("heads/main", {})
    publish(client, content(repository, 7), first)
    monkeypatch.setenv("MAINLINE_SELECTED", "churn")
    assert release_page.last(client) is None
    later = repository.commit("heads/main", {})
    address = publish(client, content(repository, 1), later, "2026-11-23T12:00:00+00:00")
    assert address.endswith("/releases/tag/churn-v1")
    assert release_page.last(client) == release_page.Published("churn-v1", later, "2026-11-23T12:00:00+00:00")
    assert release_page.numbers(client) == [1]
    titles = {one["tag_name"]: one["name"] for one in repository.releases.values()}
    assert titles == {"model-v7": "Model 7", "churn-v1": "churn 1"}
    monkeypatch.delenv("MAINLINE_SELECTED")
    found = release_page.last(client)
    assert found and found.tag == "model-v7"
    latest = repository.latest
    assert latest and repository.releases[latest]["tag_name"] == "model-v7", "GitHub has one for the whole repository"
