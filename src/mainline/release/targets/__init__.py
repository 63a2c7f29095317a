"""Where the container goes. A target says which image answers there, and has another one answer.

Its settings are variables of the environment: MAINLINE_IMAGE, the repository of the images, is every target's.
"""

from __future__ import annotations

import os

from mainline.errors import ConfigurationError

REPOSITORY = "MAINLINE_IMAGE"


def repository() -> str:
    """Raises ConfigurationError where it is not said."""
    found = os.environ.get(REPOSITORY)
    if not found:
        raise ConfigurationError(f"{REPOSITORY} is not set: the repository of the images, registry.example/team/name")
    return found
