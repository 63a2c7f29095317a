"""One digest for two kinds of processor, by an engine that runs only one of them."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mainline.errors import ConfigurationError, ExternalError
from mainline.packaging import image as build
from mainline.packaging import platforms
from mainline.packaging.engine import Engine
from mainline.registry.oci import MANIFESTS, Repository
from tests.container.conftest import base_image
from tests.exports import Export
from tests.projects import TOP
from tests.servers import Oci

pytestmark = pytest.mark.slow

BOTH = "linux/amd64 linux/arm64"
AARCH64 = 183  # e_machine of ELF


def other(made: str) -> str:
    return "linux/arm64" if made == "linux/amd64" else "linux/amd64"


@pytest.fixture(scope="module")
def base(docker: Engine, oci_registry: Oci, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base image of two platforms: that of the machine, and of the other one an image with a file in it.

    Nothing of the other one's is run: its own stage only copies.
    """
    base_image(docker)
    folder, here = tmp_path_factory.mktemp("base"), platforms.own(docker)
    reference = f"{oci_registry.host}/base/python"
    docker.run("tag", build.matching_base(), f"{reference}:own")
    own = build.push(docker, reference, f"{reference}:own")
    held = Repository(reference)
    layer = folder / "layer.tar"
    with tarfile.open(layer, "w") as archive:
        archive.addfile(tarfile.TarInfo("etc/other"), io.BytesIO())
    digest = hashlib.sha256(layer.read_bytes()).hexdigest()
    config = folder / "config.json"
    system, _, processor = other(here).partition("/")
    content = {"architecture": processor, "os": system, "config": {}, "rootfs": {"type": "layers", "diff_ids": []}}
    content["rootfs"]["diff_ids"] = [f"sha256:{digest}"]  # type: ignore[index]
    config.write_text(json.dumps(content))
    kinds = "application/vnd.docker.image.rootfs.diff.tar", "application/vnd.docker.container.image.v1+json"
    parts = [{key: held.put_blob(path, kind)[key] for key in ("mediaType", "digest", "size")}
             for path, kind in zip((layer, config), kinds, strict=True)]  # fmt: skip
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    body = json.dumps({"schemaVersion": 2, "mediaType": kind, "config": parts[1], "layers": parts[:1]}).encode()
    held.ask("PUT", "manifests/other", data=body, headers={"Content-Type": kind})
    index = platforms.joined(reference, "both", {here: own, other(here): f"sha256:{hashlib.sha256(body).hexdigest()}"})
    yield f"{reference}@{index}"
    docker.attempt("rmi", f"{reference}:own", f"{reference}@{own}")


def manifest(repository: str, digest: str) -> dict[str, Any]:
    answer = Repository(repository).ask("GET", f"manifests/{digest}", accept=MANIFESTS)
    assert answer is not None
    found: dict[str, Any] = json.loads(answer.content)
    return found


def blob(repository: str, digest: str) -> bytes:
    answer = Repository(repository).ask("GET", f"blobs/{digest}")
    found: bytes = answer.content
    return found


def machines(repository: str, described: dict[str, Any]) -> set[int]:
    """The processors of an image's libraries, by the number in their first bytes."""
    found = set()
    for layer in described["layers"]:
        with tarfile.open(fileobj=io.BytesIO(blob(repository, layer["digest"]))) as archive:
            for member in archive:
                if member.name.startswith("app/.venv/") and ".so" in Path(member.name).suffixes:
                    file = archive.extractfile(member)
                    found.add(int.from_bytes(file.read(20)[18:20], "little") if file else -1)
    return found


def test_one_digest_has_an_image_for_each_platform_with_its_own_packages(
    docker: Engine, made: Export, base: str, oci_registry: Oci
) -> None:
    repository = f"{oci_registry.host}/team/both"
    environment = {**os.environ, "MAINLINE_PLATFORMS": BOTH, "MAINLINE_BASE": base}
    image = build.build(docker, TOP, made.folder, repository, environment)
    index = manifest(repository, image.digest)
    assert [each["platform"]["architecture"] for each in index["manifests"]] == ["amd64", "arm64"]
    number = {"amd64": 62, "arm64": AARCH64}
    layers = []
    for each in index["manifests"]:
        described = manifest(repository, each["digest"])
        config = json.loads(blob(repository, described["config"]["digest"]))
        assert config["architecture"] == each["platform"]["architecture"]
        assert config["config"]["Labels"]["mainline.fingerprint"] == made.record.fingerprint
        assert machines(repository, described) == {number[config["architecture"]]}
        layers.append(config["rootfs"]["diff_ids"])
    assert layers[0][-1] == layers[1][-1]  # the model
    # The engine takes its own, which answers; and it is in the papers.
    said = docker.run(
        "run", "--rm", "--network=none", image.reference, "python", "-c", "import platform; print(platform.machine())"
    )
    assert said in ("x86_64", "aarch64")
    assert image.labels["org.opencontainers.image.base.name"] == base
    before = build.inputs(TOP, made.folder, {**environment, "MAINLINE_PLATFORMS": ""})
    assert build.inputs(TOP, made.folder, environment) != before
    docker.attempt(
        "rmi", image.reference, *(f"{repository}:{made.signature.fingerprint[:12]}-{name}" for name in number)
    )


def test_without_a_registry_it_is_for_this_machine_alone_and_said(docker: Engine, made: Export) -> None:
    base_image(docker)
    image = build.build(docker, TOP, made.folder, None, {**os.environ, "MAINLINE_PLATFORMS": BOTH})
    assert image.note is not None
    assert "for this machine's processor alone: MAINLINE_PLATFORMS needs a registry" in image.note
    assert build.build(docker, TOP, made.folder, None, {**os.environ}).note is None


def test_a_platform_that_the_base_does_not_have_is_named(docker: Engine, made: Export, oci_registry: Oci) -> None:
    base_image(docker)
    environment = {**os.environ, "MAINLINE_PLATFORMS": BOTH, "MAINLINE_BASE": f"{oci_registry.host}/base/none"}
    missing = other(platforms.own(docker))
    with pytest.raises(ExternalError, match=f"MAINLINE_PLATFORMS: .*/base/none has no image for {missing}"):
        build.build(docker, TOP, made.folder, f"{oci_registry.host}/team/none", environment)


def test_an_unknown_platform_is_a_wrong_call() -> None:
    with pytest.raises(ConfigurationError, match="linux/riscv64 is not known: there are linux/amd64, linux/arm64"):
        platforms.wanted({"MAINLINE_PLATFORMS": "linux/amd64,linux/riscv64"})
