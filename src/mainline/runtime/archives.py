"""Unpacking archives that were not made here: nothing of them may land outside the folder."""

from __future__ import annotations

import tarfile
from pathlib import Path


def unpack(tar: tarfile.TarFile, folder: Path) -> None:
    """Extract files and folders by the rules of PEP 706's `data` filter, also where Python has none (3.11.3).

    Raises
    ------
    tarfile.TarError
        For a member that is a link or a device, or that would land outside `folder`.
    """
    if hasattr(tarfile, "data_filter"):
        tar.extractall(folder, filter="data")
        return
    for member in tar.getmembers():
        inside = (folder / member.name).resolve().is_relative_to(folder.resolve())
        if not inside or not (member.isfile() or member.isdir()):
            raise tarfile.TarError(f"{member.name} is no file or folder inside the archive")
        member.mode &= 0o755
    tar.extractall(folder)  # noqa: S202 - each member was looked at
