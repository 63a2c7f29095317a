from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mainline.runtime.origin import page, parse

HUB = "github.com"


@pytest.mark.parametrize(
    ("remote", "found"),
    [
        ("https://github.com/team/model.git", ("github.com", "team/model")),
        ("https://github.com/team/model", ("github.com", "team/model")),
        ("https://github.com/team/my.model.git/", ("github.com", "team/my.model")),
        (f"https://x:word@{HUB}/team/model.git", ("github.com", "team/model")),  # pragma: allowlist secret
        ("https://git.example.org:8443/team/model", ("git.example.org", "team/model")),
        (f"git@{HUB}:team/model.git", ("github.com", "team/model")),
        (f"git@{HUB.upper()}:/team/model", ("github.com", "team/model")),
        ("github.com:team/model", ("github.com", "team/model")),
        (f"ssh://git@{HUB}/team/model.git", ("github.com", "team/model")),
        (f"ssh://git@ssh.{HUB}:443/team/model.git", ("github.com", "team/model")),
        ("/srv/git/model.git", None),
        ("../model", None),
        ("file:///srv/git/model.git", None),
        ("https://github.com/model", None),
        ("", None),
    ],
)
def test_a_remote_is_read_in_every_form_that_git_takes(remote: str, found: tuple[str, str] | None) -> None:
    assert parse(remote) == found


def test_the_page_is_that_of_the_workflow_or_of_the_remote_without_its_password(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    assert page(tmp_path, {}) is None
    remote = f"https://x:word@{HUB}/team/model.git"  # pragma: allowlist secret
    subprocess.run(["git", "remote", "add", "origin", remote], cwd=tmp_path, check=True)
    assert page(tmp_path, {}) == "https://github.com/team/model"
    given = {"GITHUB_SERVER_URL": "https://git.example.org", "GITHUB_REPOSITORY": "other/one"}
    assert page(tmp_path, given) == "https://git.example.org/other/one"
