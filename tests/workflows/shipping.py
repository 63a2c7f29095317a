"""A repository that releases: the stage of a shop, GitHub's double, a registry behind a login, an engine."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from mainline.registry.oci import MANIFESTS, Repository, sha256
from tests.container.conftest import SMALL_STAGE
from tests.github.double import GitHubDouble
from tests.servers import REGISTRY_LOGIN, REGISTRY_READER, Oci
from tests.workflows import events
from tests.workflows.act import Ran
from tests.workflows.stage import Stage, environment


class Shipping:
    """What a push to main starts, and what it leaves."""

    def __init__(self, folder: Path, github: GitHubDouble, registry: Oci) -> None:
        self.stage = Stage(folder, "deploy", "pipelines", "src/mainline")
        self.stage.rehearsal.runs = 100_000  # the double numbers those of a conversation, from 1001
        self.shop = self.stage.shop
        shutil.rmtree(self.shop.path("data/expectations"))  # validation has its own tests
        self.shop.write("params.yaml", self.shop.path("params.yaml").read_text() + SMALL_STAGE)
        self.github = github
        self.repository = github.repository(events.REPOSITORY)
        self.place = f"{registry.host}/Team/{folder.name}"  # GitHub's names are in any case
        (folder / "docker").mkdir()
        self.machine = {
            "DOCKER_CONFIG": str(folder / "docker"),
            "GITHUB_API_URL": github.api,
            "REHEARSAL_ENVIRONMENT": environment(),
        }

    def begin(self) -> events.Event:
        """The push with which a repository from the template begins: of one commit, with what lies in the checkout."""
        self.shop.git("add", "--all")
        self.shop.git("commit", "--quiet", "--amend", "--message", "Initial commit")
        self.merge("Initial commit")
        return events.push(self.stage.origin, "main", "0" * 40, "Initial commit")

    def merge(self, message: str, *, pull: dict[str, Any] | None = None, approver: str | None = None) -> events.Event:
        """Commit what lies in the checkout and have main be at it, by way of a pull request where there is one."""
        event = self.stage.push(message)
        self.repository.receive("heads/main", event.sha, message)
        # GitHub compares a release's target with the default branch by its workflows; a retraining reads the settings.
        files = [self.shop.path("params.yaml"), *self.shop.path(".github").rglob("*")]
        self.repository.trees[event.sha] = {
            path.relative_to(self.shop.root).as_posix(): path.read_bytes() for path in files if path.is_file()
        }
        if pull:
            if approver:
                self.repository.review(pull, "APPROVED", approver)
            self.repository.merged(pull, event.sha)
        return event

    def run(
        self,
        event: events.Event,
        workflow: str = "release.yml",
        *,
        private: bool = False,
        settings: dict[str, str] | None = None,
        **machine: str,
    ) -> Ran:
        if "repository" in event.payload:  # the clock names none
            event.payload["repository"]["private"] = private
        return self.stage.rehearsal.run(
            event,
            workflow,
            token=self.github.token("write"),
            settings={
                "MAINLINE_IMAGE": f"{self.place}/Image",
                "MAINLINE_STATE": f"{self.place}/State",
                "MAINLINE_REGISTRY_USERNAME": REGISTRY_LOGIN[0],
                "MAINLINE_REGISTRY_READER": REGISTRY_READER,
                **(settings or {}),
            },
            secrets=dict.fromkeys(
                ("MAINLINE_REGISTRY_PASSWORD", "MAINLINE_REGISTRY_READER_PASSWORD"), REGISTRY_LOGIN[1]
            ),
            **{**self.machine, **machine},
        )

    def rollback(self, version: str = "") -> Ran:
        return self.run(events.dispatch(self.stage.origin, version=version), "rollback.yml")

    @property
    def in_production(self) -> str | None:
        """The digest that the tag `production` names."""
        image = Repository(f"{self.place}/image".lower())
        found = image.ask("GET", "manifests/production", accept=MANIFESTS)
        return None if found is None else sha256(found.content)

    @property
    def pages(self) -> dict[str, dict[str, Any]]:
        """The releases on GitHub, by tag."""
        return {each["tag_name"]: each for each in self.repository.releases.values()}

    @property
    def issues(self) -> list[dict[str, Any]]:
        return [each for each in self.repository.issues.values() if "pull_request" not in each]

    @property
    def shown_first(self) -> str | None:
        latest = self.repository.latest
        return str(self.repository.releases[latest]["tag_name"]) if latest else None

    @property
    def attested(self) -> list[str]:
        try:
            return (self.stage.rehearsal.folder / "attestations").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []

    @property
    def entries(self) -> list[dict[str, Any]]:
        """The audit log in the registry."""
        state = Repository(f"{self.place}/state".lower())
        manifest = state.manifest("state")
        assert manifest
        wanted = "org.opencontainers.image.title"
        layer = next(each for each in manifest.layers if each["annotations"][wanted] == "audit.jsonl")
        kept = self.stage.rehearsal.folder / "audit.jsonl"
        state.get_blob(layer, kept)
        return [json.loads(line) for line in kept.read_text(encoding="utf-8").splitlines()]

    @property
    def events(self) -> list[str]:
        return [each["event"] for each in self.entries]
