"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mainline.errors import ExternalError


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A temporary path beside `target`, which becomes `target` when the block ends well and goes when it does not.

    Raises
    ------
    ExternalError
        Where the file cannot be written: no space, no permission.
    """
    part = target.with_name(f".{target.name}.{os.urandom(4).hex()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield part
        os.replace(part, target)
    except OSError as error:
        raise ExternalError(f"{target} could not be written: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)


def write_text(target: Path, text: str) -> None:
    with replacing(target) as part:
        part.write_text(text, encoding="utf-8")
