"""The cache's versions of what was fetched: a file never changes under a run that reads it."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

DAY = 24 * 3600
KEEP_DAYS = 7


def forget_old(folder: Path, current: Path) -> None:
    """Remove what no run of the last week has used; a run at work may still be reading a younger version."""
    now = time.time()
    with suppress(OSError):
        if current.stat().st_mtime < now - DAY:
            current.touch()
        for path in folder.iterdir():
            if path != current and path.stat().st_mtime < now - KEEP_DAYS * DAY:
                path.unlink()
