from __future__ import annotations

import dataclasses
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mainline.config import loader
from mainline.config.loader import Params
from mainline.errors import MainlineError
from mainline.packaging import engine
from mainline.packaging import image as build
from mainline.packaging.engine import Engine
from mainline.packaging.image import Image
from mainline.packaging.staging import parity
from mainline.packaging.staging.parity import HoldoutRequests
from mainline.release.targets.docker import HostTarget
from tests.exports import Export, make
from tests.projects import EXAMPLE, TOP
from tests.servers import REQUIRED, Oci, free_port, oci_registry

__all__ = ["oci_registry"]

# What a small model on a busy machine keeps.
SMALL_STAGE = """\
stage:
  cold_start_seconds: 30
  p99_milliseconds: 5000
  requests_per_second: 5
  memory_megabytes: 300
  image_megabytes: 200
  load_seconds: 0.25
  connections: 2
  contract_examples: 3
"""


@dataclass(frozen=True)
class Built:
    export: Export
    image: Image
    requests: HoldoutRequests


@pytest.fixture(scope="session")
def docker() -> Engine:
    """The engine of this machine; where there must be one (CI), its absence is a failure."""
    try:
        return engine.find()
    except MainlineError as error:
        if REQUIRED:
            pytest.fail(f"these tests must run here: {error}")
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Export:
    return make(tmp_path_factory.mktemp("export"))


@pytest.fixture(scope="session")
def built(docker: Engine, oci_registry: Oci, made: Export) -> Iterator[Built]:
    """The image of a small model, pushed to a registry."""
    image = built_image(docker, made, f"{oci_registry.host}/team/visits")
    yield Built(made, image, parity.holdout_requests(made.settings, made.record, made.frame, made.signature))
    docker.attempt("rmi", image.reference, f"{image.repository}:{made.signature.fingerprint[:12]}")


@pytest.fixture
def host(docker: Engine, oci_registry: Oci) -> Iterator[HostTarget]:
    """A service of this machine's engine; its containers, network and volumes go with the test."""
    service = f"mainline-test-{secrets.token_hex(4)}"
    made = HostTarget(docker, f"{oci_registry.host}/team/visits", service, f"127.0.0.1:{free_port()}", "300m")
    yield made
    names = docker.run("ps", "--all", "--filter", f"name=^{service}-", "--format", "{{.ID}}").split()
    for name in names:
        docker.attempt("rm", "--force", name)
    docker.attempt("network", "rm", service)
    docker.attempt("volume", "rm", f"{service}-log", f"{service}-door")


@pytest.fixture
def strict(made: Export) -> Params:
    """The model's settings with gates that a small model meets on a busy machine."""
    return gates(made, cold_start_seconds=30, p99_milliseconds=5000, requests_per_second=5, memory_megabytes=300)


def gates(made: Export, **values: float) -> Params:
    """Params whose stage section is this, and short."""
    stage = made.settings.stage.model_copy(
        update={"load_seconds": 1.0, "connections": 4, "contract_examples": 5, **values}
    )
    known = loader.load(EXAMPLE)
    return dataclasses.replace(known, settings=made.settings.model_copy(update={"stage": stage}))


def base_image(docker: Engine) -> None:
    """Skips where the base image is not to be had."""
    if docker.image(build.matching_base()) is None and docker.attempt("pull", build.matching_base()).returncode:
        if REQUIRED:
            pytest.fail(f"{build.matching_base()} must be here")
        pytest.skip(f"{build.matching_base()} is not to be had here")


def built_image(docker: Engine, made: Export, repository: str | None, folder: Path | None = None) -> Image:
    try:
        return build.build(docker, TOP, folder or made.folder, repository, dict(os.environ))
    except MainlineError as error:
        if "pull access denied" in str(error) and not REQUIRED:
            pytest.skip(f"the base image is not to be had here: {error}")
        raise
