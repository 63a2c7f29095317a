"""An image that one job builds and another pushes: the digest that was staged is the one in the registry."""

from __future__ import annotations

import json
import secrets
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from mainline.errors import ExternalError
from mainline.github.image_push.__main__ import main
from mainline.packaging import image, image_layout
from mainline.packaging.engine import Engine
from mainline.registry.oci import MANIFESTS, Repository, sha256
from mainline.registry.oci_push import read
from tests.container.conftest import docker
from tests.servers import REGISTRY_LOGIN, Oci, locked_registry

__all__ = ["docker", "locked_registry"]
pytestmark = pytest.mark.slow

TAGS = ("0123456789ab", f"staged-{'c' * 32}")


class Left(NamedTuple):
    folder: Path
    digest: str


@pytest.fixture(scope="module")
def left(docker: Engine, tmp_path_factory: pytest.TempPathFactory) -> Left:
    """What the job that builds leaves, of an image without a base."""
    folder = tmp_path_factory.mktemp("layout")
    (folder / "context").mkdir()
    (folder / "context" / "Dockerfile").write_text("FROM scratch\nCOPY file /file\nLABEL mainline.model=here\n")
    (folder / "context" / "file").write_bytes(bytes(range(256)) * 1000)
    with image_layout.registry() as (host, store):
        tag = f"{host}/team/model:{TAGS[0]}"
        docker.run("build", "--tag", tag, str(folder / "context"))
        digest = image.push(docker, f"{host}/team/model", tag)
        # As the parts of an image for several platforms are fetched, and as the engine takes an image by its digest.
        assert Repository(f"{host}/team/model").ask("GET", f"manifests/{digest}", accept=MANIFESTS) is not None
        docker.run("pull", "--quiet", f"{host}/team/model@{digest}")
        image_layout.write(store, digest, TAGS, folder / "image")
        unknown = store.blob(read(folder / "image")[0][0].digest)
        unknown.rename(unknown.with_suffix(".gone"))
        with pytest.raises(ExternalError, match="has not pushed sha256:"):
            image_layout.write(store, digest, TAGS, folder / "other")
        assert not (folder / "other").exists(), "nothing half-written"
    docker.attempt("rmi", tag, f"{host}/team/model@{digest}")
    return Left(folder / "image", digest)


def test_a_large_layer_is_compressed_once_and_what_was_kept_of_it_is_taken_by_its_digest_alone(
    docker: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    taking = image_layout.Handler.do_POST
    monkeypatch.setattr(image_layout.Handler, "do_POST", lambda self: (sent.append(self.path), taking(self)))
    kept, content = tmp_path / "kept", tmp_path / "context"
    content.mkdir()
    (content / "Dockerfile").write_text("FROM scratch\nCOPY large /large\nCOPY small /small\n")
    (content / "large").write_bytes(secrets.token_bytes(2 << 20))
    (content / "small").write_text("small")
    docker.run("build", "--tag", (built := f"large:{secrets.token_hex(4)}"), str(content))
    digests = []
    for number in range(3):
        with image_layout.registry(kept) as (host, store):
            docker.run("tag", built, (tag := f"{host}/team/large:{number}"))
            digests.append(image.push(docker, f"{host}/team/large", tag))
            image_layout.write(store, digests[-1], TAGS, tmp_path / "image")
        docker.attempt("rmi", tag)
        assert read(tmp_path / "image")[0][-1].digest == digests[-1], "all of it is there, with these digests"
        (layer,) = kept.iterdir()
        # Two layers and the configuration; then all but the large one; then what was kept is not what it was.
        assert len(sent) == (3, 2, 3)[number]
        sent.clear()
        if number == 1:
            layer.write_bytes(b"other" + layer.read_bytes()[5:])
    docker.attempt("rmi", built)
    assert len({*digests}) == 1
    assert image_layout.digest_of(layer) == f"sha256:{layer.name}", "and it is kept anew"
    monkeypatch.setattr(image_layout, "MOST", 1 << 20)
    store.keep_for_others([])
    assert list(kept.iterdir()) == [], "no more than there is room for"
    layer.mkdir()  # where it cannot be kept, the image is as good
    with image_layout.registry(kept) as (_, store):
        shutil.copy(tmp_path / "image" / "blobs" / "sha256" / layer.name, store.blobs)
        store.keep_for_others([f"sha256:{layer.name}"])
        assert list(kept.iterdir()) == [layer]


def environment(registry: Oci, **more: str) -> dict[str, str]:
    """As push.yml sets it."""
    user, password = REGISTRY_LOGIN
    settings = {"MAINLINE_IMAGE": f"{registry.host}/Team/Image"}
    given = {"SETTINGS": json.dumps(settings), "MAINLINE_REGISTRY_USERNAME": user}
    return {**given, "MAINLINE_REGISTRY_PASSWORD": password, **more}


def in_registry(registry: Oci, tag: str, name: str = "team/image") -> str | None:
    found = Repository(f"{registry.host}/{name}").ask("GET", f"manifests/{tag}", accept=MANIFESTS)
    return None if found is None else sha256(found.content)


def test_what_was_built_is_pushed_to_the_byte_and_runs_from_there(
    left: Left, docker: Engine, locked_registry: Oci, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in zip(("USERNAME", "PASSWORD"), REGISTRY_LOGIN, strict=True):
        monkeypatch.setenv(f"MAINLINE_REGISTRY_{name}", value)
    output = tmp_path / "output"
    given = environment(locked_registry, GITHUB_OUTPUT=str(output))
    pushed, before = [str(left.folder), left.digest], [str(tmp_path / "none"), left.digest]
    assert main(before, given) == 4, "it was never pushed"
    assert main(pushed, given) == 0
    assert output.read_text() == f"image={locked_registry.host}/team/image\nimage-digest={left.digest}\n"
    assert {in_registry(locked_registry, tag) for tag in (*TAGS, left.digest)} == {left.digest}
    assert main(pushed, given) == 0, "again"
    assert main(before, given) == 0, "it is there"
    # One of several models has a repository of its own.
    assert main(pushed, {**given, "MAINLINE_SELECT": "churn"}) == 0
    assert in_registry(locked_registry, TAGS[0], "team/image/churn") == left.digest
    docker.attempt("login", "--username", REGISTRY_LOGIN[0], "--password-stdin", locked_registry.host,
                   given=REGISTRY_LOGIN[1])  # fmt: skip
    reference = f"{locked_registry.host}/team/image@{left.digest}"
    docker.run("pull", "--quiet", reference)
    assert (docker.image(reference) or {})["Config"]["Labels"] == {"mainline.model": "here"}
    docker.attempt("rmi", reference)
    docker.attempt("logout", locked_registry.host)


def test_nothing_else_is_pushed_than_what_was_staged(
    left: Left, locked_registry: Oci, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The folder is an artifact of a job that has run the project's code."""

    def refused(change: str, status: int = 3, digest: str = left.digest, **given: str) -> str:
        folder = tmp_path / change
        shutil.copytree(left.folder, folder)
        index = json.loads((folder / "index.json").read_text())
        entry = index["manifests"][0]
        if change == "tag":
            entry["annotations"][image_layout.NAME] = "production"
        elif change == "path":
            index["manifests"] = [entry | {"digest": "sha256:../../index.json"}]
        elif change == "bytes":
            (folder / "blobs" / "sha256" / read(left.folder)[0][0].digest[7:]).write_bytes(b"other")
        elif change == "two":
            entry["digest"] = f"sha256:{'0' * 64}"
        elif change == "index":
            index = ["nothing"]
        (folder / "index.json").write_text(json.dumps(index))
        settings = json.dumps({"MAINLINE_IMAGE": f"{locked_registry.host}/team/{change}"})
        assert main([str(folder), digest], environment(locked_registry) | {"SETTINGS": settings} | given) == status
        assert not (locked_registry.files / "repositories" / "team" / change).exists(), "nothing of it"
        return capsys.readouterr().out

    assert "tags that no build gives: production" in refused("tag")
    assert "no digest" in refused("path")
    assert "has other bytes" in refused("bytes")
    assert "it names several images" in refused("two")
    assert "is not the layout of an image" in refused("index")
    assert f"and sha256:{'0' * 64} was staged" in refused("digest", digest=f"sha256:{'0' * 64}")
    assert "the digest that was staged are needed" in refused("none", 2, digest="")
    said = refused("password", 4, MAINLINE_REGISTRY_PASSWORD="another")  # pragma: allowlist secret
    assert "the registry answered 401" in said
