"""Images for several kinds of processor under one digest: one each, and an index in the registry that names them.

Nothing is emulated, and any engine will do. What runs in a build runs on this machine's processor and installs the
packages of the other; the image's own layers, which are only copied, are then put on the other's base.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.errors import ConfigurationError, ExternalError
from mainline.packaging.engine import Engine

if TYPE_CHECKING:
    from mainline.registry.oci import Repository

VARIABLE = "MAINLINE_PLATFORMS"
# By the engines' names: what uv calls the platform whose packages it installs.
KNOWN = {"linux/amd64": "x86_64-unknown-linux-gnu", "linux/arm64": "aarch64-unknown-linux-gnu"}
ALONE = f"the image is for this machine's processor alone: {VARIABLE} needs a registry, which MAINLINE_IMAGE names"
HUB = "registry-1.docker.io"  # whose names engines write without it
INDEX = "application/vnd.oci.image.index.v1+json"


def wanted(environment: Mapping[str, str]) -> list[str]:
    """The platforms that are asked for; none where it is only that of the engine.

    Raises
    ------
    ConfigurationError
        For one that no image is made for.
    """
    named = list(dict.fromkeys(environment.get(VARIABLE, "").replace(",", " ").split()))
    for name in named:
        if name not in KNOWN:
            raise ConfigurationError(f"{VARIABLE}: {name} is not known: there are {', '.join(KNOWN)}")
    return named


def own(engine: Engine) -> str:
    """The platform of the engine."""
    what = "{{.Host.OS}}/{{.Host.Arch}}" if engine.name == "podman" else "{{.OSType}}/{{.Architecture}}"
    said = engine.run("info", "--format", what).lower()
    return said.replace("x86_64", "amd64").replace("aarch64", "arm64")


def base_for(base: str, platform: str) -> str:
    """The base image of a platform, by the digest that the index of its registry has for it.

    Raises
    ------
    ExternalError
        Where there is none.
    """
    from mainline.registry.oci import LOOPBACK, MANIFESTS, Repository

    name, _, digest = base.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    name = name.removesuffix(f":{tag}") if tag else name
    host, slash, _ = name.partition("/")
    if not slash or not ("." in host or ":" in host or host in LOOPBACK):  # as engines complete a name
        name = f"{HUB}/{name if slash else f'library/{name}'}"
    answer = Repository(name).ask("GET", f"manifests/{digest or tag or 'latest'}", accept=MANIFESTS)
    listed = json.loads(answer.content).get("manifests", []) if answer else []
    for each in listed:
        if "/".join(each.get("platform", {}).get(key, "") for key in ("os", "architecture")) == platform:
            return f"{name.removeprefix(f'{HUB}/')}@{each['digest']}"
    raise ExternalError(f"{VARIABLE}: {base} has no image for {platform}")


def moved(repository: str, built: str, own_base: str, base: str, platform: str) -> str:
    """Put the layers that the image `built` has above `own_base` on `base`; returns the new image's digest.

    All are digests of manifests in the repository.

    Raises
    ------
    ExternalError
        Where the image does not begin with the layers of its base, as one that was squashed.
    """
    from mainline.registry.oci import Repository, sha256

    held = Repository(repository)
    (image, config), (below, own_config), (other, other_config) = (
        described(held, digest) for digest in (built, own_base, base)
    )
    count = len(below["layers"])
    if config["rootfs"]["diff_ids"][:count] != own_config["rootfs"]["diff_ids"]:
        raise ExternalError(f"{repository}@{built} does not begin with the layers of its base image")
    config["rootfs"]["diff_ids"] = [*other_config["rootfs"]["diff_ids"], *config["rootfs"]["diff_ids"][count:]]
    steps = len(own_config.get("history", []))
    config["history"] = [*other_config.get("history", []), *config.get("history", [])[steps:]]
    config["os"], _, config["architecture"] = platform.partition("/")
    for name in ("variant", "os.version"):
        config.pop(name, None)
        if name in other_config:
            config[name] = other_config[name]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "config.json"
        file.write_text(json.dumps(config, sort_keys=True), encoding="utf-8")
        layer = held.put_blob(file, image["config"]["mediaType"])
    image["config"] = {name: layer[name] for name in ("mediaType", "digest", "size")}
    image["layers"] = [*other["layers"], *image["layers"][count:]]
    body = json.dumps(image, sort_keys=True).encode()
    kind = image["mediaType"]
    held.ask("PUT", f"manifests/{sha256(body)}", data=body, headers={"Content-Type": kind})
    return sha256(body)


def described(held: Repository, digest: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """An image's manifest and its configuration."""
    manifest = fetched(held, f"manifests/{digest}")
    content: dict[str, Any] = json.loads(manifest.content)
    content.setdefault("mediaType", manifest.headers["Content-Type"])
    return content, json.loads(fetched(held, f"blobs/{content['config']['digest']}").content)


def fetched(held: Repository, path: str) -> Any:
    from mainline.registry.oci import MANIFESTS

    answer = held.ask("GET", path, accept=MANIFESTS if path.startswith("manifests") else "*/*")
    if answer is None:
        raise ExternalError(f"{held.reference} does not have what was pushed to it: {path}")
    return answer


def joined(repository: str, tag: str, digests: Mapping[str, str]) -> str:
    """Put an index of the pushed images, by platform, into the registry; returns its digest."""
    from mainline.registry.oci import Repository

    held = Repository(repository)
    manifests: list[dict[str, Any]] = []
    for platform, digest in digests.items():
        answer = fetched(held, f"manifests/{digest}")
        kind = json.loads(answer.content).get("mediaType") or answer.headers["Content-Type"]
        system, _, processor = platform.partition("/")
        image = {"mediaType": kind, "digest": digest, "size": len(answer.content)}
        manifests.append({**image, "platform": {"architecture": processor, "os": system}})
    body = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}, sort_keys=True).encode()
    held.ask("PUT", f"manifests/{tag}", data=body, headers={"Content-Type": INDEX})
    return f"sha256:{hashlib.sha256(body).hexdigest()}"
