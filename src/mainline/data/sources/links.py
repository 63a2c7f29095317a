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
    for link in glob.iglob(os.path.join(glob.escape(str(root)), pattern), recursive=True):
        if os.path.islink(link) and not os.path.exists(link):
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


def why(path: str) -> str:
    try:
        os.stat(path)
    except OSError as error:
        if error.errno == errno.ELOOP:
            return "that leads in a circle: remove it"
    return (
        f"to {os.readlink(path)}, which does not exist: fetch it (such as with `dvc pull` or `git annex get`), "
        "or remove the link"
    )


def shown(path: Path, root: Path) -> str:
    return os.path.relpath(path, root) if path.is_relative_to(root) else str(path)
