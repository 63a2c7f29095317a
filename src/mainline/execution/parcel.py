"""What travels between this machine and a Job: the checkout and its state there, the results back.

A checkout travels as git sees it: its files but for those that git ignores, the history without the remotes' addresses
and hooks, the records and MLflow's store. Results travel as one file in the registry, named by its digest.
"""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterable
from pathlib import Path

from mainline.errors import ConfigurationError, ExternalError
from mainline.registry.oci import Repository
from mainline.runtime import git
from mainline.runtime.archives import unpack
from mainline.runtime.atomic_files import replacing, scratch
from mainline.runtime.workspace import Workspace

STATE = ("records", "artifacts", "mlflow.db", "commits.json")  # of `Workspace.state`
TYPE = "application/vnd.mainline.results.v1"
HISTORY = ("objects", "refs", "packed-refs", "shallow")  # of git's common folder; HEAD and index are the work tree's
CONFIG = "[core]\n\trepositoryformatversion = 0\n\tbare = false\n"


def lay_out(workspace: Workspace, sources: Iterable[Path], folder: Path, *, with_state: bool) -> None:
    """Copy the checkout, its history, the files of the sources and, if asked, the state to `folder`.

    Raises
    ------
    ConfigurationError
        Where the checkout is none of git, or borrows another's objects.
    """
    root = workspace.root
    listed = git.git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    if listed is None or not git.is_top(root):
        raise ConfigurationError(f"{root} is not the top of a git checkout: a Job gets what git knows of it")
    files = {root / name for name in listed.split("\0") if name}
    for path in (*files, *sources):
        if path.is_file():
            copy(path, folder / path.relative_to(root))
    ask = ("rev-parse", "--path-format=absolute")
    common, own = (Path(git.git(root, *ask, name) or root) for name in ("--git-common-dir", "--git-dir"))
    if (common / "objects" / "info" / "alternates").exists():
        raise ConfigurationError(f"{root} borrows another clone's objects: `git repack -a -d` makes it whole")
    for name in HISTORY:
        copy(common / name, folder / ".git" / name)
    for name in ("HEAD", "index"):
        copy(own / name, folder / ".git" / name)
    (folder / ".git" / "config").write_text(CONFIG, encoding="utf-8")
    for name in STATE if with_state else ():
        copy(workspace.state / name, folder / workspace.state.relative_to(root) / name)


def copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
    elif source.exists():
        shutil.copy2(source, target)


def send(workspace: Workspace, repository: str, tag: str) -> str:
    """Push the reports and the state; returns the digest of the manifest."""
    held = Repository(repository)
    with tempfile.TemporaryDirectory(prefix="mainline-results-") as name:
        packed = Path(name) / "results.tar"
        with tarfile.open(packed, "w") as tar:
            for part in STATE:
                if (workspace.state / part).exists():
                    tar.add(workspace.state / part, f"state/{part}")
            if workspace.reports.exists():
                tar.add(workspace.reports, "reports")
        layer = held.put_blob(packed, f"{TYPE}.tar")
        Path(name, "config").write_text("{}")
        config = held.put_blob(Path(name, "config"), "application/vnd.oci.empty.v1+json")
    content = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "artifactType": TYPE,
        "config": config,
        "layers": [layer],
    }
    return held.put_manifest([tag], content).digest


def take_in(workspace: Workspace, repository: str, digest: str) -> None:
    """Bring the results with this digest to where a run of this machine leaves them; the lock must be held.

    Raises
    ------
    ExternalError
        Where the registry does not have them, or they are damaged; nothing has changed then.
    """
    held = Repository(repository)
    manifest = held.manifest(digest)
    if manifest is None or manifest.content.get("artifactType") != TYPE:
        raise ExternalError(f"{repository} does not hold the Job's results {digest}")
    with scratch(workspace.state) as folder:
        folder.mkdir()
        held.get_blob(manifest.layers[0], folder / "results.tar")
        with tarfile.open(folder / "results.tar") as tar:
            unpack(tar, folder)
        for part in ("artifacts", "records"):  # what is named by its content first, then what names it
            for path in sorted((folder / "state" / part).glob("*")):
                merge(path, workspace.state / part / path.name)
        for part in ("mlflow.db", "commits.json"):
            merge(folder / "state" / part, workspace.state / part)
        for path in sorted((folder / "reports").rglob("*")):
            if path.is_file():
                merge(path, workspace.reports / path.relative_to(folder / "reports"))


def merge(found: Path, target: Path) -> None:
    """Put a file or folder in its place in one step; a folder that is there already has the same content."""
    if not found.exists() or (found.is_dir() and target.is_dir()):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if found.is_dir():
        os.replace(found, target)
    else:
        with replacing(target) as part:
            shutil.copyfile(found, part)
