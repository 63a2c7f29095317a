"""What main's runs read of remote sources: a fork that cannot reach one is judged on it, and others compared with it.

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
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.data.messages import Messages
from mainline.data.sources.formats import Files, Reading
from mainline.data.sources.partitions import folders
from mainline.errors import ExternalError, MainlineError
from mainline.runtime.atomic_files import replacing_folder

if TYPE_CHECKING:
    from mainline.config.schema import Source

KEEP, FORK = "MAINLINE_SNAPSHOT", "MAINLINE_FORK"
FOLDER = "snapshots"  # of the cache of sources; of those, main's run leaves this one and others in GitHub's cache
NOTE = "snapshot.json"


def is_fork() -> bool:
    return bool(os.environ.get(FORK))


def is_kept() -> bool:
    return bool(os.environ.get(KEEP)) and not is_fork()


def save(cache: Path, source: Source, files: Files, until: dt.datetime, digest: str) -> None:
    """Keep the files of a source with their digests; `digest` is that of the collected table."""
    known = notes(cache, files.table)
    note = {
        "digest": digest,
        "source": settings_of(source),
        "until": until.isoformat(),
        "format": files.format,
        "reading": dataclasses.asdict(files.reading),
        "messages": dataclasses.asdict(files.messages) if files.messages else None,
    }
    if known and {name: known[0][1].get(name) for name in note} == note:
        return
    target = cache / FOLDER / files.table / digest[:32]
    with replacing_folder(target) as part:
        kept = []
        for number, path in enumerate(files.paths):
            below = Path(f"{number:05d}") / folders(path, files.reading.partitions) / path.name
            (part / below).parent.mkdir(parents=True)
            shutil.copyfile(path, part / below)
            said = {"sha256": sha256(path), "origin": files.origins.get(path, path.name)}
            kept.append({"name": str(below), "path": in_cache(path, cache), **said})
        made = f"{dt.datetime.now(dt.UTC).isoformat()}"
        (part / NOTE).write_text(json.dumps({**note, "made": made, "files": kept}, indent=1), encoding="utf-8")
    for old, _ in known:
        if old != target:
            shutil.rmtree(old)


def notes(cache: Path, table: str) -> list[tuple[Path, dict[str, Any]]]:
    """The snapshots of a table, each with its note, the newest first; one that cannot be read is none."""
    found = []
    for file in (cache / FOLDER / table).glob(f"*/{NOTE}"):
        with suppress(OSError, ValueError):
            found.append((file.parent, json.loads(file.read_text(encoding="utf-8"))))
    return sorted(found, key=lambda each: str(each[1]["made"]), reverse=True)


def instead(cache: Path, table: str, source: Source, until: dt.datetime, error: MainlineError) -> tuple[Files, str]:
    """The files of main's run and a sentence about them.

    Raises
    ------
    ExternalError
        In one line, why the pull request is not judged.
    """
    why = f"data.sources.{table} cannot be reached from a fork's pull request ({error})"
    found = notes(cache, table)
    if not found:
        raise ExternalError(
            f"{why}, and main's run left no snapshot in the cache (the variable {KEEP} keeps one): not judged; "
            "push the branch to this repository to have it judged"
        )
    folder, note = found[0]
    if note["source"] != settings_of(source):
        raise ExternalError(f"{why}, and its settings are not those of main's snapshot: not judged")
    if dt.datetime.fromisoformat(note["until"]) < until:
        raise ExternalError(f"{why}, and main's snapshot ends at {note['until']}, before data.until: not judged")
    origins = {}
    for each in note["files"]:
        path = folder / each["name"]
        if not path.is_file() or sha256(path) != each["sha256"]:
            raise ExternalError(f"{why}, and {path.name} of main's snapshot is not what its digest says: not judged")
        origins[path] = str(each["origin"])
    messages = Messages(**note["messages"]) if note["messages"] else None
    files = Files(table, [*origins], note["format"], origins, Reading(**note["reading"]), messages=messages)
    said = "the source cannot be reached from a fork; these are the rows of main's run of"
    return files, f"{table}: {said} {note['made'][:10]}"


def standing(cache: Path, table: str, digest: str, paths: list[Path]) -> list[Path]:
    """The files of a table that was collected earlier; those of a snapshot where they are gone from this machine.

    A snapshot counts only where it is of a table with the same digest, and its files are what theirs say.
    """
    if all(path.exists() for path in paths):
        return paths
    for folder, note in notes(cache, table):
        if note["digest"] == digest:
            found = {each["path"]: (folder / each["name"], each["sha256"]) for each in note["files"]}
            held = [found[key] for path in paths if (key := in_cache(path, cache)) in found]
            if len(held) == len(paths) and all(path.is_file() and sha256(path) == said for path, said in held):
                return [path for path, _ in held]
    return paths


def in_cache(path: Path, cache: Path) -> str:
    """What a file is called on every machine: by its place in the cache."""
    return str(path.relative_to(cache) if path.is_relative_to(cache) else path)


def settings_of(source: Source) -> str:
    return hashlib.sha256(source.model_dump_json(exclude_defaults=True).encode()).hexdigest()


def sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
