"""Links among a table's files: one that leads nowhere or in a circle is named, so that no row is missing or twice."""

from __future__ import annotations

import errno
import glob
import os
from collections.abc import Sequence
from pathlib import Path

from mainline.errors import DataError


def check(table: str, pattern: str, root: Path, found: Sequence[Path]) -> None:
    """Raises DataError for a link whose target is not there, and for a file that is found twice by a link."""
    where = f"data.sources.{table}.path"
    parts = Path(pattern).parts
    for depth in range(len(parts), 0, -1):
        for link in glob.iglob(os.path.join(glob.escape(str(root)), *parts[:depth]), recursive=True):
            if not os.path.islink(link) or os.path.exists(link):
                continue
            # On the way to the files it may stand for a folder of them; with a suffix it is a file of another kind.
            if depth == len(parts) or not (Path(link).suffix or in_circle(link)):
                raise DataError(f"{where}: {shown(Path(link), root)} is a link {why(link)}")
    seen: dict[str, Path] = {}
    for path in found:
        real = os.path.realpath(path)
        if real in seen:
            raise DataError(
                f"{where}: {shown(path, root)} and {shown(seen[real], root)} are one file, found twice by a link: "
                "its rows would count twice; remove the link, or name the files without it"
            )
        seen[real] = path


def in_circle(path: str) -> bool:
    try:
        os.stat(path)
    except OSError as error:
        return error.errno == errno.ELOOP
    return False


def why(path: str) -> str:
    if in_circle(path):
        return "that leads in a circle: remove it"
    return (
        f"to {os.readlink(path)}, which does not exist: fetch it (such as with `dvc pull` or `git annex get`), "
        "or remove the link"
    )


def shown(path: Path, root: Path) -> str:
    return os.path.relpath(path, root) if path.is_relative_to(root) else str(path)
