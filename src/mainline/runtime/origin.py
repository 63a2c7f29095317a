"""Where this checkout's repository is kept: the remote `origin` of git, or what GitHub Actions says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from mainline.runtime.git import git

LABEL = "org.opencontainers.image.source"  # by it a registry links an image to its repository
# https://[user[:token]@]host[:port]/owner/name, ssh://[user@]host[:port]/owner/name
URL = re.compile(r"^[a-z+]+://(?:[^@/]*@)?(?P<host>[^/:]+)(?::\d+)?/(?P<owner>[^/]+)/(?P<name>[^/]+?)(?:\.git)?/?$")
# [user@]host:owner/name
SHORT = re.compile(r"^(?:[^@/:]+@)?(?P<host>[^/:]+):/?(?P<owner>[^/]+)/(?P<name>[^/]+?)(?:\.git)?/?$")


def parse(remote: str) -> tuple[str, str] | None:
    """Host and `owner/name` of a remote, whether https or ssh; None for anything else, such as a folder."""
    found = URL.match(remote) or (SHORT.match(remote) if "://" not in remote else None)
    if found is None:
        return None
    # GitHub has a separate host name for ssh over the https port.
    host = {"ssh.github.com": "github.com", "www.github.com": "github.com"}.get(found["host"].lower(), found["host"])
    return host.lower(), f"{found['owner']}/{found['name']}"


def page(root: Path, environment: Mapping[str, str]) -> str | None:
    """The address of the repository's page; None where there is none, as for a remote that is a folder."""
    server, repository = (environment.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY"))
    if server and repository:
        return f"{server}/{repository}"
    found = parse(git(root, "remote", "get-url", "origin") or "")
    return f"https://{found[0]}/{found[1]}" if found else None
