"""A release as it is meant: from a commit to a container that answers, and back, through the command line."""

from __future__ import annotations

import html
import json
import re
import secrets
import shutil
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from mainline.github.image_push.__main__ import main as push
from mainline.packaging.engine import Engine
from mainline.registry.oci import Repository
from tests.bounds import HANG
from tests.container.conftest import SMALL_STAGE, base_image
from tests.pipelines.shops import lean
from tests.projects import TOP, Project, Result
from tests.servers import Oci, free_port

pytestmark = pytest.mark.slow

LONGER = ("max_iter: 30", "max_iter: 31")


class Release:
    """A shop whose containers have a host, a registry and names of their own."""

    def __init__(self, folder: Path, engine: Engine, registry: Oci) -> None:
        self.engine = engine
        self.service = f"mainline-test-{secrets.token_hex(4)}"
        self.address = f"127.0.0.1:{free_port()}"
        self.repository = f"{registry.host}/team/{self.service}"
        self.shop: Project = lean(folder)
        for name in ("uv.lock", "pyproject.toml", "deploy/Dockerfile"):
            shutil.copy(TOP / name, self.shop.path(name))
        self.shop.write("params.yaml", self.shop.path("params.yaml").read_text() + SMALL_STAGE)
        self.shop.commit("A container")

    def call(self, *arguments: str, **variables: str) -> Result:
        given = {
            "MAINLINE_IMAGE": self.repository,
            "MAINLINE_SERVICE": self.service,
            "MAINLINE_PUBLISH": self.address,
            "MAINLINE_MEMORY": "300m",
        }
        return self.shop.mainline(*arguments, **{**given, **variables})

    def answering(self) -> dict[str, str]:
        with urllib.request.urlopen(f"http://{self.address}/version", timeout=HANG) as answer:
            found: dict[str, str] = json.load(answer)
        return found

    def card(self) -> str:
        with urllib.request.urlopen(f"http://{self.address}/model-card", timeout=HANG) as answer:
            return str(answer.read().decode())

    def entries(self) -> list[str]:
        return [json.loads(line)["event"] for line in self.shop.path(".mainline/audit.jsonl").read_text().splitlines()]

    def left(self, name: str) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.shop.path(f"reports/{name}.json").read_text())
        return found

    def clear(self) -> None:
        names = self.engine.run("ps", "--all", "--filter", f"name=^{self.service}-", "--format", "{{.ID}}").split()
        for name in names:
            self.engine.attempt("rm", "--force", name)
        self.engine.attempt("network", "rm", self.service)
        self.engine.attempt("volume", "rm", f"{self.service}-log", f"{self.service}-door")


@pytest.fixture(scope="module")
def release(docker: Engine, oci_registry: Oci, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    base_image(docker)
    made = Release(tmp_path_factory.mktemp("release"), docker, oci_registry)
    yield made
    made.clear()


def test_a_commit_becomes_a_container_that_answers_and_is_taken_back_in_one_step(release: Release) -> None:
    """One story, since each of its steps needs the one before."""
    ready = release.call("candidate")
    assert ready.status == 0, ready.err
    candidate = release.left("candidate")
    assert candidate["passed"]
    assert str(candidate["image_digest"]) in ready.out
    assert release.entries() == ["staged"]
    assert "cold start" in release.shop.path("reports/stage.md").read_text()

    # Another machine, as CI's next job is one: the state alone is what they share.
    shutil.rmtree(release.shop.path(".mainline/records"))
    first = release.call("promote", "--target", "docker")
    assert first.status == 0, first.err
    assert release.entries() == ["staged", "deployed", "promoted"], "built and staged once"
    assert "version 1\n" in release.card()
    assert release.answering()["pipeline_digest"] == candidate["model_digest"]
    assert release.left("release")["image_digest"] == candidate["image_digest"]

    # What goes into the image has changed and the model has not: a new image of the same version.
    release.shop.edit("deploy/Dockerfile", ("EXPOSE 8080", "EXPOSE 8080\nENV ANOTHER=1"))
    release.shop.commit("The server's variables")
    again = release.call("promote", "--target", "docker")
    assert again.status == 0, again.err
    assert release.left("release")["version"] == 1
    assert release.left("release")["image_digest"] != candidate["image_digest"]
    known = release.left("release")

    release.shop.edit("params.yaml", LONGER, ("cold_start_seconds: 30", "cold_start_seconds: 0.001"))
    release.shop.commit("A model whose container starts too late")
    refused = release.call("promote", "--target", "docker")
    assert refused.status == 1, refused.err
    assert "the container failed its staging tests: cold start" in refused.err
    assert release.entries()[-1] == "refused"
    assert release.answering()["pipeline_digest"] == candidate["model_digest"]

    release.shop.edit("params.yaml", ("cold_start_seconds: 0.001", "cold_start_seconds: 30"))
    release.shop.commit("A longer wait")
    second = release.call("promote", "--target", "docker")
    assert second.status == 0, second.err
    assert release.left("release")["version"] == 2
    assert release.answering()["pipeline_digest"] == release.left("release")["model_digest"]
    assert release.answering()["version"] == "2"

    back = release.call("rollback", "--target", "docker")
    assert back.status == 0, back.err
    assert "version 1 is the champion again" in back.out
    assert release.answering()["pipeline_digest"] == candidate["model_digest"]
    shown = release.call("audit")
    assert shown.status == 0, shown.err
    assert str(known["image_digest"])[7:17] in shown.out


def test_what_is_missing_is_missed_before_anything_is_trained(release: Release) -> None:
    gone = release.call("candidate", MAINLINE_ENGINE="no-such-engine")
    assert gone.status == 2, gone.err
    assert "no-such-engine" in gone.err
    assert "train" not in gone.err


def test_a_candidate_that_is_handed_on_writes_nothing_and_is_released_as_it_was_staged(
    release: Release, oci_registry: Oci, tmp_path: Path
) -> None:
    """The state in a registry; each job on a machine of its own, with what the one before has left."""
    state, image = Repository(f"{oci_registry.host}/team/state-{release.service}"), f"{release.repository}-handed"
    variables = {"MAINLINE_STATE": state.reference, "MAINLINE_IMAGE": image}
    assert release.call("state", "init", **variables).status == 0
    before = state.manifest("state")

    def pushed() -> int:
        shutil.rmtree(tmp_path / "image", ignore_errors=True)
        if release.shop.path(".mainline/image").exists():
            shutil.copytree(release.shop.path(".mainline/image"), tmp_path / "image")
        settings = json.dumps({"MAINLINE_IMAGE": image})
        return push([str(tmp_path / "image"), str(release.left("candidate")["image_digest"])], {"SETTINGS": settings})

    ready = release.call("candidate", "--hand-on", **variables)
    assert ready.status == 0, ready.err
    digest = str(release.left("candidate")["image_digest"])
    assert state.manifest("state") == before
    assert Repository(image).tags() == []
    shown = html.unescape(release.shop.path("reports/stage.md").read_text().replace("<!-- -->", ""))
    assert f"{image}@{digest}" in shown, "under its own name"
    assert release.left("image")["reference"] == f"{image}@{digest}"
    assert pushed() == 0
    shutil.copy(release.shop.path("reports/candidate.json"), tmp_path)

    # Nobody has approved it, and it runs again: what was pushed is taken.
    again = release.call("candidate", "--hand-on", **variables)
    assert again.status == 0, again.err
    assert release.left("candidate")["image_digest"] == digest
    assert not release.shop.path(".mainline/image").exists(), "nothing is built twice"
    assert pushed() == 0

    given = ("promote", "--target", "none", "--image", digest, "--candidate", str(tmp_path / "candidate.json"))
    other = json.loads((tmp_path / "candidate.json").read_text()) | {"version": 7}
    (tmp_path / "other.json").write_text(json.dumps(other))
    refused = release.call(*given[:-1], str(tmp_path / "other.json"), **variables)
    assert refused.status == 1, refused.err
    assert "Run all jobs of the release again" in refused.err
    done = release.call(*given, **variables)
    assert done.status == 0, done.err
    shown = release.call("audit", **variables).out
    assert re.findall(r"(?m)^ *\d+ +\d\S+ +(\w+)", shown) == ["begun", "refused", "staged", "promoted"], shown

    # A worse one: the registry stays as it is, and what to write about it is left.
    before, known = state.manifest("state"), Repository(image).tags()
    release.shop.edit("params.yaml", ("numeric: [minutes, pages]", "numeric: [pages]"))
    release.shop.commit("A worse model")
    worse = release.call("candidate", "--hand-on", **variables)
    assert worse.status == 1, worse.err
    assert (state.manifest("state"), Repository(image).tags()) == (before, known)
    (left,) = json.loads(release.shop.path("reports/refused.json").read_text())
    assert left["verdict"] == "worse"
    assert release.call("ci", "refused", **variables).status == 0
    shown = release.call("audit", **variables).out
    assert re.search("refused .* worse .*margin: roc_auc", shown), shown
