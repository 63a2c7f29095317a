"""The image: what it says, how it runs, and that it is the same when it is built again."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pytest

from mainline.packaging import build_context
from mainline.packaging import image as build
from mainline.packaging.engine import Engine
from mainline.packaging.staging.container import running
from tests.container.conftest import Built, built_image
from tests.exports import Export
from tests.projects import TOP

pytestmark = pytest.mark.slow


def test_it_says_which_model_data_and_commit_it_holds(docker: Engine, built: Built) -> None:
    found = docker.image(built.image.reference)
    assert found
    labels = found["Config"]["Labels"]
    assert labels["mainline.model"] == built.export.signature.digest
    assert labels["mainline.pipeline"] == built.export.record.digest
    assert labels["mainline.data"] == built.export.signature.data_digest
    assert labels["mainline.fingerprint"] == built.export.record.fingerprint
    assert found["RepoDigests"] == [built.image.reference]


def test_it_answers_read_only_without_privileges_and_not_as_root(docker: Engine, built: Built) -> None:
    with running(docker, built.image.reference, 300) as server:
        assert json.loads(server.ask("GET", "/version")[1])["model_digest"] == built.export.signature.digest
        assert docker.run("exec", server.id, "python", "-c", "import os; print(os.getuid())") == "10001"
        assert docker.attempt("exec", server.id, "touch", "/app/file").returncode != 0
        docker.run("exec", server.id, "python", "-m", "mainline.serving.healthcheck", "/model")


def test_the_health_check_refuses_a_model_that_answers_otherwise(docker: Engine, built: Built) -> None:
    wrong = json.loads((built.export.folder / "serving.json").read_text())
    wrong["answers"] = [[1 - value for value in row] for row in wrong["answers"]]
    with running(docker, built.image.reference, 300) as server:
        code = f"import json, mainline.serving.healthcheck as h; h.agree(8080, json.loads({json.dumps(wrong)!r}))"
        done = docker.attempt("exec", server.id, "python", "-c", code)
    assert done.returncode == 1
    assert "the example is answered with" in done.stderr


def test_nothing_that_trains_is_in_it(docker: Engine, built: Built) -> None:
    code = "import importlib.util as u; print([n for n in ('sklearn', 'pandas', 'mlflow', 'pip') if u.find_spec(n)])"
    assert docker.run("run", "--rm", built.image.reference, "python", "-c", code) in ("[]", "['pip']")
    size = docker.image(built.image.reference), docker.image(build.matching_base())
    assert size[0]
    assert size[1]
    assert (size[0]["Size"] - size[1]["Size"]) / 1e6 <= 150


def test_its_bill_of_materials_is_what_is_in_it(docker: Engine, built: Built, tmp_path: Path) -> None:
    bill, *_ = build.write_bill_and_provenance(docker, TOP, built.export.folder, built.image, tmp_path)
    named = {f"{each['name']}-{each['version']}" for each in json.loads(bill.read_text())["components"][:-1]}
    code = "import pathlib; print(*[p.name for p in pathlib.Path('/app').rglob('*.dist-info')])"
    there = docker.run("run", "--rm", built.image.reference, "python", "-c", code).split()
    assert named == {name.removesuffix(".dist-info").replace("_", "-") for name in there}


def again(docker: Engine, built: Built, epoch: int, *more: str) -> tuple[list[str], str]:
    """The layers of an image that is built once more, as if of a commit of that time; and what the builder said."""
    given = {"BASE": build.matching_base(), "SELECTION": " ".join(build.selection(built.export.signature))}
    given["SOURCE_DATE_EPOCH"] = str(epoch)
    call = ["build", "--file", str(TOP / build.DOCKERFILE), "--tag", (tag := "mainline-test-again"), *more]
    call += [f"--build-arg={name}={value}" for name, value in given.items()]
    with build_context.create(TOP, built.export.signature, built.export.folder, epoch) as folder:
        done = docker.attempt(*call, str(folder))
    assert done.returncode == 0, done.stderr
    try:
        return layers(docker, tag), done.stdout + done.stderr
    finally:
        docker.attempt("rmi", tag)


def test_built_anew_its_layers_are_the_same(docker: Engine, built: Built) -> None:
    epoch = build.committed(TOP, built.export.signature)
    assert again(docker, built, epoch, "--no-cache")[0] == layers(docker, built.image.reference)


def test_the_packages_are_not_installed_again_for_another_commit(docker: Engine, built: Built) -> None:
    _, said = again(docker, built, build.committed(TOP, built.export.signature) + 1)
    assert re.search(r"CACHED.*VIRTUAL_ENV|VIRTUAL_ENV.*\n *---> Using cache", said), said


@pytest.mark.parametrize("builder", ["classic", "buildkit", "podman"])
def test_every_builder_makes_an_image_that_answers(
    docker: Engine, made: Export, built: Built, builder: str, tmp_path: Path
) -> None:
    if builder == "podman":
        if not shutil.which("podman"):
            pytest.skip("podman is not installed: apt-get install podman")
        # Its own store: the base image is carried over, since none can be pulled everywhere.
        archive = tmp_path / "base.tar"
        docker.run("save", "--output", str(archive), build.matching_base())
        engine = Engine("podman")
        if engine.attempt("info").returncode:
            pytest.skip("podman does not run on this machine")
        engine.run("load", "--input", str(archive))
    else:
        engine = Engine(docker.program, {**os.environ, "DOCKER_BUILDKIT": str(int(builder == "buildkit"))})
        if builder == "buildkit" and "buildx" in (said := engine.attempt("build", "--help").stderr):
            pytest.skip(f"this docker has no BuildKit: {said.strip().splitlines()[-1]}")
    image = built_image(engine, made, None).reference
    if builder == "podman":
        # It is run where the others are: a machine without systemd and rights of its own builds and does not run.
        engine.run("save", "--format", "docker-archive", "--output", str(tmp_path / "image.tar"), image)
        image = docker.run("load", "--input", str(tmp_path / "image.tar")).rpartition(" ")[2]
    with running(docker, image, 300) as server:
        assert json.loads(server.ask("GET", "/version")[1])["fingerprint"] == made.record.fingerprint


def layers(docker: Engine, image: str) -> list[str]:
    found = docker.image(image)
    assert found
    return list(found["RootFS"]["Layers"])
