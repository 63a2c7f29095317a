"""The variables that say where a release's things are, as they must be to be used.

A workflow cannot write in lower case and passes what nobody has set as empty: both are mended here, once, before
anything reads them.
"""

from __future__ import annotations

from collections.abc import MutableMapping

IMAGE, STATE = "MAINLINE_IMAGE", "MAINLINE_STATE"
OURS = ("MAINLINE_", "MLFLOW_")


def settle(environment: MutableMapping[str, str]) -> None:
    """Repositories in lower case, as every registry wants them; an empty variable is one that is not set."""
    for name in [name for name, value in environment.items() if name.startswith(OURS) and not value.strip()]:
        del environment[name]
    for name in (IMAGE, STATE):
        if name in environment:
            environment[name] = environment[name].strip().lower()


def hosts(environment: MutableMapping[str, str]) -> list[str]:
    """The registries that a release speaks to, each once."""
    found = [environment[name].partition("/")[0] for name in (IMAGE, STATE) if name in environment]
    return list(dict.fromkeys(found))
