"""Whether files have changed, from their metadata in the file system wherever that can be trusted.

Only the standard library is imported, because this runs before anything else: a run with
nothing to do ends before pydantic would have been imported.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
import stat
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from mainline.errors import ExternalError
from mainline.runtime.atomic_files import write_text

VERSION = 1

# A file that was written within this time of the look at it may be written again without its
# time changing: kernels stamp files by a clock that ticks every 4 to 10 ms, FAT every 2 s.
RACY_NS = 2_000_000_000


def expand(pattern: str, root: Path) -> list[Path]:
    """The files that a local path or glob names, absolute and in name order; `**` crosses folders."""
    found = glob.glob(os.path.join(glob.escape(str(root)), pattern), recursive=True)
    return sorted(Path(os.path.abspath(path)) for path in found if os.path.isfile(path))


def digests(paths: Iterable[Path], index: Path) -> dict[Path, str]:
    """The SHA-256 of each file's content, in hex; those that `index` knows are not read again."""
    return {Path(path): entry["sha256"] for path, entry in _entries(paths, index).items()}


def stamp(patterns: Iterable[str], root: Path, index: Path) -> dict[str, Any]:
    """What `unchanged` needs to tell whether the files of some local paths and globs are as they are now.

    Returns
    -------
    dict
        Plain JSON: the patterns, the root and for each file its stamp and its content's digest.
    """
    patterns = list(patterns)
    files = _entries((path for pattern in patterns for path in expand(pattern, root)), index)
    return {"version": VERSION, "root": str(root), "patterns": patterns, "files": files}


def unchanged(stamps: dict[str, Any]) -> bool:
    """Whether the same files are there with the same content; a file is read only where its times are too fresh.

    The content of a URL cannot be checked: with a URL among the patterns, the result is False.
    """
    if stamps.get("version") != VERSION or any("://" in pattern for pattern in stamps["patterns"]):
        return False
    found = {str(path) for pattern in stamps["patterns"] for path in expand(pattern, Path(stamps["root"]))}
    if found != set(stamps["files"]):
        return False
    try:
        return all(_entry(Path(path), entry)["sha256"] == entry["sha256"] for path, entry in stamps["files"].items())
    except ExternalError:
        return False


def seen(paths: Iterable[Path]) -> dict[Path, dict[str, Any]]:
    """What the file system says of each file now: taken before a file is read, it shows later whether it has moved."""
    links: dict[Path, list[int]] = {}
    return {path: {"taken": time.time_ns(), "facts": _place(path, links)} for path in paths}


class Watch:
    """The files that a run reads, as they were before it read them: a file that moves in between is found.

    A digest is taken once, and the files are read again later: by the preparation, the validation, the comparison.
    What was read is what was digested only where the file system shows the same file throughout. Times of change are
    compared, not content alone: a file that was replaced and then put back was another one in between.
    """

    def __init__(self, files: Mapping[str, dict[str, Any]] | None = None) -> None:
        self.files: dict[str, dict[str, Any]] = dict(files or {})

    def add(
        self,
        before: Mapping[Path, dict[str, Any]],
        content: Mapping[Path, str],
        name: Callable[[Path], str] = str,
        own: Path | None = None,
    ) -> None:
        """Watch the files of `content`, their digests, which `seen` has stamped before they were read.

        Those below `own` are written once, whole: fresh ones need not be read again.
        """
        for path, digest in content.items():
            entry = {**before[path], "sha256": digest, "name": name(path)}
            if own and path.is_relative_to(own):
                entry["taken"] += RACY_NS
            self.files[str(path)] = entry

    def check(self, content: bool = True) -> None:
        """Raises ExternalError where a file has moved; `content` reads those again whose times are too fresh."""
        links: dict[Path, list[int]] = {}
        moved = [entry["name"] for path, entry in self.files.items() if _moved(Path(path), entry, links, content)]
        if moved:
            more = f" (and {len(moved) - 1} more)" if len(moved) > 1 else ""
            raise ExternalError(
                f"{moved[0]}{more} was changed while the run was reading it, so nothing was kept: "
                "run again when it is complete"
            )


def _moved(path: Path, entry: dict[str, Any], links: dict[Path, list[int]], content: bool) -> bool:
    taken = time.time_ns()
    facts = _place(path, links)
    if not facts or facts != entry["facts"]:
        return True
    if not content or not _racy(entry):
        return False
    try:
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return True
    entry["taken"] = taken  # later looks need not read it again
    return digest != entry["sha256"] or _place(path, {}) != facts


def _place(path: Path, links: dict[Path, list[int]]) -> list[int]:
    """The facts of a file, and of every symbolic link on the way to it: a link can lead elsewhere for a while.

    Empty where there is no such file.
    """
    way = (path, *path.parents)
    try:
        for part in way:
            if part not in links:
                status = os.lstat(part)
                links[part] = [status.st_ino, status.st_ctime_ns] if stat.S_ISLNK(status.st_mode) else []
        return [*_facts(path), *(fact for part in way for fact in links[part])]
    except OSError:
        return []


def _entries(paths: Iterable[Path], index: Path) -> dict[str, dict[str, Any]]:
    known = _read(index)
    found = {str(path): _entry(path, known.get(str(path))) for path in paths}
    if any(known.get(path) != entry for path, entry in found.items()):
        others = {path: entry for path, entry in known.items() if path not in found and os.path.exists(path)}
        write_text(index, json.dumps({"version": VERSION, "files": others | found}))
    return found


def _entry(path: Path, known: dict[str, Any] | None) -> dict[str, Any]:
    try:
        if known is not None and _facts(path) == known["facts"] and not _racy(known):
            return known
        for _ in range(3):
            taken = time.time_ns()
            facts = _facts(path)
            with open(path, "rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            if _facts(path) == facts:
                return {"facts": facts, "taken": taken, "sha256": digest}
    except OSError as error:
        raise ExternalError(f"{path} could not be read: {error.strerror}") from error
    raise ExternalError(f"{path} is being written: run again when it is complete")


def _facts(path: Path) -> list[int]:
    status = os.stat(path)
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]


def _racy(entry: dict[str, Any]) -> bool:
    _, modified, changed, *_ = entry["facts"]
    return bool(max(modified, changed) + RACY_NS >= entry["taken"])


def _read(index: Path) -> dict[str, dict[str, Any]]:
    try:
        content = json.loads(index.read_text(encoding="utf-8"))
        return dict(content["files"]) if content["version"] == VERSION else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}  # only a cache: what is missing is read again
