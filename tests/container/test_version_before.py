"""A container of the version before: traffic is moved from it, and a rollback returns to it."""

from __future__ import annotations

import json
import shutil
import tarfile
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mainline.packaging import image as build
from mainline.packaging.build_context import SERVES
from mainline.packaging.engine import Engine
from mainline.packaging.staging import load
from mainline.release.targets.docker import HostTarget
from mainline.runtime import archives
from tests.compat.make import ARTEFACTS, CODE
from tests.container.conftest import Built, built_image
from tests.servers import Oci

pytestmark = pytest.mark.slow

# The code and the export of the version before, with that version's health check, on the same packages.
DOCKERFILE = """\
FROM {base}
USER root
RUN rm -r /app/src/mainline /model
COPY mainline /app/src/mainline
COPY model /model
USER 10001:10001
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s --retries=3 CMD ["python", "-m", "mainline.inside.health"]
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The export that the version before made."""
    folder = tmp_path_factory.mktemp("before")
    with tarfile.open(ARTEFACTS) as archive:
        archives.unpack(archive, folder)
    return folder / "model"


@pytest.fixture(scope="module")
def now(docker: Engine, oci_registry: Oci, built: Built, model: Path) -> build.Image:
    """This version's image of that export."""
    return built_image(docker, built.export, f"{oci_registry.host}/team/visits", model)


@pytest.fixture(scope="module")
def before(docker: Engine, now: build.Image, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The digest of an image as the version before built it."""
    folder = tmp_path_factory.mktemp("image")
    with tarfile.open(CODE) as archive:
        archives.unpack(archive, folder)
    for name in (*(name for name in SERVES if name != "py.typed"), "inside"):
        found = folder / "src" / "mainline" / name
        (shutil.copytree if found.is_dir() else shutil.copyfile)(found, context(folder) / name)
    shutil.copytree(model, folder / "context" / "model")
    (folder / "context" / "Dockerfile").write_text(DOCKERFILE.format(base=now.reference))
    tag = f"{now.repository}:before"
    assert now.repository
    docker.run("build", "--tag", tag, str(folder / "context"))
    yield build.push(docker, now.repository, tag)
    docker.attempt("rmi", tag)


def context(folder: Path) -> Path:
    made = folder / "context" / "mainline"
    made.mkdir(parents=True, exist_ok=True)
    return made


def test_traffic_moves_from_it_and_a_rollback_returns_to_it_without_a_failed_request(
    docker: Engine, host: HostTarget, before: str, now: build.Image, model: Path
) -> None:
    exported = json.loads((model / "serving.json").read_text(encoding="utf-8"))
    names = [column["name"] for column in exported["columns"]]
    bodies = [json.dumps({"dataframe_split": {"columns": names, "data": exported["example"]}}).encode()]

    host.deploy(before)
    assert host.deployed() == before
    with_old_modules = docker.attempt("exec", host.container_of(before), "python", "-c", "import mainline.inside.door")
    assert with_old_modules.returncode == 0, with_old_modules.stderr
    with ThreadPoolExecutor() as pool:
        load_test = pool.submit(load.send_requests, f"http://{host.publish}", bodies, 2, 15.0)
        host.deploy(now.digest)
        assert host.deployed() == now.digest
        host.deploy(before)
        assert host.deployed() == before
        found = load_test.result()
    assert not found.errors
    assert list(found.statuses) == [200]
    with urllib.request.urlopen(f"http://{host.publish}/version") as answer:
        assert json.load(answer)["model_digest"] == exported["digest"]
