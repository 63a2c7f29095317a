"""Versions of fetched files in the cache: a file never changes while a run reads it."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from mainline.runtime.atomic_files import scratch

DAY = 24 * 3600
KEEP_DAYS = 7


def forget_old(folder: Path, current: Path) -> None:
    """Remove what no run has used for a week; a run in progress may still read a newer version."""
    now = time.time()
    with suppress(OSError):
        if current.stat().st_mtime < now - DAY:
            current.touch()
        for path in folder.iterdir():
            if path != current and path.stat().st_mtime < now - KEEP_DAYS * DAY:
                path.unlink()


def keep(folder: Path, ending: str, write: Callable[[Path], object]) -> Path:
    """Have `write` make a file, and keep it in `folder` under its digest, whole or not at all."""
    with scratch(folder) as part:
        write(part)
        with open(part, "rb") as file:
            target = folder / f"{hashlib.file_digest(file, 'sha256').hexdigest()[:32]}{ending}"
        if not target.exists():
            os.replace(part, target)
    forget_old(folder, target)
    return target
