"""The tag `production` in a real registry."""

from __future__ import annotations

import hashlib
import json
import secrets

import pytest
import requests

from mainline.errors import ConfigurationError, ExternalError
from mainline.registry.oci import Repository
from mainline.release.targets import select
from mainline.release.targets.registry_tag import TagTarget
from tests.bounds import HANG
from tests.servers import Oci, oci_registry

__all__ = ["oci_registry"]
pytestmark = pytest.mark.slow
DOCKER = "application/vnd.docker.distribution.manifest.v2+json"


@pytest.fixture
def place(oci_registry: Oci) -> str:
    return f"{oci_registry.host}/team/{secrets.token_hex(4)}"


def push(place: str, name: str) -> str:
    """An image of nothing but its configuration, as Docker pushes one: its JSON is not ours to write anew."""
    host, _, path = place.partition("/")
    config = json.dumps({"name": name}).encode()
    digest = f"sha256:{hashlib.sha256(config).hexdigest()}"
    begun = requests.post(f"http://{host}/v2/{path}/blobs/uploads/", timeout=HANG)
    joint = "&" if "?" in begun.headers["Location"] else "?"
    requests.put(f"{begun.headers['Location']}{joint}digest={digest}", data=config, timeout=HANG).raise_for_status()
    manifest = {
        "schemaVersion": 2,
        "mediaType": DOCKER,
        "config": {
            "size": len(config),
            "digest": digest,
            "mediaType": "application/vnd.docker.container.image.v1+json",
        },
        "layers": [],
    }
    body = json.dumps(manifest, indent=3).encode()
    put = requests.put(
        f"http://{host}/v2/{path}/manifests/{name}", data=body, headers={"Content-Type": DOCKER}, timeout=HANG
    )
    put.raise_for_status()
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def test_the_tag_moves_to_the_digest_and_back(place: str) -> None:
    target = TagTarget(Repository(place))
    assert target.deployed() is None
    first, second = push(place, "first"), push(place, "second")
    for digest in (first, second, second, first):
        target.deploy(digest)
        assert target.deployed() == digest


def test_a_digest_that_was_not_pushed_moves_nothing(place: str) -> None:
    target = TagTarget(Repository(place))
    first = push(place, "first")
    target.deploy(first)
    with pytest.raises(ExternalError, match="push it first"):
        target.deploy(f"sha256:{'0' * 64}")
    assert target.deployed() == first


def test_the_repository_is_a_variable(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAINLINE_IMAGE", place)
    found = select.target("registry")
    assert isinstance(found, TagTarget)
    assert (found.repository.reference, found.tag) == (place, "production")
    monkeypatch.delenv("MAINLINE_IMAGE")
    with pytest.raises(ConfigurationError, match="MAINLINE_IMAGE is not set"):
        select.target("registry")
