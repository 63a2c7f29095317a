"""CML's program gets a token that writes: which one is run, and how often, with a web server in its releases' place."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from mainline.github.comment import cml_program
from mainline.github.comment.cml_program import ADDRESS, COMMAND, DIGEST, MIRROR, VERSION, program
from tests.servers import Site, site

__all__ = ["site"]
CONTENT = b"#!/bin/sh\ntouch ran\n"
RIGHT = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def given(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The job's variables; its checkout is empty."""
    (site.folder / "cml").write_bytes(CONTENT)
    (tmp_path / "job").mkdir()
    monkeypatch.chdir(tmp_path / "job")
    return {MIRROR: f"{site.url}/cml", DIGEST: RIGHT}


def left() -> list[str]:
    return [path.name for path in Path(".cml").glob("*")]


def test_the_program_with_the_digest_is_downloaded_once_and_can_be_run(site: Site, given: dict[str, str]) -> None:
    for _ in range(2):
        found, why = program(given)
        assert why == ""
        assert found
        assert found.read_bytes() == CONTENT
        assert found.stat().st_mode & 0o100
    assert site.requests == ["GET /cml"]


@pytest.mark.parametrize("digest", ["none", "latest"])
def test_with_a_word_that_is_no_digest_nothing_is_downloaded(site: Site, given: dict[str, str], digest: str) -> None:
    found, why = program({**given, DIGEST: digest})
    assert found is None
    assert DIGEST in why
    assert (site.requests, left()) == ([], [])


def test_another_program_is_refused_and_not_kept(site: Site, given: dict[str, str]) -> None:
    (site.folder / "cml").write_bytes(b"#!/bin/sh\nanother\n")
    found, why = program(given)
    assert found is None
    assert why.endswith(f"and not that of {DIGEST}")
    assert left() == []


def test_another_program_in_the_cache_is_replaced_by_the_right_one(site: Site, given: dict[str, str]) -> None:
    """Any job of the default branch can write a cache."""
    kept = Path(".cml", f"cml-{VERSION}")
    kept.parent.mkdir()
    kept.write_bytes(b"another")
    found, _ = program(given)
    assert found
    assert found.read_bytes() == CONTENT


def test_what_cannot_be_downloaded_is_said_and_leaves_nothing(
    site: Site, given: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    site.status = 429
    assert program(given) == (None, "CML could not be downloaded: HTTP Error 429: Too Many Requests")
    site.status = None
    found, why = program({**given, MIRROR: f"file://{site.folder}/cml"})
    assert (found, why.endswith("is no address of the web")) == (None, True)
    monkeypatch.setattr(cml_program, "LARGEST", 5)
    found, why = program(given)
    assert (found, "more than" in why) == (None, True)
    assert left() == []


@pytest.mark.parametrize(
    ("digest", "refused", "by_cml", "downloads"),
    [(RIGHT, False, 50, 1), (RIGHT, True, 0, 50), ("none", False, 0, 0), ("0" * 64, False, 0, 50)],
    ids=["the digest is set", "and its address answers 429", "the API is to post", "another program is there"],
)
def test_of_fifty_comments_cml_posts_all_or_the_api_does(
    site: Site, given: dict[str, str], digest: str, refused: bool, by_cml: int, downloads: int
) -> None:
    """Fifty runs with the folder that the cache keeps: GitHub's API is not asked, so its limits do not count."""
    site.status = 429 if refused else None
    found = [program({**given, DIGEST: digest})[0] for _ in range(50)]
    assert sum(each is not None for each in found) == by_cml
    assert len(site.requests) == downloads


def test_the_command_that_sets_the_digest_reads_the_address_that_is_downloaded() -> None:
    assert VERSION in ADDRESS
    assert f"gh variable set {DIGEST}" in COMMAND
    assert f" {ADDRESS} | sha256sum" in COMMAND
