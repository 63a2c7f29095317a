"""The target `kubernetes`: applies the manifests of `deploy/kubernetes` with the digest, and waits for the rollout.

Uses `kubectl`, with the cluster and login that it is set to.
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
TRACE = re.compile(r"[EWI]\d{4} \d\d:")  # kubectl's internal log lines, before the error itself
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
        """The digest that every replica runs and answers with; None during a rollout.

        The number of replicas is the autoscaler's: replicas that it has just requested are not a rollout.
        """
        image, *counts = self.look(STATUS).split() or [""]
        if len(counts) != 5:  # kubectl omits empty values
            return None
        generation, observed, replicas, updated, _ = counts
        return image.partition("@")[2] or None if (generation, replicas) == (observed, updated) else None

    def revision(self) -> str:
        """The revision of the current deployment, to return to; empty where there is none."""
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
        """Return to the former revision; returns a text with the result."""
        if not revision:
            return "there is no former revision to return to"
        for done in (self.attempt("rollout", "undo", WORKLOAD, f"--to-revision={revision}"), self.watched()):
            if done.returncode:
                return f"and it could not be undone: {self.last_lines(done)}"
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
            raise ExternalError(f"`kubectl {arguments[0]}` did not end: is the cluster reachable?") from None

    def failed(self, what: str, done: subprocess.CompletedProcess[str], then: str = "") -> ExternalError:
        return ExternalError(f"`kubectl {what}` failed: {self.last_lines(done)}" + (f"; {then}" if then else ""))

    def last_lines(self, done: subprocess.CompletedProcess[str]) -> str:
        lines = [line for line in (done.stderr or done.stdout).strip().splitlines() if not TRACE.match(line)]
        return " / ".join(lines[-3:]) or "nothing"


def pin(file: Path, repository: str, digest: str) -> None:
    """Set this image in the manifests with kustomize; other images stay as they are."""
    content: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    others = [image for image in content.get("images") or [] if image.get("name") != PLACEHOLDER]
    content["images"] = [*others, {"name": PLACEHOLDER, "newName": repository, "digest": digest}]
    file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


@deploy_target("kubernetes")
def target() -> KubernetesTarget:
    """The manifests of `deploy/kubernetes` in MAINLINE_NAMESPACE, on the cluster that kubectl is set to."""
    if shutil.which("kubectl") is None:
        raise ConfigurationError("the target kubernetes needs kubectl, which is not installed: nothing was deployed")
    folder = Path.cwd() / FOLDER
    if not (folder / "kustomization.yaml").is_file():
        raise ConfigurationError(
            f"{folder / 'kustomization.yaml'} does not exist: it lists the manifests of the service"
        )
    return KubernetesTarget(folder, repository(), os.environ.get("MAINLINE_NAMESPACE") or "default")
