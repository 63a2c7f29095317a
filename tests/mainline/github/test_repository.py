from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mainline.github.repository import connection

HUB = "github.com"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    return tmp_path


def origin(checkout: Path, url: str) -> None:
    subprocess.run(["git", "remote", "add", "origin", url], cwd=checkout, check=True)


def test_the_environment_goes_before_the_remote(checkout: Path) -> None:
    origin(checkout, f"git@{HUB}:team/model.git")
    found = connection(checkout, {"GH_TOKEN": "b"})
    assert (found.repository, found.api, found.token) == ("team/model", "https://api.github.com", "b")
    found = connection(checkout, {"GITHUB_REPOSITORY": "other/one", "GITHUB_TOKEN": "a", "GH_TOKEN": "b"})
    assert (found.repository, found.token, found.missing) == ("other/one", "a", "")


def test_a_token_is_not_led_to_a_host_that_was_not_named_for_it(checkout: Path) -> None:
    origin(checkout, "https://git.example.org/team/model.git")
    found = connection(checkout, {"GITHUB_TOKEN": "a"})
    assert found.token == ""
    assert found.missing == "origin is at git.example.org: if that is GitHub, set GITHUB_API_URL"
    named = connection(checkout, {"GITHUB_TOKEN": "a", "GITHUB_API_URL": "https://git.example.org/api/v3/"})
    assert (named.api, named.token, named.missing) == ("https://git.example.org/api/v3", "a", "")


def test_what_is_missing_is_said(checkout: Path) -> None:
    assert "git has no remote origin: set GITHUB_REPOSITORY=owner/name" in connection(checkout, {}).missing
    origin(checkout, "/srv/model.git")
    assert "the remote origin is not a repository on GitHub" in connection(checkout, {}).missing


def test_gh_is_asked_for_the_token_it_keeps(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    origin(checkout, f"git@{HUB}:team/model.git")
    gh = checkout / "bin" / "gh"
    gh.parent.mkdir()
    gh.write_text('#!/bin/sh\ntest "$*" = "auth token --hostname github.com" && echo kept-by-gh\n')
    gh.chmod(0o755)
    monkeypatch.setenv("PATH", str(gh.parent), prepend=":")
    assert connection(checkout, {}).token == "kept-by-gh"
    gh.write_text("#!/bin/sh\necho not signed in >&2\nexit 1\n")
    assert connection(checkout, {}).missing.startswith("no token: gh auth login")


def test_the_token_is_not_shown(checkout: Path) -> None:
    assert "hidden" not in repr(connection(checkout, {"GITHUB_TOKEN": "hidden", "GITHUB_REPOSITORY": "team/model"}))
