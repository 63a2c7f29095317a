"""Log the container engine in to the registries of a release. A password is never part of a command line."""

from __future__ import annotations

from collections.abc import Mapping

from mainline.config.environment import GITHUBS_REGISTRY
from mainline.errors import ConfigurationError, ExternalError
from mainline.packaging.engine import Engine

USERNAME, PASSWORD = (f"MAINLINE_REGISTRY_{part}" for part in ("USERNAME", "PASSWORD"))


def log_in(engine: Engine, hosts: list[str], environment: Mapping[str, str]) -> dict[str, str]:
    """Log in to each host with credentials; the answer is the user name for each.

    Raises
    ------
    ConfigurationError
        Where only one of name and password is set.
    ExternalError
        Where a registry refuses them.
    """
    users = {}
    for host in hosts:
        found = credentials(host, environment)
        if found is None:
            continue
        name, password = found
        insecure = (
            ["--tls-verify=false"] if engine.name == "podman" and host.startswith(("127.0.0.1", "localhost")) else []
        )
        done = engine.attempt("login", *insecure, "--username", name, "--password-stdin", host, given=password)
        if done.returncode:
            message = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
            raise ExternalError(f"cannot log in to {host} as {name}: {message}")
        users[host] = name
    return users


def credentials(host: str, environment: Mapping[str, str]) -> tuple[str, str] | None:
    """Name and password for a registry; None to use an existing `docker login`.

    The workflow's own token is sent to GitHub's own registry only.
    """
    name, password = environment.get(USERNAME), environment.get(PASSWORD)
    if bool(name) != bool(password):
        raise ConfigurationError(f"{USERNAME if name else PASSWORD} is set and {PASSWORD if name else USERNAME} is not")
    if name and password:
        return name, password
    token = environment.get("GITHUB_TOKEN")
    if token and host == GITHUBS_REGISTRY:
        # GitHub checks the token only, but a name is required.
        return environment.get("GITHUB_ACTOR") or "token", token
    return None
