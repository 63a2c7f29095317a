"""The build context: the lock, the code of the server and the export, with fixed file times."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from mainline.errors import ConfigurationError

if TYPE_CHECKING:
    from mainline.serving.signature import Signature

MODEL = "model"  # the folder of the export
# Of this package; whatever else is in it needs libraries that do not serve.
SERVES = ("__init__.py", "errors.py", "py.typed", "serving")


@contextlib.contextmanager
def create(root: Path, signature: Signature, model: Path, epoch: int) -> Iterator[Path]:
    """A temporary folder to build from.

    Parameters
    ----------
    root
        The checkout: `pyproject.toml`, `uv.lock`, and the code of the project's own estimators below `src`.
    model
        The folder of the export.
    epoch
        The time, in seconds since 1970, that every file gets.
    """
    with tempfile.TemporaryDirectory(prefix="mainline-image-") as name:
        folder = Path(name)
        for file in ("pyproject.toml", "uv.lock"):
            if not (root / file).is_file():
                raise ConfigurationError(f"{root / file} does not exist: the image contains what it locks")
            shutil.copyfile(root / file, folder / file)
        copy_code(root, signature, folder / "src")
        shutil.copytree(model, folder / MODEL)
        fix_times_and_modes(folder, epoch)
        yield folder


def copy_code(root: Path, signature: Signature, folder: Path) -> None:
    """The server; where the fitted pipeline is served, also all modules that its pickle may import."""
    skip = shutil.ignore_patterns("__pycache__", "*.pyc")
    own = Path(str(resources.files("mainline")))
    if signature.engine == "sklearn":
        shutil.copytree(own, folder / "mainline", ignore=skip)
        for package in (root / "src").iterdir() if (root / "src").is_dir() else ():
            if package.is_dir() and package.name not in ("mainline", "__pycache__"):
                shutil.copytree(package, folder / package.name, ignore=skip)
        return
    (folder / "mainline").mkdir(parents=True)
    for name in SERVES:
        if (own / name).is_dir():
            shutil.copytree(own / name, folder / "mainline" / name, ignore=skip)
        elif (own / name).exists():
            shutil.copyfile(own / name, folder / "mainline" / name)


def fix_times_and_modes(folder: Path, epoch: int) -> None:
    """The same modes and times on every machine, because they are part of a layer's digest."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
        os.utime(path, (epoch, epoch))


def file_digests(folder: Path) -> Iterator[bytes]:
    """One line per file, with its digest: equal lines mean equal contexts."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        yield f"{path.relative_to(folder).as_posix()} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode()
