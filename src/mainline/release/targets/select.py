"""Which target `TARGET=` names; a fork adds its own by import path."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

from mainline.errors import ConfigurationError
from mainline.release.promotion import Target

# Name: where its factory is. A factory takes nothing; its settings are variables of the environment.
KNOWN: Mapping[str, str] = {
    "registry": "mainline.release.targets.registry_tag:target",
    "docker": "mainline.release.targets.docker:target",
    "kubernetes": "mainline.release.targets.kubernetes:target",
}


def target(name: str) -> Target | None:
    """The target of this name or import path (`package.module:factory`); None for `none`.

    Raises
    ------
    ConfigurationError
        Where there is no such target, or a tool that it needs is missing: before anything moves.
    """
    if name == "none":
        return None
    path = KNOWN.get(name, name)
    module, colon, factory = path.partition(":")
    if not colon:
        there = ", ".join(["none", *KNOWN])
        raise ConfigurationError(f"no target is called {name}: there are {there}, or package.module:factory")
    try:
        made: Target = getattr(importlib.import_module(module), factory)()
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(f"the target {name} cannot be made: {error}") from None
    return made
