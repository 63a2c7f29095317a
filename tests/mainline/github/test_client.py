from __future__ import annotations

import dataclasses
import socket
import time
from email.message import Message
from email.utils import formatdate

import pytest

from mainline.errors import ConfigurationError, ExternalError
from mainline.github.client import GitHub, GitHubError, Reply, next_page
from tests.github.double import GitHubDouble
from tests.github.faults import Fault, bad_gateway, broken_connection, rate_limit, silence, too_fast
from tests.github.state import Repository


@pytest.fixture
def repository(github: GitHubDouble) -> Repository:
    found = github.repository("team/model")
    found.pull()
    return found


@pytest.fixture
def waits() -> list[float]:
    """The seconds that the client would have slept."""
    return []


@pytest.fixture
def client(github: GitHubDouble, repository: Repository, waits: list[float]) -> GitHub:
    return dataclasses.replace(GitHub.from_environment(github.environment(repository)), wait=waits.append)


def test_a_comment_is_written_changed_and_read(client: GitHub, waits: list[float]) -> None:
    made = client.post("issues/1/comments", {"body": "Hello"})
    assert client.patch(f"issues/comments/{made['id']}", {"body": "Good day"})["body"] == "Good day"
    assert [one["body"] for one in client.pages("issues/1/comments")] == ["Good day"]
    assert waits == []


def test_every_page_of_a_list_is_read(github: GitHubDouble, repository: Repository, client: GitHub) -> None:
    for number in range(230):
        repository.comment(1, f"comment {number}")
    assert [one["body"] for one in client.pages("issues/1/comments")] == [f"comment {n}" for n in range(230)]
    assert len(github.asked("GET", "comments")) == 3


def test_a_wrapped_list_is_unwrapped(repository: Repository, client: GitHub) -> None:
    run = repository.run(repository.pulls[1])
    for number in range(5):
        repository.artifact(run, f"part-{number}", {"a": "b"})
    found = client.pages(f"actions/runs/{run['id']}/artifacts", "artifacts", per_page=2)
    assert [one["name"] for one in found] == [f"part-{number}" for number in range(5)]


def test_a_next_page_on_another_host_is_not_asked_for(github: GitHubDouble, client: GitHub) -> None:
    elsewhere = {"Link": f'<{github.blobs}/issues/1/comments?page=2>; rel="next"'}
    github.faults.append(Fault(200, body=[], headers=elsewhere))
    with pytest.raises(GitHubError, match="which is not at"):
        list(client.pages("issues/1/comments"))
    assert len(github.requests) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_that_fails_for_a_while_is_asked_again_with_growing_waits(
    github: GitHubDouble, client: GitHub, waits: list[float], status: int
) -> None:
    github.faults.append(Fault(status, times=3))
    assert client.get("pulls/1")["number"] == 1
    assert len(waits) == 3
    assert all(low <= wait <= 2 * low for wait, low in zip(waits, (1, 2, 4), strict=True))


def test_a_server_that_keeps_failing_is_given_up_with_its_words(
    github: GitHubDouble, client: GitHub, waits: list[float]
) -> None:
    github.faults.append(bad_gateway(times=100))
    with pytest.raises(ExternalError, match=r"GET /repos/team/model/pulls/1: 502 Server Error \(6 attempts, waited"):
        client.get("pulls/1")
    assert len(waits) == 5
    assert sum(waits) <= client.patience


def test_a_connection_that_breaks_is_tried_again(github: GitHubDouble, client: GitHub, waits: list[float]) -> None:
    github.faults.append(broken_connection(times=2))
    assert client.get("pulls/1")["number"] == 1
    assert len(waits) == 2


def test_a_server_that_keeps_silent_is_tried_again(github: GitHubDouble, client: GitHub, waits: list[float]) -> None:
    github.faults.append(silence(1.0, times=2))
    assert dataclasses.replace(client, timeout=0.1).get("pulls/1")["number"] == 1
    assert len(waits) == 2


def test_where_nobody_listens_the_failure_names_the_place(client: GitHub, waits: list[float]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(GitHubError, match=f"no answer from {nowhere}: .*refused") as caught:
            dataclasses.replace(client, api=nowhere).post("issues/1/comments", {"body": "Hello"})
    assert caught.value.code is None
    assert len(waits) == 5


@pytest.mark.parametrize("status", [403, 429])
def test_a_rate_limit_is_waited_out_as_long_as_it_says(
    github: GitHubDouble, repository: Repository, client: GitHub, waits: list[float], status: int
) -> None:
    github.faults.append(too_fast(retry_after=7, times=2, status=status))
    client.post("issues/1/comments", {"body": "Hello"})
    assert waits == [7, 7]
    assert len(repository.comments) == 1


def test_an_exhausted_rate_limit_is_waited_out_until_its_reset(
    github: GitHubDouble, client: GitHub, waits: list[float]
) -> None:
    github.faults.append(rate_limit(reset_in=40))
    client.get("pulls/1")
    assert 35 <= waits[0] <= 41


def test_a_rate_limit_that_lasts_too_long_is_not_waited_for(
    github: GitHubDouble, client: GitHub, waits: list[float]
) -> None:
    github.faults.append(rate_limit(reset_in=3000))
    with pytest.raises(
        GitHubError, match=r"API rate limit exceeded.* \(1 attempt, waited 0 s; it asks for \d{4} s more"
    ):
        client.get("pulls/1")
    assert waits == []


def test_rate_limits_are_not_waited_for_one_after_the_other_without_end(
    github: GitHubDouble, client: GitHub, waits: list[float]
) -> None:
    github.faults.append(too_fast(retry_after=100, times=100))
    with pytest.raises(GitHubError, match=r"\(2 attempts, waited 100 s; it asks for 100 s more\)") as caught:
        client.get("pulls/1")
    assert (waits, caught.value.code) == ([100], 429)


def test_a_rate_limit_may_name_the_moment_instead(github: GitHubDouble, client: GitHub, waits: list[float]) -> None:
    moment = formatdate(time.time() + 50, usegmt=True)
    github.faults.append(Fault(429, headers={"Retry-After": moment}))
    client.get("pulls/1")
    assert 45 <= waits[0] <= 51


def test_a_rate_limit_that_names_no_time_is_given_a_minute(
    github: GitHubDouble, client: GitHub, waits: list[float]
) -> None:
    github.faults.append(Fault(403, body={"message": "You have exceeded a secondary rate limit."}))
    client.get("pulls/1")
    assert waits == [60]


def test_what_may_have_been_done_is_not_done_twice(
    github: GitHubDouble, repository: Repository, client: GitHub, waits: list[float]
) -> None:
    for fault in (bad_gateway(method="POST"), broken_connection(method="POST")):
        github.faults = [fault]
        with pytest.raises(GitHubError):
            client.post("issues/1/comments", {"body": "Hello"})
    assert (waits, repository.comments) == ([], {})
    github.faults = [bad_gateway(method="POST")]
    client.post("issues/1/comments", {"body": "Hello"}, repeatable=True)
    assert (len(waits), len(repository.comments)) == (1, 1)


def test_a_refusal_is_not_repeated_and_is_told_with_its_fields(
    github: GitHubDouble, client: GitHub, waits: list[float]
) -> None:
    with pytest.raises(GitHubError, match="422 Validation Failed; body is too long") as caught:
        client.post("issues/1/comments", {"body": "x" * 70_000})
    assert caught.value.code == 422
    read_only = dataclasses.replace(client, token=github.token("read"))
    with pytest.raises(GitHubError, match="403 Resource not accessible by integration"):
        read_only.post("issues/1/comments", {"body": "Hello"})
    assert (waits, len(github.requests)) == ([], 2)


def test_an_artifact_is_downloaded_without_the_token_at_the_storage(repository: Repository, client: GitHub) -> None:
    content = b"PK" + bytes(5000)
    artifact = repository.artifact(repository.run(repository.pulls[1]), "report", content)
    assert client.download(f"actions/artifacts/{artifact['id']}/zip", 6000) == content


def test_a_download_beyond_its_limit_is_refused(repository: Repository, client: GitHub) -> None:
    artifact = repository.artifact(repository.run(repository.pulls[1]), "report", bytes(5_000_000))
    with pytest.raises(GitHubError, match="is longer than the 1,000 bytes that are accepted"):
        client.download(f"actions/artifacts/{artifact['id']}/zip", 1000)
    assert client.download(f"actions/artifacts/{artifact['id']}/zip", 5_000_000) == bytes(5_000_000)


def test_the_token_stays_with_a_redirect_on_the_same_host(
    github: GitHubDouble, repository: Repository, client: GitHub
) -> None:
    moved = {"Location": f"{github.api}/repos/team/model/pulls/1"}
    github.faults.append(Fault(301, path="old/name", headers=moved))
    assert client.get("/repos/old/name")["number"] == 1
    assert github.requests[-1].headers["authorization"] == f"Bearer {client.token}"


def test_the_token_is_not_shown(client: GitHub) -> None:
    assert client.token not in repr(client)


def test_an_answer_that_is_no_json_is_said_to_be_none() -> None:
    with pytest.raises(GitHubError, match="not JSON, maybe from a proxy or a sign-in page: '<html>'"):
        Reply(200, Message(), b"<html>").json()
    assert Reply(204, Message(), b"").json() is None


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"GITHUB_TOKEN": "x"}, "GITHUB_REPOSITORY must be owner/name, it is ''"),
        ({"GITHUB_TOKEN": "x", "GITHUB_REPOSITORY": "model"}, "it is 'model'"),
        ({"GITHUB_TOKEN": "x", "GITHUB_REPOSITORY": "team/"}, "it is 'team/'"),
        ({"GITHUB_TOKEN": " ", "GITHUB_REPOSITORY": "team/model"}, "no token: set GITHUB_TOKEN"),
    ],
)
def test_what_the_environment_lacks_is_named(environment: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        GitHub.from_environment(environment)


def test_the_environment_says_where_as_whom_and_of_which_repository() -> None:
    found = GitHub.from_environment({"GH_TOKEN": "secret\n", "GITHUB_REPOSITORY": "team/model"})
    assert (found.api, found.token, found.repository) == ("https://api.github.com", "secret", "team/model")


def test_the_next_page_is_found_wherever_it_stands_in_the_header() -> None:
    link = '<https://a/?page=1>; rel="prev", <https://a/?page=3&x=1,2>; rel="next", <https://a/?page=9>; rel="last"'
    assert next_page(link) == "https://a/?page=3&x=1,2"
    assert next_page('<https://a/?page=1>; rel="prev"') is None
    assert next_page("") is None
