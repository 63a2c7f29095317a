"""The target `registry`: the tag `production` names the image; whatever runs the container follows the tag."""

from __future__ import annotations

import os

from mainline.errors import ExternalError
from mainline.registry.oci import MANIFESTS, Repository, sha256
from mainline.release.targets.declaration import deploy_target, repository

TAG = "production"


class TagTarget:
    """Moves a tag through the registry's HTTP API, in one atomic request."""

    name = "registry"

    def __init__(self, repository: Repository, tag: str = TAG) -> None:
        self.repository = repository
        self.tag = tag

    def deployed(self) -> str | None:
        found = self.repository.ask("GET", f"manifests/{self.tag}", accept=MANIFESTS)
        return None if found is None else sha256(found.content)

    def deploy(self, digest: str) -> None:
        """The manifest's own bytes under the tag: other bytes would be another digest."""
        found = self.repository.ask("GET", f"manifests/{digest}", accept=MANIFESTS)
        if found is None:
            raise ExternalError(f"{self.repository.reference} has no image {digest}: push it first")
        if sha256(found.content) != digest:
            raise ExternalError(f"{self.repository.reference} returns other content for {digest}: it is damaged")
        kind = {"Content-Type": found.headers["Content-Type"]}
        self.repository.ask("PUT", f"manifests/{self.tag}", data=found.content, headers=kind)


@deploy_target("registry")
def target() -> TagTarget:
    """The tag MAINLINE_TAG (`production` by default) of the repository MAINLINE_IMAGE."""
    return TagTarget(Repository(repository()), os.environ.get("MAINLINE_TAG") or TAG)
