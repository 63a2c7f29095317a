"""From an export to an image that describes its content in labels."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mainline.config.frameworks import FRAMEWORKS, groups_of
from mainline.errors import ConfigurationError, ExternalError
from mainline.packaging import build_context, platforms, provenance, sbom
from mainline.packaging.engine import Engine
from mainline.runtime import git, origin
from mainline.runtime.atomic_files import write_text
from mainline.training.facts import DIRTY

if TYPE_CHECKING:
    from mainline.serving.signature import Signature

REPOSITORY = "MAINLINE_IMAGE"  # the variable that says where images are pushed: registry.example/team/name
BASE_LABEL = "org.opencontainers.image.base.name"
BASE = "MAINLINE_BASE"  # the variable that names another base image
DOCKERFILE = Path("deploy/Dockerfile")
PINNED_BASE = Path("deploy/base/Dockerfile")
LABEL = "mainline"
# ONNX Runtime names them for its converters and Granian for its command line: a model is served without.
SPARED = ("protobuf", "flatbuffers", "packaging", "click")
# Of a framework's group, what only converts.
CONVERT = ("onnxmltools", "onnxscript", "skl2onnx", "tf2onnx", "onnx", "onnx-ir")
# Where packages come from, if this machine says so; they reach the build and not the image.
INDEXES = ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX")


@dataclass(frozen=True)
class Image:
    """`reference` is what an engine runs: repository@digest, or the id of one that was not pushed."""

    reference: str
    # sha256:… of the manifest in the registry, or of the index of several platforms; of the configuration where it was
    # not pushed
    digest: str
    repository: str | None
    labels: Mapping[str, str]
    note: str | None = None  # what was asked for and is not in it


def build(
    engine: Engine, root: Path, model: Path, repository: str | None = None, environment: Mapping[str, str] = os.environ
) -> Image:
    """Build the image of an export; with a repository, push it there.

    Raises
    ------
    ConfigurationError
        Where the export, the lock or the Dockerfile cannot be used for a build.
    ExternalError
        Where the engine or the registry fails.
    """
    from mainline.serving import signature as signatures

    signature = signatures.read(model)
    dockerfile = dockerfile_of(root)
    base = base_of(root, environment)
    labels = described(signature, base) | sourced(root, environment)
    tag = f"{repository or 'mainline-' + signature.name.lower()}:{signature.fingerprint[:12]}"
    epoch = committed(root, signature)
    asked = platforms.wanted(environment)
    several = bool(asked) and asked != [platforms.own(engine)]
    note = platforms.ALONE if several and repository is None else None
    with build_context.create(root, signature, model, epoch) as folder:
        call = ["--format", "docker"] if engine.name == "podman" else []  # otherwise it omits the health check
        for name, value in arguments(base, epoch, signature, environment).items():
            # Without a value the engine reads the environment: a password must not appear in the process list.
            call += ["--build-arg", name if value is None else f"{name}={value}"]
        for name, value in labels.items():
            call += ["--label", f"{name}={value}"]
        if several and repository:
            digest = of_several(engine, dockerfile, repository, tag, asked, base, call, folder)
            return Image(f"{repository}@{digest}", digest, repository, labels)
        engine.run("build", "--file", str(dockerfile), "--tag", tag, *call, str(folder), seconds=1800)
    found = engine.image(tag)
    if found is None:
        raise ExternalError(f"{engine.name} has built {tag} but does not list it")
    if repository is None:
        digest = found["Id"] if found["Id"].startswith("sha256:") else f"sha256:{found['Id']}"
        return Image(digest, digest, None, labels, note)
    digest = push(engine, repository, tag)
    return Image(f"{repository}@{digest}", digest, repository, labels)


def of_several(
    engine: Engine,
    dockerfile: Path,
    repository: str,
    tag: str,
    asked: Sequence[str],
    base: str,
    call: Sequence[str],
    folder: Path,
) -> str:
    """Build and push the image of each platform; returns the digest of their index.

    `call` are the arguments of every build, `folder` is its context.
    """
    here = platforms.own(engine)
    bases = {platform: platforms.base_for(base, platform) for platform in asked if platform != here}

    def pushed(image: str, name: str) -> str:
        engine.run("tag", image, name)
        return push(engine, repository, name)

    digests = {}
    for platform in asked:
        name, packages = f"{tag}-{platform.partition('/')[2]}", f"PACKAGES_OF={platforms.KNOWN[platform]}"
        more = ["--build-arg", packages] if platform in bases else []
        engine.run("build", "--file", str(dockerfile), *call, *more, "--tag", name, str(folder), seconds=1800)
        digests[platform] = push(engine, repository, name)
        if platform in bases:
            engine.run("pull", "--quiet", "--platform", platform, bases[platform])
            below, other = pushed(base, f"{tag}-base"), pushed(bases[platform], f"{name}-base")
            digests[platform] = platforms.moved(repository, digests[platform], below, other, platform)
    digest = platforms.joined(repository, tag.rpartition(":")[2], digests)
    engine.run("pull", "--quiet", f"{repository}@{digest}")
    return digest


def inputs(root: Path, model: Path, environment: Mapping[str, str] = os.environ) -> str:
    """A digest of all inputs of a build: while it is the same, nothing is built again.

    What was measured with the exported model is none: it differs in the last digit from processor to processor.
    The base counts by its digest where it is named by one, as the pinned base is; else by its name.
    """
    from mainline.serving import signature as signatures

    signature = signatures.read(model)
    base = base_of(root, environment)
    found = hashlib.sha256(f"{base}\n{' '.join([*selection(signature), *platforms.wanted(environment)])}\n".encode())
    found.update(dockerfile_of(root).read_bytes())
    with build_context.create(root, signature, model, 0) as folder:
        signatures.write(signatures.without_measurements(signature), folder / build_context.MODEL)
        for line in build_context.file_digests(folder):
            found.update(line)
    return found.hexdigest()


def check(root: Path) -> None:
    """Raises ConfigurationError where an input of the build is missing, before minutes of training."""
    dockerfile_of(root)
    sbom.find_uv()
    platforms.wanted(os.environ)


def dockerfile_of(root: Path) -> Path:
    found = root / DOCKERFILE
    if not found.is_file():
        raise ConfigurationError(f"{found} does not exist")
    return found


def push(engine: Engine, repository: str, tag: str) -> str:
    """The digest of the pushed image in the registry."""
    insecure = engine.name == "podman" and repository.startswith(("127.0.0.1", "localhost"))
    engine.run("push", *(["--tls-verify=false"] if insecure else []), tag)
    found = engine.image(tag) or {}
    for each in found.get("RepoDigests") or []:
        name, _, digest = each.partition("@")
        if name == repository:
            return str(digest)
    raise ExternalError(f"{tag} was pushed, but {engine.name} does not report its digest")


def described(signature: Signature, base: str) -> dict[str, str]:
    """Labels that describe the image's content to anyone who has only the image."""
    return {
        "org.opencontainers.image.title": signature.name,
        "org.opencontainers.image.version": signature.version,
        "org.opencontainers.image.revision": signature.commit or "none",
        "org.opencontainers.image.created": signature.trained,
        BASE_LABEL: base,
        f"{LABEL}.model": signature.digest,
        f"{LABEL}.pipeline": signature.pipeline_digest,
        f"{LABEL}.data": signature.data_digest,
        f"{LABEL}.fingerprint": signature.fingerprint,
        f"{LABEL}.engine": signature.engine,
    }


def sourced(root: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """The label that links a package to its repository: without it, one that was first pushed from a laptop is foreign
    to the repository's workflows."""
    page = origin.page(root, environment)
    return {origin.LABEL: page} if page else {}


def arguments(base: str, epoch: int, signature: Signature, environment: Mapping[str, str]) -> dict[str, str | None]:
    """The Dockerfile's arguments; None where the engine reads the value from the environment."""
    given: dict[str, str | None] = {
        "BASE": base,
        "SOURCE_DATE_EPOCH": str(epoch),
        "SELECTION": " ".join(selection(signature)),
    }
    if environment.get("UV_VERSION"):
        given["UV_VERSION"] = None
    return given | {name: None for name in INDEXES if environment.get(name)}


def selection(signature: Signature) -> list[str]:
    """The part of the lock that is installed, as arguments of uv."""
    if signature.engine == "onnx":
        spared = [each for name in SPARED for each in ("--no-emit-package", name)]
        return ["--only-group", "serving", *spared]
    if "torch" in signature.frameworks:
        raise ConfigurationError(
            f"a torch model is served as ONNX only, since torch itself is several GB: {signature.note}"
        )
    chosen = ["--no-default-groups", "--group", "serving", "--group", "pipeline"]
    groups = groups_of(signature.frameworks)
    chosen += [word for group in groups for word in ("--group", group)]
    idle = [f for f in FRAMEWORKS if f.group in groups and not {f.module} & {*signature.frameworks}]
    spared = [package for framework in idle for package in framework.packages] + (list(CONVERT) if groups else [])
    return [*chosen, *(word for package in spared for word in ("--no-emit-package", package))]


def base_of(root: Path, environment: Mapping[str, str] = os.environ) -> str:
    """What `MAINLINE_BASE` names; else the slim image of the Python that trained, by digest where it is pinned."""
    return environment.get(BASE) or pinned(root, matching_base()) or matching_base()


def pinned(root: Path, name: str) -> str | None:
    """The base image of this name with the digest that `deploy/base` pins; None where it pins none."""
    file = root / PINNED_BASE
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    found = re.search(rf"(?m)^FROM ({re.escape(name)}@sha256:[0-9a-f]{{64}})$", text)
    return found[1] if found else None


def matching_base() -> str:
    """The official slim image of the Python that trained."""
    return f"python:{sys.version_info.major}.{sys.version_info.minor}-slim"


def committed(root: Path, signature: Signature) -> int:
    """The time of the model's commit, equal for every build of it; 0 where it is unknown."""
    commit = signature.commit if signature.commit not in (None, DIRTY) else None
    said = git.git(root, "show", "--no-patch", "--format=%ct", commit) if commit else None
    return int(said) if said and said.isdigit() else 0


def write_bill_and_provenance(
    engine: Engine, root: Path, model: Path, image: Image, folder: Path, here: str | None = None
) -> list[Path]:
    """Write the bill of materials and the provenance next to the reports, and return their paths.

    `here` is the name that the engine has the image under, where it is not that of its repository.
    """
    from mainline.serving import signature as signatures

    signature = signatures.read(model)
    inputs = [
        root / DOCKERFILE,
        root / "uv.lock",
        root / "pyproject.toml",
        model / signatures.FILE,
        model / signature.file,
    ]
    base = provenance.base_of(engine, image.labels.get(BASE_LABEL) or matching_base())
    content = provenance.statement(image.repository or signature.name, image.digest, image.labels, base, inputs)
    written = {
        "sbom.json": sbom.bill(root, signature, selection(signature), sbom.installed(engine, here or image.reference)),
        "provenance.json": content,
        "image.json": asdict(image),
    }
    for name, value in written.items():
        write_text(folder / name, json.dumps(value, indent=2, sort_keys=True) + "\n")
    return [folder / name for name in written]
