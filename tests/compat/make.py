"""Make the artefacts of a commit by that commit's own code: `python -m tests.compat.make COMMIT`; see README.md.

Runs in the environment of this checkout, with `docker-registry` on the PATH.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
CODE, ARTEFACTS = HERE / "code.tar.xz", HERE / "artefacts.tar.xz"
OF_THE_MACHINE = ("src/mainline", "pipelines")  # what a project of today holds of Mainline

# Runs on the commit's code and the commit's tests: none of the names in it are of this checkout.
FILL = """\
import json, shutil, sys, urllib.request
from pathlib import Path
from tests.projects import Project
from tests.servers import registry

place = Path(sys.argv[1])
project = Project(place / "shop")
project.edit("params.yaml", ("importance_rows: 200", "importance_rows: 50"), ("resamples: 500", "resamples: 200"))
project.commit("Fewer resamples")

def mainline(*arguments, **variables):
    found = project.mainline(*arguments, **variables)
    assert found.status == 0, found.out + found.err

mainline("run")
mainline("export")
(place / "registry").mkdir()
with registry(place / "registry") as oci:
    name = "team/shop"
    variables = {"MAINLINE_STATE": f"{oci.host}/{name}"}
    mainline("state", "init", **variables)
    mainline("promote", "--pull-request", "7", "--approver", "somebody", **variables)
    accept = ", ".join(("application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.artifact.manifest.v1+json"))
    request = urllib.request.Request(f"http://{oci.host}/v2/{name}/manifests/state", headers={"Accept": accept})
    with urllib.request.urlopen(request) as answer:
        content = answer.read()
    (place / "state").mkdir()
    (place / "state" / "manifest.json").write_bytes(content)
    manifest = json.loads(content)
    for blob in [manifest["config"], *manifest["layers"]]:
        shutil.copyfile(oci.blob(blob["digest"]), place / "state" / blob["digest"].removeprefix("sha256:"))
shutil.rmtree(place / "registry")
"""
# Of the project's own folder: what is computed again from the rest, and what belongs to a machine.
LEFT_OUT = (".git", "__pycache__", "cache", "frames", "worktrees", "shared", "lock", "reports")


def make(commit: str) -> None:
    top = HERE.parents[1]
    code = subprocess.run(["git", "archive", commit, *OF_THE_MACHINE], cwd=top, check=True, capture_output=True).stdout
    CODE.write_bytes(subprocess.run(["xz", "-9e"], input=code, check=True, capture_output=True).stdout)
    with tempfile.TemporaryDirectory() as folder:
        checkout, place = Path(folder, "checkout"), Path(folder, "made")
        place.mkdir()
        subprocess.run(["git", "worktree", "add", "--detach", str(checkout), commit], cwd=top, check=True)
        try:
            environment = {**os.environ, "PYTHONPATH": f"{checkout / 'src'}{os.pathsep}{checkout}"}
            subprocess.run([sys.executable, "-c", FILL, str(place)], cwd=checkout, env=environment, check=True)
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", str(checkout)], cwd=top, check=True)
        shutil.move(place / "shop" / ".mainline" / "model", place / "model")
        without_path(place, folder)
        pack(place)


def without_path(place: Path, folder: str) -> None:
    """Put a name of the same length in the place of this machine's folder, and address the state's files again."""
    neutral = "/checkout/".ljust(len(folder), "x")[: len(folder)]
    for path in place.rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes().replace(folder.encode(), neutral.encode()))
    manifest = (place / "state" / "manifest.json").read_text(encoding="utf-8")
    for path in (place / "state").iterdir():
        if path.name != "manifest.json":
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            manifest = manifest.replace(path.name, digest)
            path.rename(path.with_name(digest))
    (place / "state" / "manifest.json").write_text(manifest, encoding="utf-8")


def pack(place: Path) -> None:
    def plain(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        member.uid, member.gid, member.uname, member.gname = 0, 0, "", ""
        return None if Path(member.name).name in LEFT_OUT else member

    with tarfile.open(ARTEFACTS, "w:xz", preset=9, format=tarfile.PAX_FORMAT) as archive:
        for part in ("shop", "model", "state"):
            archive.add(place / part, part, filter=plain)


if __name__ == "__main__":
    call = argparse.ArgumentParser(description=__doc__)
    call.add_argument("commit")
    make(call.parse_args().commit)
