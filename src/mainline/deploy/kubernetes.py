"""The target `kubernetes`: the manifests of `deploy/kubernetes`, the digest set, the rollout watched.

Goes through `kubectl`, with whatever cluster and login that is set to.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import yaml

from mainline.deploy import repository
from mainline.errors import ConfigurationError, ExternalError

FOLDER = Path("deploy/kubernetes")
WORKLOAD = "deployment/mainline"
PLACEHOLDER = "mainline"  # the image's name in the manifests
SECONDS = 300


class KubernetesTarget:
    name = "kubernetes"

    def __init__(self, folder: Path, repository: str, namespace: str, seconds: int = SECONDS) -> None:
        self.folder = folder
        self.repository = repository
        self.namespace = namespace
        self.seconds = seconds

    def deployed(self) -> str | None:
        """The digest that every replica runs and answers with; None while a rollout is under way."""
        template = "{.spec.template.spec.containers[0].image} {.spec.replicas} {.status.updatedReplicas} "
        template += "{.status.availableReplicas} {.status.replicas}"
        found = self.attempt("get", WORKLOAD, "--ignore-not-found", "--output", f"jsonpath={template}")
        if found.returncode:
            raise self.failed("get", found)
        image, *counts = found.stdout.split()[:5] or [""]
        if len(counts) != 4 or len(set(counts)) != 1:
            return None
        return image.partition("@")[2] or None

    def deploy(self, digest: str) -> None:
        """Raises ExternalError where the rollout does not end; it is then undone."""
        before = self.deployed()
        with tempfile.TemporaryDirectory(prefix="mainline-kubernetes-") as name:
            laid = Path(name) / "manifests"
            shutil.copytree(self.folder, laid)
            pin(laid / "kustomization.yaml", self.repository, digest)
            self.run("apply", "--kustomize", str(laid))
        watched = self.attempt("rollout", "status", WORKLOAD, f"--timeout={self.seconds}s")
        if watched.returncode:
            if before is None:
                raise self.failed("rollout status", watched, "there was nothing before it to return to")
            self.run("rollout", "undo", WORKLOAD)
            self.run("rollout", "status", WORKLOAD, f"--timeout={self.seconds}s")
            raise self.failed("rollout status", watched, f"the rollout was undone, {before} answers")

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
        said = " / ".join((done.stderr or done.stdout).strip().splitlines()[-3:]) or "nothing"
        return ExternalError(f"`kubectl {what}` failed: {said}" + (f"; {then}" if then else ""))


def pin(file: Path, repository: str, digest: str) -> None:
    """Have kustomize put this image in the manifests' place for it."""
    content: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    content["images"] = [{"name": PLACEHOLDER, "newName": repository, "digest": digest}]
    file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def target() -> KubernetesTarget:
    """MAINLINE_NAMESPACE says where; kubectl's own settings say on which cluster."""
    if shutil.which("kubectl") is None:
        raise ConfigurationError("the target kubernetes needs kubectl, which is not installed here: nothing was moved")
    folder = Path.cwd() / FOLDER
    if not (folder / "kustomization.yaml").is_file():
        raise ConfigurationError(f"{folder / 'kustomization.yaml'} is not here: the manifests of the service")
    return KubernetesTarget(folder, repository(), os.environ.get("MAINLINE_NAMESPACE") or "default")
