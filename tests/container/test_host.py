"""A Docker host: the new container beside the old, no request lost, and back again."""

from __future__ import annotations

import json
import shutil
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mainline.errors import ExternalError
from mainline.packaging.engine import Engine
from mainline.packaging.image import Image
from mainline.packaging.staging import load
from mainline.release.targets.docker import HostTarget
from tests.container.conftest import Built, built_image
from tests.servers import free_port

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def second(docker: Engine, built: Built, tmp_path_factory: pytest.TempPathFactory) -> Image:
    return variant(docker, built, tmp_path_factory.mktemp("second"), version="second")


def test_traffic_moves_and_returns_without_a_failed_request(host: HostTarget, built: Built, second: Image) -> None:
    assert host.deployed() is None
    host.deploy(built.image.digest)
    assert host.deployed() == built.image.digest
    with ThreadPoolExecutor() as pool:
        url, bodies = f"http://{host.publish}", built.requests.bodies(1)
        load_test = pool.submit(load.send_requests, url, bodies, 4, 25.0)
        host.deploy(second.digest)
        assert host.deployed() == second.digest
        host.deploy(built.image.digest)
        assert host.deployed() == built.image.digest
        found = load_test.result()
    assert not found.errors
    assert list(found.statuses) == [200]


def test_one_that_is_not_fit_gets_no_traffic(host: HostTarget, docker: Engine, built: Built, tmp_path: Path) -> None:
    host.deploy(built.image.digest)
    broken = variant(docker, built, tmp_path / "broken", answers=[[0.5, 0.5], [0.5, 0.5]])
    with pytest.raises(ExternalError, match="failed its readiness check; traffic was not switched"):
        host.deploy(broken.digest)
    assert host.deployed() == built.image.digest
    assert docker.container(host.container_of(broken.digest)) is None


def test_a_port_that_is_taken_is_said_and_free_again_it_is_used(
    host: HostTarget, docker: Engine, built: Built, capsys: pytest.CaptureFixture[str]
) -> None:
    address = host.publish
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(address.rpartition(":")[2])))
        taken.listen()
        with pytest.raises(ExternalError, match=f"{address} .*MAINLINE_PUBLISH sets another"):
            host.deploy(built.image.digest)
    assert docker.container(host.proxy) is None
    assert docker.container(host.container_of(built.image.digest)) is None
    host.deploy(built.image.digest)
    assert host.deployed() == built.image.digest
    host.publish = f"127.0.0.1:{free_port()}"
    host.deploy(built.image.digest)
    assert f"the proxy keeps the address {address}" in capsys.readouterr().err


def test_cut_off_while_two_answer_it_is_no_deployment_and_the_next_one_leaves_one(
    host: HostTarget, docker: Engine, built: Built, second: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.deploy(built.image.digest)
    with monkeypatch.context() as cut_off:
        cut_off.setattr(host, "retire", lambda **_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            host.deploy(second.digest)
    # Who has kept a connection still talks to the one before.
    assert host.deployed() is None
    docker.run("stop", "--time", "1", host.proxy)
    host.deploy(built.image.digest)
    assert host.deployed() == built.image.digest
    former = docker.container(host.container_of(second.digest))
    assert former
    assert not former["State"]["Running"]


def variant(docker: Engine, built: Built, folder: Path, **changes: object) -> Image:
    """Another image of the same model, with other words in its `serving.json`."""
    shutil.copytree(built.export.folder, folder, dirs_exist_ok=True)
    content = json.loads((folder / "serving.json").read_text())
    (folder / "serving.json").write_text(json.dumps({**content, **changes}))
    return built_image(docker, built.export, built.image.repository, folder)
