"""Which repository, at which address, with which token: from the environment, else from git and gh."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mainline.github.client import GitHub
from mainline.runtime.git import git
from mainline.runtime.origin import parse

API = "https://api.github.com"


@dataclass(frozen=True)
class Connection:
    """How to reach the settings; `missing` says what is needed to read them."""

    repository: str = ""
    api: str = API
    token: str = field(default="", repr=False)
    missing: str = ""

    def client(self) -> GitHub:
        # A person waits at a terminal: a minute is long.
        return GitHub(self.api, self.token, self.repository, attempts=3, patience=60.0)


def connection(root: Path, environment: Mapping[str, str]) -> Connection:
    """Never sends a token to a host that was not named for it: a remote on another host needs GITHUB_API_URL."""
    host, repository = "github.com", environment.get("GITHUB_REPOSITORY", "").strip()
    api = environment.get("GITHUB_API_URL", "").strip().rstrip("/")
    if not repository:
        remote = git(root, "remote", "get-url", "origin") or ""
        found = parse(remote)
        if found is None:
            what = "git has no remote origin" if not remote else "the remote origin is not a repository on GitHub"
            return Connection(missing=f"{what}: set GITHUB_REPOSITORY=owner/name, or git remote add origin …")
        host, repository = found
    if not api:
        if host != "github.com":
            return Connection(repository, missing=f"origin is at {host}: if that is GitHub, set GITHUB_API_URL")
        api = API
    token = environment.get("GITHUB_TOKEN") or environment.get("GH_TOKEN") or from_gh(host)
    if not token.strip():
        return Connection(repository, api, missing="no token: gh auth login, or GH_TOKEN=… make doctor")
    return Connection(repository, api, token.strip())


def from_gh(host: str) -> str:
    """The token that `gh` stores, or an empty text where it is not installed or not signed in."""
    try:
        done = subprocess.run(
            ["gh", "auth", "token", "--hostname", host], capture_output=True, text=True, check=False, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""
