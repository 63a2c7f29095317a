"""What a deploy target is: a name for `TARGET=`, and a factory without arguments.

Its settings are environment variables: MAINLINE_IMAGE, the repository of the images, belongs to every target.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from mainline.config.extensions import Declarations
from mainline.errors import ConfigurationError

if TYPE_CHECKING:
    from mainline.release.promotion import Target

REPOSITORY = "MAINLINE_IMAGE"

T = TypeVar("T", bound="Target")


@dataclass(frozen=True)
class TargetKind:
    """One target. Its factory raises ConfigurationError where a tool or a variable is missing: before a release."""

    name: str
    make: Callable[[], Target]
    description: str


TARGETS: Declarations[TargetKind] = Declarations("deploy target")


def deploy_target(name: str) -> Callable[[Callable[[], T]], Callable[[], T]]:
    """Register the factory below as the target `name`: what it returns is a `mainline.release.promotion.Target`."""

    def register(factory: Callable[[], T]) -> Callable[[], T]:
        said = " ".join((factory.__doc__ or "").split())
        TARGETS.add(name, TargetKind(name, factory, said), factory.__module__)
        return factory

    return register


def repository() -> str:
    """Raises ConfigurationError where the repository of the images is not set."""
    found = os.environ.get(REPOSITORY)
    if not found:
        raise ConfigurationError(f"{REPOSITORY} is not set: the repository of the images, registry.example/team/name")
    return found
