"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mainline.errors import ExternalError


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """A path in `folder`, made where it is not there, for a file that is gone when the block ends.

    Raises
    ------
    ExternalError
        Where the block meets an OSError: no space, no permission.
    """
    part = folder / f".{os.urandom(6).hex()}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield part
    except OSError as error:
        raise ExternalError(f"nothing could be written to {folder}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            part.unlink()


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A temporary path, which becomes `target` in one step when the block ends well; raises as `scratch` does."""
    with scratch(target.parent) as part:
        yield part
        os.replace(part, target)


def write_text(target: Path, text: str) -> None:
    with replacing(target) as part:
        part.write_text(text, encoding="utf-8")
