"""The image that ships, beside the server's as in the pod: one volume between them, and a store."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pyarrow.parquet as pq
import pytest
import yaml

from mainline.packaging.engine import Engine
from mainline.packaging.log_shipper_image import shipper
from mainline.packaging.staging.container import HARDENED, Running, started
from tests.bounds import happens
from tests.container.conftest import Built
from tests.projects import TOP
from tests.servers import s3

__all__ = ["s3"]

pytestmark = pytest.mark.slow

SIDECAR = TOP / "deploy/kubernetes/components/ship/sidecar.yaml"


@pytest.fixture
def volume(docker: Engine) -> Iterator[str]:
    name = docker.run("volume", "create", f"mainline-test-{secrets.token_hex(4)}")
    yield name
    docker.attempt("volume", "rm", name)


def landed(store: str) -> list[str]:
    """The requests of everything in the store."""
    system = fsspec.filesystem("s3", skip_instance_cache=True, use_listings_cache=False)
    found = []
    for path in sorted(system.glob(f"{store}/predictions/*.parquet")):
        with system.open(path) as file:
            found += pq.read_table(file)["_request"].to_pylist()
    return found


def ended(docker: Engine, container: str) -> bool:
    return (docker.container(container) or {})["State"]["Status"] == "exited"


def predict(server: Running, built: Built) -> None:
    status, said = server.ask("POST", "/invocations", json.loads(built.requests.bodies(1)[0]))
    assert status == 200, said


def test_what_the_server_logs_lands_in_the_store_and_its_last_words_after_it_has_ended(
    docker: Engine, built: Built, volume: str, s3: str
) -> None:
    (sidecar,) = yaml.safe_load(SIDECAR.read_text())["spec"]["template"]["spec"]["initContainers"]
    store = f"{s3}/team/log"
    arguments = [each.replace("$(STORE)", store).replace("--every=60", "--every=1") for each in sidecar["args"]]
    image = shipper(docker, TOP)
    told = [f"--env={name}={value}" for name, value in os.environ.items() if name.startswith("AWS_")]
    shared = [*HARDENED, f"--volume={volume}:/state"]
    logs = ["--env=MAINLINE_LOG=/state/predictions", "--env=MAINLINE_LOG_FILE_SECONDS=1"]
    serving = docker.run("create", *shared, *logs, "--publish=127.0.0.1::8080", built.image.reference)
    # The stand-in for the store listens on this machine's loopback alone.
    limits = ["--memory=512m", "--network=host", "--tmpfs=/tmp"]
    shipping = docker.run("create", *shared, *limits, *told, image, *arguments)
    try:
        docker.run("start", serving)
        server = started(docker, serving)
        docker.run("start", shipping)
        predict(server, built)
        assert happens(lambda: ended(docker, shipping) or len(landed(store)) == 1)
        assert not ended(docker, shipping), docker.attempt("logs", shipping).stderr
        predict(server, built)
        docker.run("stop", serving)
        docker.run("stop", shipping)
        assert len(set(landed(store))) == 2
        state = (docker.container(shipping) or {})["State"]
        assert (state["ExitCode"], state["OOMKilled"]) == (0, False)
    finally:
        docker.attempt("rm", "--force", serving, shipping)
        docker.attempt("rmi", image)


def test_the_image_says_what_is_missing_to_make_it(docker: Engine, tmp_path: Path) -> None:
    from mainline.errors import ConfigurationError

    with pytest.raises(
        ConfigurationError, match=r"pyproject\.toml does not exist: the image of `ship` is made from it"
    ):
        shipper(docker, tmp_path)
