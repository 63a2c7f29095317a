"""The calls that CML makes, by a stand-in always and by CML's own command line where it is on the machine."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from mainline.github.client import GitHub
from mainline.github.comment.cml import Cml, api_of
from mainline.github.comment.cml_program import DIGEST, VERSION, sha256
from mainline.github.comment.markers import Marker, title, watermark
from mainline.github.comment.post import post
from tests.github.double import Request
from tests.mainline.github.comment import tls
from tests.mainline.github.comment.scene import Scene, real_report

TITLE = title("review")
HEAD = "d00dfeed" * 5


def stand_in(folder: Path) -> Path:
    """A `cml` for the PATH that does what CML does."""
    place = folder / "bin"
    place.mkdir(parents=True)
    script = place / "cml"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{Path(__file__).with_name("cml.py")}" "$@"\n')
    script.chmod(0o755)
    return script


def real() -> str | None:
    """CML itself: npm's package or its release, installed by whoever wants this test."""
    return shutil.which("cml")


@pytest.fixture(params=["stand-in", pytest.param("CML", marks=pytest.mark.slow)])
def cml(request: pytest.FixtureRequest, scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cml]:
    token = scene.github.token()
    if request.param == "stand-in":
        yield Cml(str(stand_in(tmp_path)), scene.github.api, scene.repository.full_name, token)
        return
    executable = real()
    if executable is None:
        pytest.skip("CML is not on this machine: its command `cml` is not on the PATH")
    with tls.door(urlsplit(scene.github.api).port or 0, tmp_path) as (address, certificate):
        monkeypatch.setenv("NODE_EXTRA_CA_CERTS", str(certificate))
        yield Cml(executable, address, scene.repository.full_name, token)


def client(scene: Scene) -> GitHub:
    return GitHub(scene.github.api, scene.github.token(), scene.repository.full_name, wait=scene.waited.append)


def of_cml(scene: Scene, cml: Cml) -> list[Request]:
    return [one for one in scene.github.requests if one.headers["authorization"] == f"token {cml.token}"]


@pytest.mark.slow
def test_cml_makes_three_kinds_of_calls_and_puts_its_watermark_last(scene: Scene, cml: Cml, tmp_path: Path) -> None:
    number = scene.repository.pull()["number"]
    for body in ("first", "second"):
        assert cml.comment(body, number, TITLE, HEAD, tmp_path) is None
    comments = f"/repos/flights/mainline/issues/{number}/comments"
    (comment,) = scene.repository.comments_on(number)
    called = [(one.method, one.path, one.body) for one in of_cml(scene, cml)]
    assert called == [
        ("GET", comments, None),
        ("POST", comments, {"body": f"first\n\n{watermark(TITLE, HEAD)}"}),
        ("GET", comments, None),
        ("PATCH", f"/repos/flights/mainline/issues/comments/{comment['id']}", {"body": comment["body"]}),
    ]
    assert comment["body"] == f"second\n\n{watermark(TITLE, HEAD)}"
    assert all(one.query == {} for one in of_cml(scene, cml)), "one page of 30, no other"


@pytest.mark.slow
def test_another_workflows_comment_is_another(scene: Scene, cml: Cml, tmp_path: Path) -> None:
    number = scene.repository.pull()["number"]
    for body, name in (("a", "review"), ("b", "monitor"), ("c", "review"), ("d", "review 2")):
        assert cml.comment(body, number, title(name), HEAD, tmp_path) is None
    bodies = [comment["body"].split("\n")[0] for comment in scene.repository.comments_on(number)]
    assert bodies == ["c", "b", "d"]


@pytest.mark.slow
def test_a_real_report_is_posted_by_cml_and_found_again(scene: Scene, cml: Cml, tmp_path: Path) -> None:
    number = scene.repository.pull()["number"]
    for run in (7, 8):
        marker = Marker(run, 1, HEAD)
        posted = post(client(scene), number, f"{marker}\n\n{real_report()}", TITLE, marker, cml, tmp_path)
        assert (posted.by, posted.why_not_cml) == ("CML", "")
    (comment,) = scene.repository.comments_on(number)
    assert comment["body"].startswith(str(marker))
    assert comment["body"].endswith(watermark(TITLE, HEAD))


def test_cml_that_may_not_write_says_so_without_its_token(scene: Scene, cml: Cml, tmp_path: Path) -> None:
    number = scene.repository.pull()["number"]
    failed = cml.comment("x", 404, TITLE, HEAD, tmp_path)
    assert failed is not None
    assert "status" in failed
    assert cml.token not in failed
    assert scene.repository.comments_on(number) == []


def test_cml_leaves_the_settings_of_git_alone(
    scene: Scene, cml: Cml, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GITHUB_ACTOR", "somebody")
    monkeypatch.setenv("CML_COMMENT_PUBLISH", "true")
    assert cml.comment("x", scene.repository.pull()["number"], TITLE, HEAD, tmp_path) is None
    assert list(home.iterdir()) == []


def test_cml_is_used_only_where_it_reaches_the_api_that_we_use(tmp_path: Path) -> None:
    kept = tmp_path / f"cml-{VERSION}"
    shutil.copy(stand_in(tmp_path), kept)
    given = {DIGEST: sha256(kept)}
    there, why = Cml.found("https://api.github.com", "a/b", "token", given, tmp_path)
    assert (there and there.executable, why) == (str(kept), "")
    elsewhere, why = Cml.found("http://127.0.0.1:1", "a/b", "token", given, tmp_path)
    assert elsewhere is None
    assert "the API is at http://127.0.0.1:1" in why
    enterprise = {**given, "GITHUB_SERVER_URL": "https://git.example.org"}
    assert Cml.found("https://git.example.org/api/v3", "a/b", "token", enterprise, tmp_path)[0]
    assert api_of("https://git.example.org") == "https://git.example.org/api/v3"
