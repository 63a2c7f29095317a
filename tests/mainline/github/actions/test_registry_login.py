"""The login to a registry that wants one: a real one on the loopback, and the engine of this machine."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

import pytest

from mainline.errors import ConfigurationError, ExternalError
from mainline.github.actions.registry_login import credentials, log_in
from mainline.packaging import engine
from mainline.registry.oci import Repository
from tests.container.conftest import docker
from tests.servers import REGISTRY_LOGIN, Oci, locked_registry
from tests.tokens import token_registry

__all__ = ["docker", "locked_registry"]
NAME, PASSWORD = REGISTRY_LOGIN
GIVEN = {"MAINLINE_REGISTRY_USERNAME": NAME, "MAINLINE_REGISTRY_PASSWORD": PASSWORD}
WRONG = {**GIVEN, "MAINLINE_REGISTRY_PASSWORD": "another"}  # pragma: allowlist secret


@pytest.fixture
def repository(locked_registry: Oci, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """One that nobody is logged in to, whatever this machine's engine knows."""
    for name in ("HOME", "DOCKER_CONFIG", "XDG_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path))
    return Repository(f"{locked_registry.host}/team/{secrets.token_hex(4)}")


def put_and_get(repository: Repository, folder: Path) -> bytes:
    (folder / "blob").write_bytes(b"content")
    layer = repository.put_blob(folder / "blob", "application/octet-stream")
    repository.put_manifest(["state"], {"schemaVersion": 2, "config": layer, "layers": [layer]})
    found = repository.manifest("state")
    assert found
    repository.get_blob(found.layers[0], folder / "back")
    assert repository.tags() == ["state"]
    return (folder / "back").read_bytes()


@pytest.mark.slow
def test_name_and_password_of_the_environment_are_enough_for_the_state(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in GIVEN.items():
        monkeypatch.setenv(name, value)
    assert put_and_get(repository, tmp_path) == b"content"


@pytest.mark.slow
def test_without_a_login_or_with_a_wrong_one_the_way_to_log_in_is_named(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ExternalError, match=f"not logged in: docker login {repository.host}"):
        repository.manifest("state")
    for name, value in WRONG.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ExternalError, match=f"rejects this login: docker login {repository.host}"):
        Repository(repository.reference).manifest("state")


@pytest.mark.slow
def test_a_registry_that_wants_a_token_for_each_thing_that_is_done_is_given_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As GitHub's: a token to read with does not write."""
    for name in ("HOME", "DOCKER_CONFIG", "XDG_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path))
    (tmp_path / "registry").mkdir()
    with token_registry(tmp_path / "registry") as (found, tokens):
        reference = f"{found.host}/team/model/state"
        with pytest.raises(ExternalError, match="not logged in"):
            Repository(reference).manifest("state")
        for name, value in GIVEN.items():
            monkeypatch.setenv(name, value)
        before = len(tokens.given)
        repository = Repository(reference)
        assert repository.manifest("state") is None, "nothing is there yet"
        assert repository.tags() == []
        assert put_and_get(repository, tmp_path) == b"content"
        assert {("repository:team/model/state:pull", True)} < set(tokens.given[before:])


@pytest.mark.slow
def test_the_engines_login_serves_the_state_too_and_stands_in_no_command_line(
    repository: Repository, docker: engine.Engine, tmp_path: Path
) -> None:
    here = engine.Engine(docker.program)  # with the variables of this test
    with pytest.raises(ExternalError, match=f"cannot log in to {repository.host} as tester"):
        log_in(here, [repository.host], WRONG)
    seen: list[tuple[str, ...]] = []

    class Watched(engine.Engine):
        def attempt(self, *arguments: str, seconds: float = 600, given: str | None = None):  # type: ignore[no-untyped-def]
            seen.append(arguments)
            return super().attempt(*arguments, seconds=seconds, given=given)

    assert log_in(Watched(docker.program), [repository.host], GIVEN) == {repository.host: NAME}
    assert not any(PASSWORD in argument for call in seen for argument in call)
    assert repository.host in json.loads((tmp_path / "config.json").read_text())["auths"]
    assert put_and_get(repository, tmp_path) == b"content"


def test_the_workflows_token_is_for_githubs_own_registry_alone() -> None:
    given = {"GITHUB_TOKEN": "made-up", "GITHUB_ACTOR": "somebody"}
    assert credentials("ghcr.io", given) == ("somebody", "made-up")
    assert credentials("registry.example", given) is None
    assert credentials("ghcr.io.example", given) is None
    assert credentials("registry.example", {**given, **GIVEN}) == (NAME, PASSWORD)


def test_half_a_login_is_a_mistake_that_is_named() -> None:
    with pytest.raises(ConfigurationError, match="MAINLINE_REGISTRY_USERNAME is set and MAINLINE_REGISTRY_PASSWORD"):
        credentials("registry.example", {"MAINLINE_REGISTRY_USERNAME": NAME})
