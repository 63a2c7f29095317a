"""Atomic writes: files and folders appear completely or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mainline.errors import ExternalError

UNFINISHED = ".unfinished-"


@contextmanager
def scratch(folder: Path, suffix: str = "") -> Iterator[Path]:
    """A path in `folder`, which is created if needed, for a file or folder that is removed when the block ends.

    Raises
    ------
    ExternalError
        Where the block meets an OSError: no space, no permission.
    """
    part = folder / f"{UNFINISHED}{os.urandom(6).hex()}{suffix}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield part
    except OSError as error:
        raise ExternalError(f"cannot write to {folder}: {error.strerror or error}") from error
    finally:
        remove(part)


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A temporary path, which becomes `target` in one step when the block succeeds; raises as `scratch` does."""
    with scratch(target.parent, target.suffix) as part:
        yield part
        os.replace(part, target)


@contextmanager
def replacing_folder(target: Path) -> Iterator[Path]:
    """A temporary folder, which becomes `target` when the block succeeds; raises as `scratch` does."""
    with scratch(target.parent) as part:
        part.mkdir()
        yield part
        if target.exists():
            with scratch(target.parent) as former:
                os.replace(target, former)
                os.replace(part, target)
        else:
            os.replace(part, target)


def write_text(target: Path, text: str) -> None:
    with replacing(target) as part:
        part.write_text(text, encoding="utf-8")


def sweep(folder: Path) -> None:
    """Remove the unfinished files of killed processes below `folder`; no other process may be writing there."""
    for unfinished in list(folder.rglob(f"{UNFINISHED}*")):
        remove(unfinished)


def remove(path: Path) -> None:
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
