"""What main's run read of a source that a fork's pull request cannot reach, for judging it on the same rows.

GitHub gives no secret to a fork's pull request, and its code may read whatever the cache of the base branch holds. So a
snapshot is kept only where the repository's variable MAINLINE_SNAPSHOT says so: the rows are then as public as the
repository.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from mainline.data.sources.formats import Files, Reading
from mainline.errors import ExternalError, MainlineError
from mainline.runtime.atomic_files import replacing_folder

if TYPE_CHECKING:
    from mainline.config.schema import Source

KEEP, FORK = "MAINLINE_SNAPSHOT", "MAINLINE_FORK"
FOLDER = "snapshots"  # next to the records, which main's run leaves in the cache
NOTE = "snapshot.json"


def is_fork() -> bool:
    return bool(os.environ.get(FORK))


def is_kept() -> bool:
    return bool(os.environ.get(KEEP)) and not is_fork()


def folder_of(cache: Path, table: str) -> Path:
    return cache.parent / "records" / FOLDER / table


def save(folder: Path, source: Source, files: Files, until: dt.datetime) -> None:
    """Keep the files of a source with their digests."""
    with replacing_folder(folder) as part:
        kept = []
        for number, path in enumerate(files.paths):
            name = f"{number:05d}-{path.name}"
            shutil.copyfile(path, part / name)
            kept.append({"name": name, "sha256": sha256(path), "origin": files.origins.get(path, path.name)})
        note = {
            "source": settings_of(source),
            "until": until.isoformat(),
            "made": f"{dt.datetime.now(dt.UTC):%Y-%m-%d}",
            "format": files.format,
            "reading": dataclasses.asdict(files.reading),
            "files": kept,
        }
        (part / NOTE).write_text(json.dumps(note, indent=1), encoding="utf-8")


def instead(folder: Path, table: str, source: Source, until: dt.datetime, error: MainlineError) -> tuple[Files, str]:
    """The files of main's run and a sentence about them.

    Raises
    ------
    ExternalError
        In one line, why the pull request is not judged.
    """
    why = f"data.sources.{table} cannot be reached from a fork's pull request ({error})"
    try:
        note = json.loads((folder / NOTE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise ExternalError(
            f"{why}, and main's run left no snapshot in the cache (the variable {KEEP} keeps one): not judged; "
            "push the branch to this repository to have it judged"
        ) from None
    if note["source"] != settings_of(source):
        raise ExternalError(f"{why}, and its settings are not those of main's snapshot: not judged")
    if dt.datetime.fromisoformat(note["until"]) < until:
        raise ExternalError(f"{why}, and main's snapshot ends at {note['until']}, before data.until: not judged")
    origins = {}
    for each in note["files"]:
        path = folder / each["name"]
        if not path.is_file() or sha256(path) != each["sha256"]:
            raise ExternalError(f"{why}, and {each['name']} of main's snapshot is not what its digest says: not judged")
        origins[path] = str(each["origin"])
    files = Files(table, [*origins], note["format"], origins, Reading(**note["reading"]))
    return (
        files,
        f"{table}: the source cannot be reached from a fork; these are the rows of main's run of {note['made']}",
    )


def settings_of(source: Source) -> str:
    return hashlib.sha256(source.model_dump_json(exclude_defaults=True).encode()).hexdigest()


def sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
