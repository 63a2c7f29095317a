"""The target that `TARGET=` names: a built-in one, one that the project registers, or an import path."""

from __future__ import annotations

import importlib

from mainline.config import extensions, loader
from mainline.errors import ConfigurationError
from mainline.release.promotion import Target
from mainline.release.targets import TARGETS
from mainline.runtime import models


def target(name: str) -> Target | None:
    """The target of this name or import path (`package.module:factory`); None for `none`.

    Raises
    ------
    ConfigurationError
        Where there is no such target, or a tool that it needs is missing: before anything is deployed.
    """
    if name == "none":
        return None
    if name not in TARGETS and ":" not in name and models.selected().params.exists():
        extensions.load(loader.load())
    if name in TARGETS:
        with TARGETS.calling(name):
            return TARGETS[name].make()
    module, colon, factory = name.partition(":")
    if not colon:
        known = ", ".join(["none", *TARGETS])
        raise ConfigurationError(f"there is no target {name}: the targets are {known}, or package.module:factory")
    try:
        made: Target = getattr(importlib.import_module(module), factory)()
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(f"the target {name} cannot be created: {error}") from None
    return made
