"""The target `kubernetes`: the manifests of `deploy/kubernetes`, the digest set, the rollout watched.

Goes through `kubectl`, with whatever cluster and login that is set to.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import yaml

from mainline.errors import ConfigurationError, ExternalError
from mainline.release.targets.declaration import deploy_target, repository

FOLDER = Path("deploy/kubernetes")
WORKLOAD = "deployment/mainline"
PLACEHOLDER = "mainline"  # the image's name in the manifests
SECONDS = 300
TRACE = re.compile(r"[EWI]\d{4} \d\d:")  # what kubectl says of its own inside, before it says what is wrong
STATUS = (
    '{.spec.template.spec.containers[?(@.name=="server")].image} {.metadata.generation} {.status.observedGeneration} '
    "{.status.replicas} {.status.updatedReplicas} {.status.availableReplicas}"
)


class KubernetesTarget:
    name = "kubernetes"

    def __init__(self, folder: Path, repository: str, namespace: str, seconds: int = SECONDS) -> None:
        self.folder = folder
        self.repository = repository
        self.namespace = namespace
        self.seconds = seconds

    def deployed(self) -> str | None:
        """The digest that every replica runs and answers with; None while a rollout is under way.

        How many there are to be is the autoscaler's, at any time: replicas that it has just asked for are no rollout.
        """
        image, *counts = self.look(STATUS).split() or [""]
        if len(counts) != 5:  # what is none is left out
            return None
        generation, observed, replicas, updated, _ = counts
        return image.partition("@")[2] or None if (generation, replicas) == (observed, updated) else None

    def revision(self) -> str:
        """Of the deployment that is there, to return to; empty where there is none."""
        return self.look(r"{.metadata.annotations.deployment\.kubernetes\.io/revision}").strip()

    def look(self, template: str) -> str:
        return self.run("get", WORKLOAD, "--ignore-not-found", "--output", f"jsonpath={template}")

    def deploy(self, digest: str) -> None:
        """Raises ExternalError where the rollout does not begin or end; it is then undone."""
        before = self.revision()
        with tempfile.TemporaryDirectory(prefix="mainline-kubernetes-") as name:
            laid = Path(name) / "manifests"
            shutil.copytree(self.folder, laid)
            pin(laid / "kustomization.yaml", self.repository, digest)
            what, done = "apply", self.attempt("apply", "--kustomize", str(laid))
        if done.returncode == 0:
            what, done = "rollout status", self.watched()
        if done.returncode:
            raise self.failed(what, done, self.undone(before))

    def watched(self) -> subprocess.CompletedProcess[str]:
        return self.attempt("rollout", "status", WORKLOAD, f"--timeout={self.seconds}s")

    def undone(self, revision: str) -> str:
        """Return to the revision that was there, whatever has been applied since; what came of it."""
        if not revision:
            return "there was nothing before it to return to"
        for done in (self.attempt("rollout", "undo", WORKLOAD, f"--to-revision={revision}"), self.watched()):
            if done.returncode:
                return f"and it could not be undone: {self.said(done)}"
        return f"the rollout was undone, {self.deployed()} answers"

    def run(self, *arguments: str) -> str:
        done = self.attempt(*arguments)
        if done.returncode:
            raise self.failed(arguments[0], done)
        return done.stdout

    def attempt(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        call = ["kubectl", "--namespace", self.namespace, *arguments]
        try:
            return subprocess.run(call, capture_output=True, text=True, check=False, timeout=self.seconds + 60)
        except subprocess.TimeoutExpired:
            raise ExternalError(f"`kubectl {arguments[0]}` did not end: is the cluster there?") from None

    def failed(self, what: str, done: subprocess.CompletedProcess[str], then: str = "") -> ExternalError:
        return ExternalError(f"`kubectl {what}` failed: {self.said(done)}" + (f"; {then}" if then else ""))

    def said(self, done: subprocess.CompletedProcess[str]) -> str:
        lines = [line for line in (done.stderr or done.stdout).strip().splitlines() if not TRACE.match(line)]
        return " / ".join(lines[-3:]) or "nothing"


def pin(file: Path, repository: str, digest: str) -> None:
    """Have kustomize put this image in the manifests' place for it; other images stay as the fork has them."""
    content: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    others = [image for image in content.get("images") or [] if image.get("name") != PLACEHOLDER]
    content["images"] = [*others, {"name": PLACEHOLDER, "newName": repository, "digest": digest}]
    file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


@deploy_target("kubernetes")
def target() -> KubernetesTarget:
    """MAINLINE_NAMESPACE says where; kubectl's own settings say on which cluster."""
    if shutil.which("kubectl") is None:
        raise ConfigurationError("the target kubernetes needs kubectl, which is not installed here: nothing was moved")
    folder = Path.cwd() / FOLDER
    if not (folder / "kustomization.yaml").is_file():
        raise ConfigurationError(f"{folder / 'kustomization.yaml'} is not here: the manifests of the service")
    return KubernetesTarget(folder, repository(), os.environ.get("MAINLINE_NAMESPACE") or "default")
