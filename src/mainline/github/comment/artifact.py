"""What the review left for us: an archive that anyone may have made, opened in memory and nowhere else."""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from mainline.errors import Refused
from mainline.report import report_json
from mainline.report.report_json import Report
from mainline.runtime import typed_json
from mainline.runtime.typed_json import InvalidJson

LARGEST_ARCHIVE = 8 << 20  # compressed bytes; a report has 20 kB
LARGEST_FILE = 64 << 20  # as declared: more is no report, but an attempt to fill the memory
LARGEST_CLAIM = 1 << 20  # bytes that are read of review.json
MOST_FILES = 20
CLAIM = "review.json"
FORMER = "report.md"  # all that a report was before report.json: Markdown, which is not posted


@dataclass(frozen=True)
class Claim:
    """What the archive says about itself. None of it is believed: it is only compared with what GitHub says."""

    pull_request: int | None = None
    head_sha: str | None = None
    run_id: int | None = None
    run_attempt: int | None = None


@dataclass(frozen=True)
class Artifact:
    """`report` is None where an older version of the code left only Markdown."""

    report: Report | None
    claim: Claim


def unpack(archive: bytes) -> Artifact:
    """The report and the claim in a downloaded artifact.

    Raises
    ------
    Refused
        Where the archive is not readable, is too large, has names or files that no review makes, or the report in
        it is not valid.
    """
    if len(archive) > LARGEST_ARCHIVE:
        raise Refused(f"the artifact is larger than {LARGEST_ARCHIVE >> 20} MB")
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            members = _checked(opened.infolist())
            content = _read(opened, members, report_json.FILE, report_json.LARGEST)
            claim = _read(opened, members, CLAIM, LARGEST_CLAIM)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise Refused(f"the artifact is no readable zip archive: {error}") from error
    if content is None and FORMER not in members:
        raise Refused(f"the artifact holds no {report_json.FILE}")
    report = None if content is None else _report(content)
    return Artifact(report, Claim() if claim is None else _claim(claim))


def _checked(members: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    if len(members) > MOST_FILES:
        raise Refused(f"the artifact holds {len(members)} files, a review leaves four")
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


def _read(opened: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], name: str, limit: int) -> bytes | None:
    """A file's content, and of a longer one a byte beyond the limit, whatever the archive says about its size."""
    if name not in members:
        return None
    with opened.open(members[name]) as stream:
        return stream.read(limit + 1)


def _report(content: bytes) -> Report:
    try:
        return report_json.from_json(content)
    except InvalidJson as error:
        raise Refused(f"{report_json.FILE} in the artifact is not valid: {error}") from error


def _claim(content: bytes) -> Claim:
    if len(content) > LARGEST_CLAIM:
        raise Refused(f"{CLAIM} in the artifact is larger than {LARGEST_CLAIM >> 20} MB")
    try:
        found: Any = typed_json.parse(content)
    except InvalidJson as error:
        raise Refused(f"{CLAIM} in the artifact is not valid: {error}") from error
    if not isinstance(found, dict):
        raise Refused(f"{CLAIM} in the artifact is no object")
    sha = found.get("head_sha")
    if not (sha is None or isinstance(sha, str)):
        raise Refused(f"{CLAIM} in the artifact has a head_sha that is no text")
    return Claim(_number(found, "pull_request"), sha, _number(found, "run_id"), _number(found, "run_attempt"))


def _number(found: dict[str, Any], name: str) -> int | None:
    value = found.get(name)
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:  # as a shell writes it
        return int(value)
    raise Refused(f"{CLAIM} in the artifact has a {name} that is no number")
