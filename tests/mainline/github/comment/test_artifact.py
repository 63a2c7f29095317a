"""An archive that a stranger made: what is wrong with it is said, and nothing of it reaches the disk."""

from __future__ import annotations

import io
import json
import stat
import struct
import tracemalloc
import zipfile

import pytest

from mainline.errors import Refused
from mainline.github.comment.artifact import MOST_FILES, READ, Claim, unpack
from tests.github.state import zipped


def test_the_report_and_the_claim_are_found() -> None:
    claim = {"pull_request": 7, "head_sha": "ab" * 20, "run_id": 12, "run_attempt": 2}
    found = unpack(zipped({"report.md": "# ✅", "verdict.json": "{}", "review.json": json.dumps(claim)}))
    assert found.report == "# ✅"
    assert found.claim == Claim(7, "ab" * 20, 12, 2)
    assert found.notes == ()


def test_a_push_claims_no_pull_request() -> None:
    found = unpack(zipped({"report.md": "x", "review.json": '{"pull_request": null, "run_id": "12"}'}))
    assert found.claim == Claim(None, None, 12, None)
    assert unpack(zipped({"report.md": "x"})).claim == Claim(None, None, None, None)


@pytest.mark.parametrize(
    "name",
    [
        "../report.md",
        "/etc/passwd",
        "a/../../b",
        "..\\report.md",
        "C:report.md",
        "\\\\host\\x",
        "./../report.md",
    ],
)
def test_a_path_that_leads_out_is_refused(name: str) -> None:
    with pytest.raises(Refused, match="leads out of it"):
        unpack(zipped({"report.md": "x", name: "y"}))


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_a_link_or_a_device_is_refused(kind: int) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        member = zipfile.ZipInfo("report.md")
        member.create_system = 3
        member.external_attr = (kind | 0o777) << 16
        archive.writestr(member, "/etc/passwd")
    with pytest.raises(Refused, match="no file"):
        unpack(content.getvalue())


def test_a_bomb_that_says_its_size_is_refused_before_it_is_unpacked() -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("report.md", "w") as member:
        for _ in range(70):
            member.write(b"\0" * (1 << 20))
    assert len(content.getvalue()) < 100_000
    with pytest.raises(Refused, match="unpacks to 70 MB"):
        unpack(content.getvalue())


def test_a_bomb_that_hides_its_size_unpacks_to_one_megabyte() -> None:
    whole = zipped({"report.md": "x" * (40 << 20)})
    # The size in the central directory, which zipfile believes, is made small.
    place = whole.rindex(b"PK\1\2") + 24
    lying = whole[:place] + struct.pack("<L", 50 << 20) + whole[place + 4 :]
    for archive in (whole, lying):
        tracemalloc.start()
        try:
            assert len(unpack(archive).report) == READ
            assert tracemalloc.get_traced_memory()[1] < 12 << 20
        finally:
            tracemalloc.stop()


def test_an_archive_in_an_archive_is_not_opened() -> None:
    with pytest.raises(Refused, match=r"no report\.md"):
        unpack(zipped({"report.zip": zipped({"report.md": "x"})}))


def test_too_many_files_and_too_many_bytes_are_refused() -> None:
    with pytest.raises(Refused, match="21 files"):
        unpack(zipped({str(number): "" for number in range(MOST_FILES + 1)}))
    with pytest.raises(Refused, match="larger than 8 MB"):
        unpack(b"PK" * (5 << 20))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_reports_in_one_archive_are_refused() -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("report.md", "what is checked")
        archive.writestr("report.md", "what is posted")
    with pytest.raises(Refused, match="twice"):
        unpack(content.getvalue())


def broken(archive: bytes) -> list[bytes]:
    encrypted = bytearray(archive)
    encrypted[6] |= 1
    encrypted[encrypted.rindex(b"PK\1\2") + 8] |= 1
    method = bytearray(archive)
    method[8] = 99
    method[method.rindex(b"PK\1\2") + 10] = 99
    damaged = bytearray(archive)
    damaged[45] ^= 0xFF
    return [b"", b"no archive", archive[:-30], bytes(encrypted), bytes(method), bytes(damaged)]


@pytest.mark.parametrize("archive", broken(zipped({"report.md": "a report of some length " * 9})))
def test_what_is_no_readable_archive_is_refused(archive: bytes) -> None:
    with pytest.raises(Refused, match="no readable zip archive"):
        unpack(archive)


def test_text_that_is_not_utf8_is_shown_as_far_as_it_goes_and_noted() -> None:
    found = unpack(zipped({"report.md": b"good \xff\xfe bad"}))
    assert found.report == "good \ufffd\ufffd bad"
    assert found.notes == ("report.md is not UTF-8 (byte 5): parts are unreadable",)


def test_a_cut_in_the_middle_of_a_character_is_no_fault_of_the_report() -> None:
    assert unpack(zipped({"report.md": "é" * 1_000 + "\n" + "x" + "é" * READ})).notes == ()
    assert unpack(zipped({"report.md": "x" + "é" * READ})).notes == ()


@pytest.mark.parametrize(
    "claim",
    [
        "no json",
        "[]",
        '{"pull_request": "7 "}',
        '{"pull_request": true}',
        '{"run_id": 1.5}',
        '{"head_sha": 7}',
        "[" * 9_999,
    ],
)
def test_a_claim_that_is_none_is_refused(claim: str) -> None:
    with pytest.raises(Refused, match=r"review\.json"):
        unpack(zipped({"report.md": "x", "review.json": claim}))
