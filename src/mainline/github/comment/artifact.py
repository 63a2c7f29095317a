"""What the review left for us: an archive that a stranger may have made, opened in memory and nowhere else."""

from __future__ import annotations

import codecs
import io
import json
import stat
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from mainline.errors import Refused

LARGEST_ARCHIVE = 8 << 20  # compressed bytes; a report has 20 kB
LARGEST_FILE = 64 << 20  # as declared: more is no text, but an attempt to fill the memory
READ = 1 << 20  # of a file that is kept: sixteen comments' worth
MOST_FILES = 20


@dataclass(frozen=True)
class Claim:
    """What the archive says of itself. Believed of nothing: only compared with what GitHub says."""

    pull_request: int | None
    head_sha: str | None
    run_id: int | None
    run_attempt: int | None


@dataclass(frozen=True)
class Bundle:
    report: str
    claim: Claim
    notes: tuple[str, ...] = ()


def unpack(archive: bytes) -> Bundle:
    """The report and the claim in a downloaded artifact.

    Raises
    ------
    Refused
        Where the archive is no archive, is too large, or holds names or files that no review makes.
    """
    if len(archive) > LARGEST_ARCHIVE:
        raise Refused(f"the artifact is larger than {LARGEST_ARCHIVE >> 20} MB")
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            members = _checked(opened.infolist())
            if "report.md" not in members:
                raise Refused("the artifact holds no report.md")
            text, notes = _text(_read(opened, members["report.md"]))
            claim = _claim(_read(opened, members["review.json"])) if "review.json" in members else Claim(*[None] * 4)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise Refused(f"the artifact is no readable zip archive: {error}") from error
    return Bundle(text, claim, notes)


def _checked(members: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    if len(members) > MOST_FILES:
        raise Refused(f"the artifact holds {len(members)} files, a review leaves three")
    found: dict[str, zipfile.ZipInfo] = {}
    for member in members:
        name = member.orig_filename
        path = PurePosixPath(name)
        kind = stat.S_IFMT(member.external_attr >> 16)
        if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or "\0" in name:
            raise Refused(f"the artifact holds a path that leads out of it: {name[:80]!r}")
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise Refused(f"the artifact holds something that is no file: {name[:80]!r}")
        if member.file_size > LARGEST_FILE:
            raise Refused(f"{name[:80]!r} in the artifact unpacks to {member.file_size >> 20} MB")
        if name in found:
            raise Refused(f"the artifact holds {name[:80]!r} twice")
        found[name] = member
    return found


def _read(opened: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """The beginning of a file: no more is unpacked, whatever the archive says of its size."""
    with opened.open(member) as stream:
        return stream.read(READ)


def _text(content: bytes) -> tuple[str, tuple[str, ...]]:
    cut = len(content) == READ
    try:
        return codecs.getincrementaldecoder("utf-8")().decode(content, final=not cut), ()
    except UnicodeDecodeError as error:
        note = f"report.md is not UTF-8 (byte {error.start}): parts are unreadable"
        return content.decode("utf-8", "replace"), (note,)


def _claim(content: bytes) -> Claim:
    try:
        found: Any = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Refused(f"review.json in the artifact is no JSON: {str(error)[:80]}") from error
    if not isinstance(found, dict):
        raise Refused("review.json in the artifact is no object")
    sha = found.get("head_sha")
    if not (sha is None or isinstance(sha, str)):
        raise Refused("review.json in the artifact has a head_sha that is no text")
    return Claim(_number(found, "pull_request"), sha, _number(found, "run_id"), _number(found, "run_attempt"))


def _number(found: dict[str, Any], name: str) -> int | None:
    value = found.get(name)
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:  # as a shell writes it
        return int(value)
    raise Refused(f"review.json in the artifact has a {name} that is no number")
