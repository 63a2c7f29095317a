"""The variables that say where a release's things are.

What a workflow passes is mended here, once, before anything reads it: what nobody has set is empty there, and names
of repositories come in any case.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping

IMAGE, STATE = "MAINLINE_IMAGE", "MAINLINE_STATE"
ELSEWHERE = f"where releases are kept elsewhere, {STATE} or MLFLOW_TRACKING_URI says so"  # for whoever finds none
GITHUBS_REGISTRY = "ghcr.io"
OURS = ("MAINLINE_", "MLFLOW_")
EMPTY = (*OURS, "AWS_")  # to AWS's library an empty region is a region, and https://s3..amazonaws.com its address


def settle(environment: MutableMapping[str, str]) -> None:
    """Repositories in lower case, as every registry wants them; an empty variable is one that is not set."""
    for name in [name for name, value in environment.items() if name.startswith(EMPTY) and not value.strip()]:
        del environment[name]
    for name in (IMAGE, STATE):
        if name in environment:
            environment[name] = environment[name].strip().lower()


def in_workflow(settings: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of a release in GitHub Actions, from the repository's own `settings`.

    Where nothing is said, image and state are in GitHub's registry, under the repository's name.
    """
    home = f"{GITHUBS_REGISTRY}/{environment.get('GITHUB_REPOSITORY', '')}".lower()
    found = {IMAGE: home, STATE: f"{home}/state", "TARGET": settings.get("MAINLINE_TARGET") or "registry"}
    found |= {name: value for name, value in settings.items() if name.startswith(OURS) and value.strip()}
    settle(found)
    return found


def hosts(environment: Mapping[str, str]) -> list[str]:
    """The registries that a release speaks to, each once."""
    found = [environment[name].partition("/")[0] for name in (IMAGE, STATE) if name in environment]
    return list(dict.fromkeys(found))
