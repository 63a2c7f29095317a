"""The image of a version that may be deployed: built once and staged once; later calls use the result."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path

from mainline.config.loader import Params
from mainline.errors import ExternalError, Refused
from mainline.evaluation.results import Gate
from mainline.packaging import export, image_layout
from mainline.packaging import image as build
from mainline.packaging.engine import Engine
from mainline.packaging.staging import parity, report
from mainline.packaging.staging import tests as stage
from mainline.registry.models import STAGED, Version
from mainline.registry.oci import MANIFESTS, NoAnswer, Repository, sha256
from mainline.report import export_card
from mainline.runtime.atomic_files import remove
from mainline.runtime.progress import Progress
from mainline.runtime.workspace import Workspace
from mainline.serving import signature
from mainline.training.record import Record


@dataclass(frozen=True)
class Fit:
    """`note` is the new value of the version's tag; None where the tag has it already."""

    image: str
    note: str | None = None


@dataclass(frozen=True)
class Imaging:
    """What turns a trained model into an image; `repository` is None where images stay in the engine.

    With `layout`, nothing is pushed: the image that another job pushes to `repository` is written to that folder.
    """

    params: Params
    workspace: Workspace
    engine: Engine
    repository: str | None
    progress: Progress
    layout: Path | None = None

    def fit(self, version: Version, trained: Record, frame: Path) -> Fit:
        """The digest of the version's image.

        Built and staged where the version has none yet, where anything that goes into it has changed (the server,
        the lock, the Dockerfile) or what it must keep to, or where the registry has lost it.

        Raises
        ------
        Refused
            Where the staging tests fail; the reasons are in `reports/stage.md`.
        """
        model = self.workspace.model
        self.export(trained, frame, str(version.number))
        inputs = self.inputs()
        known = staged(version)
        if known.get("inputs") == inputs and known.get("repository") == self.repository and self.has(known["image"]):
            return Fit(known["image"])
        pushed = self.pushed(inputs)
        if pushed:  # of a release that nobody has approved
            return Fit(pushed, self.note(pushed, inputs))
        made, here = self.build(signature.read(model).fingerprint[:12], tag_of(inputs))
        build.write_bill_and_provenance(self.engine, self.workspace.root, model, made, self.workspace.reports, here)
        refuse_unfit(self.stage(here, trained, frame, made.reference))
        return Fit(made.digest, self.note(made.digest, inputs))

    def note(self, digest: str, inputs: str) -> str:
        """The value of the version's tag."""
        return json.dumps({"image": digest, "inputs": inputs, "repository": self.repository}, sort_keys=True)

    def build(self, *tags: str) -> tuple[build.Image, str]:
        """The image as it is known in its repository, and the name that this machine's engine has it under."""
        root, model = self.workspace.root, self.workspace.model
        if self.layout is None or self.repository is None:
            made = build.build(self.engine, root, model, self.repository)
            return made, made.reference
        with image_layout.registry(image_layout.layers()) as (host, store):
            made = build.build(self.engine, root, model, f"{host}/{self.repository.partition('/')[2]}")
            image_layout.write(store, made.digest, tags, self.layout)
        known = replace(made, reference=f"{self.repository}@{made.digest}", repository=self.repository)
        return known, made.reference

    def pushed(self, inputs: str) -> str | None:
        """The digest of the staged image that a job has pushed for these inputs; None also where nobody can say."""
        if self.layout is None or self.repository is None:
            return None
        remove(self.layout)
        try:
            found = Repository(self.repository).ask("GET", f"manifests/{tag_of(inputs)}", accept=MANIFESTS)
        except NoAnswer:  # of a repository that does not exist yet, some registries say that it is not ours
            return None
        return None if found is None else sha256(found.content)

    def gates(self, trained: Record, frame: Path) -> list[Gate]:
        """The staging tests as gates of a review; a container that cannot be built fails like one that is slow."""
        model = self.workspace.model
        try:
            with self.progress.stage("image") as detail:
                self.export(trained, frame, export.default_version(trained))
                made = build.build(self.engine, self.workspace.root, model, None)
                detail.text = made.digest
        except (Refused, ExternalError) as error:
            return [Gate("container: build", "it builds", f"it does not: {error}", False)]
        return [replace(gate, name=f"container: {gate.name}") for gate in self.stage(made.reference, trained, frame)]

    def export(self, trained: Record, frame: Path, version: str) -> None:
        settings, root = trained.settings(self.params.settings), self.workspace.root
        card = export_card.of_record(settings, trained, frame, version, root)
        export.export(settings, trained, frame, self.workspace.model, version, card)

    def inputs(self) -> str:
        """A digest of the image's inputs and of the limits that it must meet."""
        rules = self.params.settings.stage.model_dump_json()
        return hashlib.sha256(
            f"{build.inputs(self.workspace.root, self.workspace.model)}\n{rules}".encode()
        ).hexdigest()

    def stage(self, image: str, trained: Record, frame: Path, called: str | None = None) -> list[Gate]:
        """The gates of an image; the report names it as it is `called`, where that is otherwise than here."""
        settings = trained.settings(self.params.settings)
        requests = parity.holdout_requests(settings, trained, frame, signature.read(self.workspace.model))
        with self.progress.stage("stage") as detail:
            gates = stage.stage(self.params, self.engine, image, trained, requests)
            detail.text = f"{len(gates)} gates, {len(requests.rows):,} holdout rows"
        report.write(called or image, gates, self.workspace.reports)
        return gates

    def has(self, digest: str) -> bool:
        if self.repository is None:
            return self.engine.image(digest) is not None
        return Repository(self.repository).ask("GET", f"manifests/{digest}", accept=MANIFESTS) is not None


def tag_of(inputs: str) -> str:
    """The tag of the image that was built from these inputs and passed its staging tests."""
    return f"staged-{inputs[:32]}"


def staged(version: Version) -> dict[str, str]:
    """The facts about the version's staged image; empty where there is none, or the tag has another format."""
    try:
        found = json.loads(version.tags.get(STAGED) or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) and {"image", "inputs"} <= set(found) else {}


def refuse_unfit(gates: list[Gate]) -> None:
    failed = [f"{gate.name}: {gate.measured}" for gate in gates if not gate.passed]
    if failed:
        raise Refused("the container failed its staging tests: " + "; ".join(failed))
