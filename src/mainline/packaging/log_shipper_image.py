"""The image for `mainline ship`: it runs next to the server and contains no model."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from mainline.errors import ConfigurationError
from mainline.packaging import build_context, image
from mainline.packaging.engine import Engine

DOCKERFILE = Path("deploy/ship/Dockerfile")
NAME = "ship"  # of its repository, below that of the server's images


def shipper(
    engine: Engine, root: Path, repository: str | None = None, environment: Mapping[str, str] = os.environ
) -> str:
    """Build it, and push it to `ship` below `repository` if there is one; returns the reference to run.

    Raises
    ------
    ConfigurationError
        Where the lock or the Dockerfile does not exist.
    ExternalError
        Where the engine or the registry fails.
    """
    dockerfile = root / DOCKERFILE
    base = image.base_of(root, environment)
    with tempfile.TemporaryDirectory(prefix="mainline-image-") as name:
        folder = Path(name)
        lay_out(root, folder)
        digest = hashlib.sha256(b"".join(build_context.file_digests(folder))).hexdigest()
        tag = f"{f'{repository}/{NAME}' if repository else f'mainline-{NAME}'}:{digest[:12]}"
        call = ["build", "--file", str(dockerfile), "--tag", tag, "--build-arg", f"BASE={base}"]
        call += [word for each in image.sourced(root, environment).items() for word in ("--label", "=".join(each))]
        for index in [index for index in (*image.INDEXES, "UV_VERSION") if environment.get(index)]:
            call += ["--build-arg", index]
        engine.run(*call, str(folder), seconds=1800)
    if repository:
        return f"{repository}/{NAME}@{image.push(engine, f'{repository}/{NAME}', tag)}"
    return tag


def lay_out(root: Path, folder: Path) -> None:
    """The build context: what is installed, and this package."""
    for file in ("pyproject.toml", "uv.lock", DOCKERFILE):
        if not (root / file).is_file():
            raise ConfigurationError(f"{root / file} does not exist: the image of `ship` is made from it")
    for file in ("pyproject.toml", "uv.lock"):
        shutil.copyfile(root / file, folder / file)
    own = Path(str(resources.files("mainline")))
    shutil.copytree(own, folder / "src" / "mainline", ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    build_context.fix_times_and_modes(folder, 0)
