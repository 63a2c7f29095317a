"""One class a kind of failure, each with the exit status of every verb."""

from __future__ import annotations


class MainlineError(Exception):
    """A failure that its reader can act on: what was found, where, what would be right."""

    status = 4


class Refused(MainlineError):
    """A gate said no."""

    status = 1


class ConfigurationError(MainlineError):
    """`params.yaml`, the project's code or the call is wrong."""

    status = 2


class MissingVariable(ConfigurationError):
    """An environment variable that holds an address or a secret is not set."""


class DataError(MainlineError):
    """The data is invalid: nothing that was trained on it is recorded, compared or kept."""

    status = 3


class ExternalError(MainlineError):
    """Something outside failed: network, registry, database, disk."""

    status = 4
