"""Whether a change can affect the model, its container or the gates, decided from the changed files alone."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Sequence, Set
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from mainline.config import frameworks
from mainline.config.loader import load
from mainline.config.schema import Settings
from mainline.errors import ConfigurationError
from mainline.runtime import git, models
from mainline.training.fingerprint import locked_packages
from mainline.training.packages import foreign

LOCK = "uv.lock"
# What a run reads or consists of, as `last_run.WATCHED`.
FOLDERS = ("src/", "pipelines/", "data/")
FILES = ("deploy/Dockerfile", "deploy/base/Dockerfile")
GROUPS = ("train", "serving", *frameworks.GROUPS)  # what trains the model, and what its container runs


def harmless(root: Path, base: str) -> list[str] | None:
    """The files that differ from the commit `base`, if none of them can change the model or its gates.

    None where one can, or where a source is outside the repository and may have changed by itself. Comments in
    `params.yaml` and packages that training does not use change nothing.
    """
    try:
        settings = load(root / models.selected().params).settings
    except ConfigurationError:
        return None
    if not all(source.is_local for source in settings.data.sources.values()):
        return None
    files = git.changed_files(root, base)
    return None if relevant(root, base, settings, files) else files


def relevant(root: Path, base: str, settings: Settings, files: Sequence[str]) -> str | None:
    """The first of `files` that can change the model that this process works for, or its gates."""
    others = Others.of(root)
    return next((file for file in files if is_relevant(root, base, settings, file, others)), None)


@dataclass(frozen=True)
class Others:
    """What belongs to other models of the repository, and to this one only where its own settings say so."""

    packages: Set[str]
    folders: tuple[PurePosixPath, ...]
    sources: tuple[str, ...]

    @classmethod
    def of(cls, root: Path) -> Others:
        this = models.selected()
        folders, sources = [], list[str]()
        for other in models.here(root):
            if other != this:
                folders += [other.params, other.expectations, *([other.folder] if other.name else [])]
                sources += paths_of(root / other.params)
        return cls(foreign(root, this), tuple(map(PurePosixPath, folders)), tuple(sources))

    def holds(self, path: PurePosixPath) -> bool:
        if path.parts[0] == "src" and len(path.parts) > 1:
            return path.parts[1].removesuffix(".py") in self.packages
        return any(path.is_relative_to(folder) for folder in self.folders) or any(map(path.match, self.sources))


def paths_of(params: Path) -> tuple[str, ...]:
    """The files that the sources in another model's settings name; none where they cannot be read."""
    try:
        return paths_in(params.read_text(encoding="utf-8"))
    except (OSError, ValueError, LookupError, TypeError, AttributeError, yaml.YAMLError):
        return ()


@functools.lru_cache(1024)  # of forty models each is asked forty times
def paths_in(settings: str) -> tuple[str, ...]:
    found = content(settings)["data"]["sources"]
    return tuple(str(source["path"]) for source in found.values() if source.get("path"))


def is_relevant(root: Path, base: str, settings: Settings, file: str, others: Others) -> bool:
    own = models.selected()
    if file == str(own.params):
        now = root / file
        before = content(git.git(root, "show", f"{base}:{file}"))
        return bool(before != content(now.read_text(encoding="utf-8") if now.exists() else None))
    if file == LOCK:
        return any(locked_at(root, base, group) != locked_packages(root, group) for group in GROUPS)
    path = PurePosixPath(file)
    if path.is_relative_to(settings.data.expectations):
        return True
    if any(source.path and path.match(source.path) for source in settings.data.sources.values()):
        return True
    if others.holds(path):
        return False
    folders = (*FOLDERS, f"{own.folder}/") if own.name else FOLDERS
    return file in FILES or (file.startswith(folders) and path.suffix != ".md")


def content(text: str | None) -> Any:
    return None if text is None else yaml.load(text, Loader=yaml.CSafeLoader)


def locked_at(root: Path, commit: str, group: str) -> dict[str, str] | None:
    """As `locked_packages`, for another commit; None where it has no lock file."""
    lock = git.git(root, "show", f"{commit}:{LOCK}")
    if lock is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, LOCK).write_text(lock, encoding="utf-8")
        return locked_packages(Path(folder), group)
