"""`.mainline-init.json`: what `make init` wrote, with digests, so that a later one knows what nobody has edited."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from mainline.config.replaced_project import FILE
from mainline.errors import ConfigurationError
from mainline.runtime import models
from mainline.runtime.atomic_files import write_text

VERSION = 1
ABOUT = "What make init wrote, by SHA-256: it updates these files as long as nobody edits them. Commit this file."


@dataclass(frozen=True)
class Manifest:
    name: str | None = None  # of the project
    files: Mapping[str, str] = field(default_factory=dict)  # path from the top: the SHA-256 of what was written
    replaces: str | None = None  # the preparation function of the project that was here before

    def is_own(self, root: Path, path: str) -> bool:
        """Whether a file is still as it was written."""
        file = root / path
        return path in self.files and file.is_file() and digest(file.read_bytes()) == self.files[path]

    @property
    def text(self) -> str:
        content = {"about": ABOUT, "version": VERSION, "name": self.name, "replaces": self.replaces}
        content |= {"files": dict(sorted(self.files.items()))}
        return json.dumps(content, indent=2) + "\n"


def place() -> Path:
    """Where the file of the model is that this process works for, from the top."""
    return models.selected().folder / FILE


def read(root: Path) -> Manifest:
    """What an earlier `make init` wrote here; nothing where there was none.

    Raises
    ------
    ConfigurationError
        Where the file is not what `make init` writes.
    """
    try:
        content = json.loads((root / place()).read_text(encoding="utf-8"))
        if content["version"] != VERSION:
            raise ConfigurationError(f"{place()}: version {content['version']}, this code reads version {VERSION}")
        files = {str(path): str(each) for path, each in content["files"].items()}
        return Manifest(str(content["name"]), files, content.get("replaces"))
    except FileNotFoundError:
        return Manifest()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(
            f"{place()} is not as make init wrote it ({error}): restore it, or delete it to have no file updated"
        ) from None


def renew(root: Path, path: str) -> None:
    """Take a file as it is now for what `make init` wrote: after it has set a value there itself."""
    found = read(root)
    if path in found.files:
        files = {**found.files, path: digest((root / path).read_bytes())}
        write_text(root / place(), replace(found, files=files).text)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
