"""Whether a change can affect the model, its container or the gates, decided from the changed files alone."""

from __future__ import annotations

import tempfile
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from mainline.config.loader import FILE, load
from mainline.config.schema import Settings
from mainline.errors import ConfigurationError
from mainline.runtime import git
from mainline.training.fingerprint import locked_packages

LOCK = "uv.lock"
# What a run reads or consists of, as `last_run.WATCHED`.
FOLDERS = ("src/", "pipelines/", "data/")
FILES = ("deploy/Dockerfile", "deploy/base/Dockerfile")
GROUPS = ("train", "serving")  # what trains the model, and what its container runs


def harmless(root: Path, base: str) -> list[str] | None:
    """The files that differ from the commit `base`, if none of them can change the model or its gates.

    None where one can, or where a source is outside the repository and may have changed by itself. Comments in
    `params.yaml` and packages that training does not use change nothing.
    """
    try:
        settings = load(root / FILE).settings
    except ConfigurationError:
        return None
    if not all(source.is_local for source in settings.data.sources.values()):
        return None
    files = git.changed_files(root, base)
    return None if any(is_relevant(root, base, settings, file) for file in files) else files


def is_relevant(root: Path, base: str, settings: Settings, file: str) -> bool:
    if file == str(FILE):
        before = content(git.git(root, "show", f"{base}:{file}"))
        return bool(before != content((root / file).read_text(encoding="utf-8")))
    if file == LOCK:
        return any(locked_at(root, base, group) != locked_packages(root, group) for group in GROUPS)
    path = PurePosixPath(file)
    if path.is_relative_to(settings.data.expectations):
        return True
    if any(source.path and path.match(source.path) for source in settings.data.sources.values()):
        return True
    return file in FILES or (file.startswith(FOLDERS) and path.suffix != ".md")


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
