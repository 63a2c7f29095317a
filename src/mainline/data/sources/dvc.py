"""Files that DVC tracks: `.dvc` files name them by MD5, a remote holds them under it.

Both formats are small and documented, so they are read here: `dvc` itself would bring 49 packages. A file is taken from
the checkout where it is what its `.dvc` file says, else from DVC's own cache, else from the remote, and is checked each
time. A remote that this cannot read (ssh, Google Drive, …) needs `dvc pull` before.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from mainline.data.sources import partitions
from mainline.data.sources.declaration import Request, source
from mainline.data.sources.dvc_remote import FETCHES, Remote, cache_folder, remote_of
from mainline.data.sources.files import nearest
from mainline.data.sources.formats import Files, Reading, one_format
from mainline.errors import ConfigurationError, DataError
from mainline.runtime.atomic_files import replacing
from mainline.runtime.file_digests import expand

if TYPE_CHECKING:
    from mainline.config.schema import Source

ENDING = ".dvc"


@dataclass(frozen=True)
class Tracked:
    """One file that DVC tracks: where it belongs in the checkout, and its content's MD5."""

    path: Path
    below: PurePosixPath  # the name within the folder that is tracked, or the file's own name
    md5: str
    legacy: bool  # written by DVC 2: the remote has another layout, and an MD5 may be of other line ends


@source("dvc")
def collect(settings: Source, request: Request) -> Files:
    """The tracked files, as they are in this commit.

    Raises
    ------
    ConfigurationError
        Where a `.dvc` file cannot be read, or there is no such remote.
    DataError
        Where there is no `.dvc` file, or the remote lacks an object, or has another content under its name.
    ExternalError
        Where the remote cannot be reached.
    """
    where, pattern = f"data.sources.{request.table}.dvc", str(settings.dvc)
    notes = [path for path in expand(pattern, request.root) if path.name.endswith(ENDING)]
    if not notes:
        hint = f"; did you mean {pattern}{ENDING}?" if expand(f"{pattern}{ENDING}", request.root) else ""
        raise DataError(f"{where}: no .dvc file matches {pattern}{hint or nearest(pattern, request.root)}")
    remote = remote_of(where, settings.remote, request.root)
    tracked = [each for note in notes for each in tracked_by(where, note, request, remote)]
    wanted = settings.files
    chosen = [each for each in tracked if wanted is None or fnmatch.fnmatch(str(each.below), wanted)]
    if not chosen:
        there = ", ".join(str(each.below) for each in tracked[:5])
        raise DataError(f"{where}: no tracked file matches {wanted}; there are {there}")
    kind = settings.file_format or one_format(request.table, [each.path.name for each in chosen])
    with ThreadPoolExecutor(FETCHES) as pool:
        paths = list(pool.map(lambda each: brought(where, each, request, remote), chosen))
    origins = {path: shown(each.path, request.root) for path, each in zip(paths, chosen, strict=True)}
    reading = Reading(partitions=partitions.types_of([Path(each.below) for each in chosen]))
    return Files(request.table, paths, kind, origins, reading)


def tracked_by(where: str, note: Path, request: Request, remote: Remote | None) -> Iterator[Tracked]:
    """The files of one `.dvc` file; of a folder, those that its list in the cache or the remote names."""
    import yaml

    said = shown(note, request.root)
    try:
        content = yaml.safe_load(note.read_text(encoding="utf-8"))
        outs = [(str(out["path"]), str(out["md5"]), out.get("hash") != "md5") for out in content["outs"]]
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise ConfigurationError(f"{where}: {said} is no .dvc file with `outs` of path and md5 ({error!r})") from None
    for name, md5, legacy in outs:
        path = note.parent / name
        if not md5.endswith(".dir"):
            yield Tracked(path, PurePosixPath(path.name), md5, legacy)
            continue
        listing = Tracked(path, PurePosixPath(f"{path.name}.dir"), md5, legacy)
        members: list[Any] = json.loads(brought(where, listing, request, remote).read_text(encoding="utf-8"))
        for each in sorted(members, key=lambda each: str(each["relpath"])):
            below = PurePosixPath(each["relpath"])
            if below.is_absolute() or ".." in below.parts:
                raise DataError(f"{where}: {said} names {below}, which is outside of its folder")
            yield Tracked(path / below, below, str(each["md5"]), legacy)


def brought(where: str, file: Tracked, request: Request, remote: Remote | None) -> Path:
    """The file with the content that its `.dvc` file says; from the remote, it is kept in the cache."""
    if is_content(file.path, file):
        return file.path
    target = request.cache / "dvc" / file.md5[:2] / file.md5[2:] / file.below
    if target.exists():
        return target
    own = cache_folder(request.root) / file_name(file)
    with replacing(target) as part:
        if is_content(own, file):
            part.write_bytes(own.read_bytes())
        elif remote is None:
            raise DataError(
                f"{where}: {shown(file.path, request.root)} is not here as {file.md5}, and there is no DVC remote: "
                "run `dvc pull`, or name one in .dvc/config"
            )
        else:
            remote.fetch(where, shown(file.path, request.root), file_name(file), part)
            found = md5_of(part)
            if found != file.md5.removesuffix(".dir") and not file.legacy:
                raise DataError(
                    f"{where}: {shown(file.path, request.root)} must have the MD5 {file.md5}, {remote.shown} has a "
                    f"file with {found} under that name: the remote is damaged"
                )
    return target


def file_name(file: Tracked) -> str:
    name = f"{file.md5[:2]}/{file.md5[2:]}"
    return name if file.legacy else f"files/md5/{name}"


def is_content(path: Path, file: Tracked) -> bool:
    return path.is_file() and md5_of(path) == file.md5.removesuffix(".dir")


def md5_of(path: Path) -> str:
    with open(path, "rb") as opened:
        return hashlib.file_digest(opened, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def shown(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
