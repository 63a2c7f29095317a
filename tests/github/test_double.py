"""The double is only worth what it refuses: each kind of mistake is made once, and seen to be found."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from mainline.github.client import GitHub, GitHubError
from tests.bounds import HANG
from tests.environment import REQUIRED
from tests.github import description, operations  # noqa: F401 - operations register themselves
from tests.github.call import OPERATIONS, Answer, serves
from tests.github.description import Unfit
from tests.github.double import GitHubDouble, running
from tests.github.fill import filled
from tests.github.state import Repository


@pytest.fixture
def double() -> Iterator[GitHubDouble]:
    """Without the fixture's own verdict at the end: these tests look at `problems` themselves."""
    with running() as one:
        yield one


@pytest.fixture
def repository(double: GitHubDouble) -> Repository:
    return double.repository("team/model")


@pytest.fixture
def client(double: GitHubDouble, repository: Repository) -> GitHub:
    return GitHub.from_environment(double.environment(repository))


@pytest.fixture
def owner(double: GitHubDouble, repository: Repository) -> GitHub:
    return GitHub.from_environment(double.environment(repository, "admin", "team"))


def refusal(client: GitHub, method: str, path: str, body: object = None, **query: object) -> GitHubError:
    with pytest.raises(GitHubError) as caught:
        client.request(method, path, body, query=query)
    return caught.value


def test_every_operation_that_is_served_is_one_of_github() -> None:
    known = {one.id for several in description.operations().values() for one in several}
    assert set(OPERATIONS) <= known
    assert len(OPERATIONS) > 80


@pytest.mark.parametrize(
    ("method", "path", "body", "query", "said"),
    [
        ("GET", "pulls/1/thoughts", None, {}, "GitHub has no GET /repos/team/model/pulls/1/thoughts"),
        ("DELETE", "pulls/1", None, {}, "GitHub has no DELETE /repos/team/model/pulls/1, only GET, PATCH"),
        ("GET", "pulls", None, {"sate": "open"}, "pulls/list has no parameter 'sate', only state, head"),
        ("GET", "pulls", None, {"state": "opened"}, "'opened' is not one of ['open', 'closed', 'all']"),
        ("GET", "pulls", None, {"per_page": "many"}, "'many' is not of type 'integer'"),
        ("GET", "issues/first", None, {}, "'first' is not of type 'integer'"),
        ("POST", "issues/1/comments", None, {}, "issues/create-comment needs a body"),
        ("POST", "issues/1/comments", {}, {}, "'body' is a required property"),
        ("POST", "issues/1/comments", {"body": 7}, {}, "7 is not of type 'string'"),
        ("POST", "issues/1/comments", {"body": "Hello", "boby": "x"}, {}, "no field 'boby', only body"),
        ("GET", "rulesets/rule-suites", None, {}, "is GitHub's, but the double does not have it"),
    ],
)
def test_a_request_that_is_not_githubs_is_refused_and_remembered(
    double: GitHubDouble, client: GitHub, method: str, path: str, body: object, query: dict[str, str], said: str
) -> None:
    refused = refusal(client, method, path, body, **query)
    assert refused.code == 501
    assert said in str(refused)
    assert said in double.problems[0]


def test_an_answer_that_is_not_githubs_is_refused(double: GitHubDouble, repository: Repository, client: GitHub) -> None:
    repository.pull()
    repository.pulls[1]["title"] = 1
    assert "1 is not of type 'string'" in str(refusal(client, "GET", "pulls"))
    repository.pulls[1].update(title="One", mood="good")
    assert "GitHub answers no 'mood' here" in str(refusal(client, "GET", "pulls"))
    assert len(double.problems) == 2


def test_an_answer_with_a_status_that_github_never_gives_is_refused(
    double: GitHubDouble, client: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(OPERATIONS, "issues/list-labels-for-repo")
    serves("issues/list-labels-for-repo")(lambda call: Answer(206, []))
    assert "never answers 206" in str(refusal(client, "GET", "labels"))
    monkeypatch.setitem(OPERATIONS, "issues/list-labels-for-repo", lambda call: 1 / 0)
    assert "the double itself: ZeroDivisionError" in str(refusal(client, "GET", "labels"))
    assert len(double.problems) == 2


def test_a_request_without_a_user_agent_is_refused(double: GitHubDouble, repository: Repository) -> None:
    request = urllib.request.Request(f"{double.api}/repos/team/model", headers={"User-Agent": ""})
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=HANG)
    caught.value.close()
    assert "without a User-Agent" in double.problems[0]


@pytest.mark.slow
def test_the_fixture_fails_a_test_whose_requests_were_not_githubs(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("from tests.github.fixture import github\n")
    (tmp_path / "test_one.py").write_text(
        "import contextlib\n"
        "from mainline.github.client import GitHub, GitHubError\n"
        "def test_one(github):\n"
        "    repository = github.repository('team/model')\n"
        "    client = GitHub.from_environment(github.environment(repository))\n"
        "    with contextlib.suppress(GitHubError):\n"
        "        client.get('no/such/thing')\n"
    )
    top = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(top)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=HANG)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "GitHub would not have it" in done.stdout
    assert "GitHub has no GET /repos/team/model/no/such/thing" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(("required", "word"), [("1", "Failed"), ("", "Skipped")])
def test_without_githubs_description_a_test_fails_in_ci_and_is_skipped_elsewhere(required: str, word: str) -> None:
    code = (
        "from pathlib import Path; from tests.github import description as d\n"
        "d.FILE = Path('nowhere')\n"
        "try: d.document()\n"
        "except BaseException as stop: print(type(stop).__name__, stop)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).resolve().parents[2],
        env={**os.environ, REQUIRED: required},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(f"{word} GitHub's description of its API is not installed: make")


def test_what_a_test_does_not_say_is_filled_in_neutrally() -> None:
    schema = description.at("/components/schemas/issue-comment")
    found = filled(schema, {"body": "Hello"})
    assert found["body"] == "Hello"
    assert found["id"] == 0
    assert found["user"] is None
    assert found["node_id"] == "not modelled"
    with pytest.raises(Unfit, match=r"\$\.user: GitHub answers no 'nick' here"):
        filled(schema, {"user": {"nick": "x"}})


def test_a_list_comes_in_pages_that_link_to_each_other(repository: Repository, client: GitHub) -> None:
    repository.pull()
    for number in range(70):
        repository.comment(1, f"comment {number}")
    first = client.request("GET", "issues/1/comments")
    assert [one["body"] for one in first.json()] == [f"comment {number}" for number in range(30)]
    assert 'page=2>; rel="next"' in first.headers["Link"]
    assert 'page=3>; rel="last"' in first.headers["Link"]
    assert "prev" not in first.headers["Link"]
    last = client.request("GET", "issues/1/comments", query={"page": 3})
    assert len(last.json()) == 10
    assert "next" not in last.headers["Link"]
    # GitHub cuts what is asked for beyond 100.
    assert len(client.get("issues/1/comments", per_page=1000)) == 70


def test_pull_requests_come_from_branches_forks_and_forks_that_are_gone(
    double: GitHubDouble, repository: Repository, client: GitHub
) -> None:
    fork = double.repository("someone/model", fork_of=repository)
    own, foreign = repository.pull("feature", draft=True), repository.pull("patch", source=fork)
    assert client.get("pulls/1")["draft"] is True
    assert client.get("pulls/2")["head"]["repo"]["fork"] is True
    # From the upstream's side only its own commits lead to a pull request.
    assert [one["number"] for one in client.get(f"commits/{own['head']['sha']}/pulls")] == [1]
    assert client.get(f"commits/{foreign['head']['sha']}/pulls") == []
    assert [one["number"] for one in client.get("pulls", head="someone:patch")] == [2]
    assert client.get(f"actions/runs/{repository.run(own)['id']}")["pull_requests"][0]["number"] == 1
    run = repository.run(foreign)
    assert client.get(f"actions/runs/{run['id']}")["pull_requests"] == []
    double.delete(fork)
    assert client.get("pulls/2")["head"]["repo"] is None
    assert client.get(f"actions/runs/{run['id']}")["head_repository"] is None
    assert double.problems == []


def test_a_locked_conversation_takes_no_comment(repository: Repository, client: GitHub) -> None:
    repository.pull(locked=True)
    refused = refusal(client, "POST", "issues/1/comments", {"body": "Hello"})
    assert (refused.code, "issue is locked" in str(refused)) == (403, True)


def test_a_comment_has_githubs_greatest_length(repository: Repository, client: GitHub) -> None:
    repository.pull()
    assert client.post("issues/1/comments", {"body": "x" * 65_536})["id"]
    refused = refusal(client, "POST", "issues/1/comments", {"body": "x" * 65_537})
    assert (refused.code, "maximum is 65536 characters" in str(refused)) == (422, True)


def test_a_token_may_what_its_kind_may(double: GitHubDouble, repository: Repository, owner: GitHub) -> None:
    repository.pull()
    reader = GitHub.from_environment(double.environment(repository, "read"))
    writer = GitHub.from_environment(double.environment(repository, "write"))
    refused = refusal(reader, "POST", "issues/1/comments", {"body": "Hello"})
    assert (refused.code, "Resource not accessible by integration" in str(refused)) == (403, True)
    assert refusal(writer, "GET", "actions/permissions").code == 403
    assert owner.get("actions/permissions")["enabled"] is True
    stranger = GitHub(double.api, "unknown", "team/model")
    assert refusal(stranger, "GET", "pulls").code == 401
    assert double.problems == []


def test_a_workflows_token_opens_pull_requests_only_where_the_repository_allows_it(
    repository: Repository, client: GitHub, owner: GitHub
) -> None:
    main = client.get("git/ref/heads/main")["object"]["sha"]
    client.post("git/refs", {"ref": "refs/heads/retrain", "sha": main})
    wanted = {"title": "Retrain", "head": "retrain", "base": "main"}
    owner.put("actions/permissions/workflow", {"can_approve_pull_request_reviews": True})
    assert "No commits between main and retrain" in str(refusal(client, "POST", "pulls", wanted))
    file = {"message": "Move the clock", "content": "bmV3Cg==", "branch": "retrain"}
    client.put("contents/params.yaml", file)
    assert '"sha" wasn\'t supplied' in str(refusal(client, "PUT", "contents/params.yaml", file))
    owner.put("actions/permissions/workflow", {"can_approve_pull_request_reviews": False})
    assert "not permitted to create or approve" in str(refusal(client, "POST", "pulls", wanted))
    owner.put("actions/permissions/workflow", {"can_approve_pull_request_reviews": True})
    assert client.post("pulls", wanted)["number"] == 1
    assert "already exists" in str(refusal(client, "POST", "pulls", wanted))
    assert client.get("pulls/1/files")[0] == client.get("pulls/1/files")[0] | {"filename": "params.yaml"}


def test_a_workflows_token_releases_no_commit_with_other_workflows_than_those_of_main(
    repository: Repository, client: GitHub, owner: GitHub
) -> None:
    old = repository.commit("heads/main", {".github/workflows/it.yml": b"uses: one@1"})
    assert client.post("releases", {"tag_name": "v1", "target_commitish": old})["id"]
    repository.commit("heads/main", {".github/workflows/it.yml": b"uses: one@2"})
    assert refusal(client, "POST", "releases", {"tag_name": "v2", "target_commitish": old}).code == 404
    (page,) = client.get("releases")
    assert refusal(client, "PATCH", f"releases/{page['id']}", {"name": "Its own target is checked"}).code == 404
    assert client.patch(f"releases/{page['id']}", {"target_commitish": "main"})["target_commitish"] == "main"
    repository.workflow_refusal = 403
    assert refusal(client, "POST", "releases", {"tag_name": "v2", "target_commitish": old}).code == 403
    assert refusal(client, "POST", "git/refs", {"ref": "refs/tags/v2", "sha": old}).code == 403
    assert owner.post("releases", {"tag_name": "v2", "target_commitish": old})["id"]


def test_an_artifact_lies_in_a_storage_that_wants_no_token(
    double: GitHubDouble, repository: Repository, client: GitHub
) -> None:
    artifact = repository.artifact(repository.run(repository.pull()), "report", {"report.md": "# Hello"})
    assert client.get("actions/artifacts")["artifacts"][0]["name"] == "report"
    request = urllib.request.Request(f"{double.blobs}/{artifact['id']}", headers={"Authorization": "Bearer x"})
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(request, timeout=HANG)
    assert double.problems == [f"the token was sent to the storage: GET /{artifact['id']}"]
    artifact["expired"] = True
    assert refusal(client, "GET", f"actions/artifacts/{artifact['id']}/zip").code == 410


def test_issues_are_found_by_their_labels_and_closed(repository: Repository, client: GitHub) -> None:
    client.post("labels", {"name": "drift", "color": "d73a4a"})
    made = client.post("issues", {"title": "The data drifted", "labels": ["drift"]})
    client.post("issues", {"title": "Another"})
    assert [one["number"] for one in client.get("issues", labels="drift", state="all")] == [made["number"]]
    assert client.patch(f"issues/{made['number']}", {"state": "closed"})["closed_at"]
    assert client.get("issues", labels="drift") == []


def test_a_deployment_that_succeeds_retires_the_one_before(repository: Repository, client: GitHub) -> None:
    first, second = (client.post("deployments", {"ref": "main", "environment": "production"}) for _ in range(2))
    for deployment in (first, second):
        client.post(f"deployments/{deployment['id']}/statuses", {"state": "success"})
    assert client.get(f"deployments/{first['id']}/statuses")[0]["state"] == "inactive"
    assert client.get(f"deployments/{second['id']}/statuses")[0]["state"] == "success"
    assert client.post("releases", {"tag_name": "v1"})["tag_name"] == "v1"
    assert client.get("releases/tags/v1")["id"] == client.get("releases/latest")["id"]


def test_checks_and_statuses_stand_at_their_commit(repository: Repository, client: GitHub) -> None:
    sha = repository.pull()["head"]["sha"]
    made = client.post("check-runs", {"name": "review", "head_sha": sha, "status": "in_progress"})
    client.patch(f"check-runs/{made['id']}", {"conclusion": "failure", "output": {"title": "No", "summary": "Worse"}})
    found = client.get(f"commits/{sha}/check-runs")["check_runs"]
    assert [(one["name"], one["status"], one["conclusion"]) for one in found] == [("review", "completed", "failure")]
    client.post(f"statuses/{sha}", {"state": "success", "context": "one"})
    client.post(f"statuses/{sha}", {"state": "failure", "context": "two"})
    assert client.get(f"commits/{sha}/status")["state"] == "failure"


def test_a_repository_that_is_not_there_is_not_found(client: GitHub) -> None:
    refused = refusal(client, "GET", "/repos/nobody/nothing/pulls")
    assert (refused.code, str(refused).endswith("404 Not Found")) == (404, True)
