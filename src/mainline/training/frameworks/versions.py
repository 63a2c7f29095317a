"""The frameworks of a fitted model, and whether those that are installed are the ones that are locked and recorded."""

from __future__ import annotations

import pickletools
import sys
from collections.abc import Iterable, Mapping
from importlib import metadata

from mainline.config.frameworks import BY_MODULE, FRAMEWORKS, install
from mainline.errors import ConfigurationError


def of_model(pickled: bytes) -> dict[str, str]:
    """The frameworks whose modules the pickle names, with the installed versions."""
    if not any(f"{framework.module}.".encode() in pickled for framework in FRAMEWORKS):
        return {}  # without reading a pickle of megabytes piece by piece
    named = {
        argument.partition(".")[0]
        for _, argument, _ in pickletools.genops(pickled)
        if isinstance(argument, str) and "." in argument
    }
    keras = sys.modules.get("keras")
    if "keras" in named and keras is not None:
        named.add(keras.backend.backend())  # it computes, and no pickle names it
    return installed(framework.module for framework in FRAMEWORKS if framework.module in named)


def installed(modules: Iterable[str]) -> dict[str, str]:
    """Installed versions by module; what is not installed is left out."""
    found = {}
    for module in modules:
        for package in BY_MODULE[module].packages:
            try:
                found[module] = metadata.version(package)
                break
            except metadata.PackageNotFoundError:
                continue
    return found


def check_locked(modules: Iterable[str], locked: Mapping[str, str]) -> None:
    """Raise ConfigurationError where an installed framework is not of the version that `uv.lock` names.

    The fingerprint has the lock's version: a model of another one would be recorded as what it is not.
    """
    for module, version in installed(modules).items():
        # A lock has several versions where Pythons differ.
        wanted = next((locked[name] for name in BY_MODULE[module].packages if name in locked), "").split()
        if wanted and public(version) not in wanted:
            raise ConfigurationError(
                f"{module} {version} is installed, and uv.lock has {' or '.join(wanted)}: {install(module)}"
            )


def check_recorded(recorded: Mapping[str, str]) -> None:
    """Raise ConfigurationError where a framework of a recorded model is missing here, or has another version."""
    here = installed(recorded)
    for module, version in recorded.items():
        if module not in here:
            raise ConfigurationError(
                f"the recorded model needs {module} {version}, which is missing here: {install(module)}"
            )
        if public(here[module]) != public(version):
            raise ConfigurationError(
                f"the recorded model was trained with {module} {version}, and {here[module]} is installed here: "
                f"install the recorded version, or remove the record's folder and train again"
            )


def public(version: str) -> str:
    """Without the name of the build, such as `+cpu`."""
    return version.partition("+")[0]
