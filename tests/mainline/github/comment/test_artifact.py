"""An archive that a stranger made: what is wrong with it is said, and nothing of it reaches the disk."""

from __future__ import annotations

import io
import json
import stat
import struct
import tracemalloc
import zipfile
from typing import Any

import pytest

from mainline.errors import Refused
from mainline.github.comment.artifact import MOST_FILES, Claim, unpack
from mainline.report import report_json
from tests.github.state import zipped
from tests.mainline.report import samples

REPORT = report_json.to_json(samples.flights())


def test_the_report_and_the_claim_are_found() -> None:
    claim = {"pull_request": 7, "head_sha": "ab" * 20, "run_id": 12, "run_attempt": 2}
    found = unpack(zipped({"report.json": REPORT, "verdict.json": "{}", "review.json": json.dumps(claim)}))
    assert found.report == samples.flights()
    assert found.claim == Claim(7, "ab" * 20, 12, 2)


def test_a_push_claims_no_pull_request() -> None:
    found = unpack(zipped({"report.json": REPORT, "review.json": '{"pull_request": null, "run_id": "12"}'}))
    assert found.claim == Claim(None, None, 12, None)
    assert unpack(zipped({"report.json": REPORT})).claim == Claim(None, None, None, None)


def test_an_artifact_of_an_older_version_has_a_claim_and_no_report() -> None:
    found = unpack(zipped({"report.md": "# ✅", "review.json": '{"run_id": 12}'}))
    assert (found.report, found.claim) == (None, Claim(run_id=12))


@pytest.mark.parametrize(
    "name",
    [
        "../report.json",
        "/etc/passwd",
        "a/../../b",
        "..\\report.json",
        "C:report.json",
        "\\\\host\\x",
        "./../report.json",
    ],
)
def test_a_path_that_leads_out_is_refused(name: str) -> None:
    with pytest.raises(Refused, match="leads out of it"):
        unpack(zipped({"report.json": REPORT, name: "y"}))


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_a_link_or_a_device_is_refused(kind: int) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        member = zipfile.ZipInfo("report.json")
        member.create_system = 3
        member.external_attr = (kind | 0o777) << 16
        archive.writestr(member, "/etc/passwd")
    with pytest.raises(Refused, match="no file"):
        unpack(content.getvalue())


@pytest.mark.slow
def test_a_bomb_that_says_its_size_is_refused_before_it_is_unpacked() -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("report.json", "w") as member:
        for _ in range(70):
            member.write(b"\0" * (1 << 20))
    assert len(content.getvalue()) < 100_000
    with pytest.raises(Refused, match="unpacks to 70 MB"):
        unpack(content.getvalue())


@pytest.mark.slow
def test_a_bomb_that_hides_its_size_is_unpacked_to_eight_megabytes_and_refused() -> None:
    whole = zipped({"report.json": " " * (40 << 20)})
    # The size in the central directory, which zipfile believes, is made small.
    place = whole.rindex(b"PK\1\2") + 24
    lying = whole[:place] + struct.pack("<L", 50 << 20) + whole[place + 4 :]
    for archive in (whole, lying):
        tracemalloc.start()
        try:
            with pytest.raises(Refused, match="more than 8 MB"):
                unpack(archive)
            assert tracemalloc.get_traced_memory()[1] < 30 << 20
        finally:
            tracemalloc.stop()


def test_an_archive_in_an_archive_is_not_opened() -> None:
    with pytest.raises(Refused, match=r"no report\.json"):
        unpack(zipped({"report.zip": zipped({"report.json": REPORT})}))


def test_too_many_files_and_too_many_bytes_are_refused() -> None:
    with pytest.raises(Refused, match="21 files"):
        unpack(zipped({str(number): "" for number in range(MOST_FILES + 1)}))
    with pytest.raises(Refused, match="larger than 8 MB"):
        unpack(b"PK" * (5 << 20))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_reports_in_one_archive_are_refused() -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("report.json", REPORT)
        archive.writestr("report.json", "{}")
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


@pytest.mark.parametrize("archive", broken(zipped({"report.json": "a report of some length " * 9})))
def test_what_is_no_readable_archive_is_refused(archive: bytes) -> None:
    with pytest.raises(Refused, match="no readable zip archive"):
        unpack(archive)


def test_text_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(Refused, match=r"report\.json in the artifact is not valid: not JSON"):
        unpack(zipped({"report.json": b"\xff" + REPORT.encode()}))


@pytest.mark.parametrize(
    ("path", "value", "why"),
    [
        (["passed"], 1, "report.passed: 1 is not true or false"),
        (["passed"], None, "report.passed: null is not true or false"),
        (["outcome"], "excellent", "report.outcome: 'excellent' is not one of better, no_worse"),
        (["metrics", 0, "candidate", "value"], "<b>", "report.metrics[0].candidate.value: '<b>' is not a number"),
        (["metrics", 0, "name"], ["roc_auc"], "report.metrics[0].name: a list is not text"),
        (["metrics"], {}, "report.metrics: an object is not a list"),
        (["candidate", "train_seconds"], True, "report.candidate.train_seconds: True is not a number"),
        (["candidate", "html"], "<script>", "report.candidate.html: unknown key"),
        (["rows", "train"], 10**30, "report.rows.train: a number beyond 2^53"),
        (["rows", "train"], 1.5, "report.rows.train: 1.5 is not a number"),
        (["notes"], ["x" * 4_001], "report.notes[0]: a text of 4,001 characters, at most 4,000"),
        (["notes"], ["x"] * 10_001, "report.notes: 10,001 items, at most 10,000"),
        (["validation", "expectations", 0, "examples"], [{"a": {"b": "c"}}], "examples[0].a: an object is not a plain"),
        (["baseline"], [], "report.baseline: a list is not an object"),
    ],
)
def test_a_value_of_another_type_is_refused_by_its_path(path: list[str | int], value: Any, why: str) -> None:
    content = json.loads(REPORT)
    place = content["report"]
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(Refused) as refused:
        unpack(zipped({"report.json": json.dumps(content)}))
    assert why in str(refused.value)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('"passed": true', '"passed": true, "passed": false', "a key occurs twice"),
        ('"label_coverage": 0.9795', '"label_coverage": NaN', "NaN is not JSON"),
        ('"label_coverage": 0.9795', '"label_coverage": 1e999', "label_coverage: a number that is too large"),
        ('"label_coverage": 0.9795', '"label_coverage": 1' + "0" * 9_999, "not JSON"),
        ('"label_coverage": 0.9795', '"label_coverage": ' + "[" * 99_999, "not JSON"),
        ('"format": 1', '"format": true', "format: 'True'"),
        ('"kind": "review"', '"kind": "html"', "kind: 'html' is not one of review, unchanged, stopped"),
        ('"kind": "review"', '"kind": ["review"]', "kind:"),
        ('"format": 1,', '"format": 1, "more": 1,', "the keys must be"),
    ],
)
def test_what_is_no_report_is_refused(old: str, new: str, why: str) -> None:
    assert old in REPORT
    with pytest.raises(Refused) as refused:
        unpack(zipped({"report.json": REPORT.replace(old, new, 1)}))
    assert why in str(refused.value)


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
        unpack(zipped({"report.json": REPORT, "review.json": claim}))
