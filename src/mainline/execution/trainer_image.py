"""The trainer image: the locked training environment, with no code and no data in it.

It is known by its lock: a digest of the requirements that `uv` exports, of the base image and of the Dockerfile. A
run takes an image of its own checkout's lock only, since another one could make another model.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from mainline.config import frameworks
from mainline.errors import ConfigurationError, ExternalError
from mainline.packaging import image
from mainline.packaging.engine import Engine
from mainline.runtime import models
from mainline.runtime.atomic_files import write_text
from mainline.runtime.workspace import Workspace

DOCKERFILE = Path("deploy/trainer/Dockerfile")
NAME = "trainer"  # of its repository, below that of the server's images
LOCK = "mainline.trainer.lock"  # the label with the digest of what is installed
VARIABLE = "MAINLINE_TRAINER"  # an image that was built elsewhere
FILE = "trainer.json"
BUILD = "make trainer"


@dataclass(frozen=True)
class Trainer:
    """`reference` is what an engine runs: repository@digest, or the id of an image that was not pushed."""

    reference: str
    digest: str  # sha256:… of the manifest in the registry; of the configuration where it was not pushed
    lock: str  # hex


def build(
    engine: Engine, workspace: Workspace, repository: str | None = None, environment: Mapping[str, str] = os.environ
) -> Trainer:
    """Build the image of the checkout's lock; with a repository, push it to `trainer` below it.

    Raises
    ------
    ConfigurationError
        Where the lock or the Dockerfile does not exist, or the lock does not fit `pyproject.toml`.
    ExternalError
        Where the engine or the registry fails.
    """
    root = workspace.root
    base, listed = image.base_of(root, environment), requirements(root)
    lock = lock_digest(root, base, listed)
    tag = f"{f'{repository}/{NAME}' if repository else f'mainline-{NAME}'}:{lock[:12]}"
    if label(engine.image(tag)) != lock:  # else it is here already: building it takes minutes
        call = ["build", "--file", str(root / DOCKERFILE), "--tag", tag, "--build-arg", f"BASE={base}"]
        for name, value in {LOCK: lock, image.BASE_LABEL: base, **image.sourced(root, environment)}.items():
            call += ["--label", f"{name}={value}"]
        for name in (*image.INDEXES, "UV_VERSION"):
            # Without a value the engine reads the environment: a password must not appear in the process list.
            call += ["--build-arg", name] if environment.get(name) else []
        with tempfile.TemporaryDirectory(prefix="mainline-trainer-") as folder:
            Path(folder, "requirements.txt").write_text(listed, encoding="utf-8")
            engine.run(*call, folder, seconds=3600)
    if repository:
        digest = image.push(engine, f"{repository}/{NAME}", tag)
        made = Trainer(f"{repository}/{NAME}@{digest}", digest, lock)
    else:
        identity = str((engine.image(tag) or {}).get("Id", ""))
        if not identity:
            raise ExternalError(f"{engine.name} has built {tag} but does not list it")
        digest = f"sha256:{identity.removeprefix('sha256:')}"
        made = Trainer(digest, digest, lock)
    workspace.home.mkdir(parents=True, exist_ok=True)
    write_text(workspace.home / FILE, json.dumps(asdict(made), indent=2) + "\n")
    return made


def fitting(engine: Engine, workspace: Workspace, environment: Mapping[str, str] = os.environ) -> Trainer:
    """The image to train in: what MAINLINE_TRAINER names, else the last one that was built here.

    Raises
    ------
    ConfigurationError
        Where there is none, or it was built from another lock than this checkout's.
    """
    known = last_built(workspace)
    reference = environment.get(VARIABLE) or (known.reference if known else "")
    if not reference:
        raise ConfigurationError(f"no trainer image was built here: `{BUILD}` builds it")
    found = engine.image(reference)
    if found is None and "@" in reference and engine.attempt("pull", reference, seconds=3600).returncode == 0:
        found = engine.image(reference)
    if found is None:
        raise ConfigurationError(f"the trainer image {reference} is not here: `{BUILD}` builds it")
    lock = label(found)
    if not lock:
        raise ConfigurationError(f"{reference} is not a trainer image (no label {LOCK}): `{BUILD}` builds one")
    wanted = lock_digest(workspace.root, image.base_of(workspace.root, environment), requirements(workspace.root))
    if lock != wanted:
        raise ConfigurationError(
            f"the trainer image {reference} was built from another lock ({lock[:12]}; this checkout's is "
            f"{wanted[:12]}): a model trained in it could be another one. `{BUILD}` builds the one of this checkout"
        )
    _, _, pushed = reference.partition("@")
    return Trainer(reference, pushed or f"sha256:{str(found['Id']).removeprefix('sha256:')}", lock)


def label(found: Mapping[str, Any] | None) -> str | None:
    """The lock that an image was built from; None where it is no trainer image."""
    return ((found or {}).get("Config", {}).get("Labels") or {}).get(LOCK)


def last_built(workspace: Workspace) -> Trainer | None:
    try:
        return Trainer(**json.loads((workspace.home / FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def lock_digest(root: Path, base: str, listed: str) -> str:
    """SHA-256 of all inputs of a build, hex."""
    dockerfile = root / DOCKERFILE
    if not dockerfile.is_file():
        raise ConfigurationError(f"{dockerfile} does not exist: the trainer image is built from it")
    found = hashlib.sha256(f"{base}\n".encode())
    found.update(dockerfile.read_bytes())
    found.update(listed.encode())
    return found.hexdigest()


def requirements(root: Path) -> str:
    """Every package of training, with its version and the hashes of its files, as pip reads them."""
    if not (root / "uv.lock").is_file():
        raise ConfigurationError(f"{root / 'uv.lock'} does not exist: the trainer image contains what it locks")
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        raise ConfigurationError("uv is not installed: it says what uv.lock names for the trainer image")
    call = [uv, "export", "--quiet", "--frozen", "--no-emit-project", "--no-header", "--no-annotate"]
    call += ["--no-default-groups", *(f"--group={group}" for group in groups(root))]
    done = subprocess.run(call, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ConfigurationError(f"uv.lock cannot be read: {(done.stderr.strip().splitlines() or ['nothing'])[-1]}")
    return done.stdout


def groups(root: Path) -> list[str]:
    """The groups of packages that the models of this checkout are trained with."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    listed = list(project.get("tool", {}).get("mainline", {}).get("frameworks", []))
    for model in models.here(root) or [models.AT_TOP]:
        try:
            content = yaml.load((root / model.params).read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
            named = frameworks.named_by(root, str(content["train"]["estimator"]))
        except (OSError, ValueError, LookupError, TypeError, yaml.YAMLError):  # its own run says so
            continue
        listed += frameworks.groups_of(named)
    return ["train", *(group for group in frameworks.GROUPS if group in listed)]
