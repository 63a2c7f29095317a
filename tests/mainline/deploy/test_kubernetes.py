"""Kubernetes: the manifests hold to their schemas, and kubectl is called in the right order.

There is no cluster: a recording stand-in takes kubectl's place.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from mainline import targets
from mainline.deploy import kubernetes
from mainline.deploy.kubernetes import KubernetesTarget
from mainline.errors import ConfigurationError, ExternalError
from tests.projects import TOP

FOLDER = TOP / "deploy" / "kubernetes"
OLD, NEW = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
KUBECTL = """\
#!/usr/bin/env python3
import json, os, shutil, sys
folder = os.environ["RECORD"]
state = json.load(open(folder + "/state.json"))
call = sys.argv[3:]
open(folder + "/calls", "a").write(json.dumps(call) + "\\n")
if call[0] == "get":
    image = state["image"]
    print(image + " 2 2 2 2" if image else "", end="")
elif call[0] == "apply":
    shutil.copy(call[2] + "/kustomization.yaml", folder + "/applied.yaml")
    state["former"], state["image"] = state["image"], "applied"
elif call[:2] == ["rollout", "status"] and state["fails"]:
    state["fails"] = False
    json.dump(state, open(folder + "/state.json", "w"))
    sys.exit("error: deployment exceeded its progress deadline")
elif call[:2] == ["rollout", "undo"]:
    state["image"] = state["former"]
json.dump(state, open(folder + "/state.json", "w"))
"""


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which the stand-in keeps what it was asked."""
    program = tmp_path / "bin" / "kubectl"
    program.parent.mkdir()
    program.write_text(KUBECTL)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("RECORD", str(tmp_path))
    set_state(tmp_path, f"registry.example/team@{OLD}", fails=False)
    return tmp_path


def set_state(folder: Path, image: str, *, fails: bool) -> None:
    (folder / "state.json").write_text(json.dumps({"image": image, "fails": fails}))


def calls(folder: Path) -> list[str]:
    return [" ".join(json.loads(line)[:2]) for line in (folder / "calls").read_text().splitlines()]


def target() -> KubernetesTarget:
    return KubernetesTarget(FOLDER, "registry.example/team", "models", seconds=5)


def manifests() -> list[dict[str, Any]]:
    names = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())["resources"]
    return [yaml.safe_load((FOLDER / name).read_text()) for name in names]


@pytest.mark.parametrize("manifest", manifests(), ids=lambda manifest: str(manifest["kind"]))
def test_the_manifests_hold_to_kubernetes_own_schemas(manifest: dict[str, Any]) -> None:
    kubernetes_validate.validate(manifest, "1.32", strict=True)


def test_what_selects_the_pods_is_what_they_are_labelled_with() -> None:
    found = {manifest["kind"]: manifest["spec"] for manifest in manifests()}
    labels = found["Deployment"]["template"]["metadata"]["labels"]
    assert found["Deployment"]["selector"]["matchLabels"] == labels
    assert found["Service"]["selector"] == labels
    assert found["PodDisruptionBudget"]["selector"]["matchLabels"] == labels
    assert found["NetworkPolicy"]["podSelector"]["matchLabels"] == labels
    (container,) = found["Deployment"]["template"]["spec"]["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["image"] == kubernetes.PLACEHOLDER
    drains = next(int(each["value"]) for each in container["env"] if each["name"] == "MAINLINE_DRAIN_SECONDS")
    assert found["Deployment"]["template"]["spec"]["terminationGracePeriodSeconds"] >= drains + 30


@pytest.mark.slow
def test_the_digest_is_set_and_the_rollout_watched(cluster: Path) -> None:
    assert target().deployed() == OLD
    target().deploy(NEW)
    assert calls(cluster)[-2:] == ["apply --kustomize", "rollout status"]
    applied = yaml.safe_load((cluster / "applied.yaml").read_text())
    assert applied["images"] == [{"name": "mainline", "newName": "registry.example/team", "digest": NEW}]
    assert "images" not in yaml.safe_load((FOLDER / "kustomization.yaml").read_text())


@pytest.mark.slow
def test_a_rollout_that_fails_is_undone(cluster: Path) -> None:
    set_state(cluster, f"registry.example/team@{OLD}", fails=True)
    with pytest.raises(ExternalError, match=rf"progress deadline; the rollout was undone, {OLD} answers"):
        target().deploy(NEW)
    assert calls(cluster)[-3:] == ["rollout status", "rollout undo", "rollout status"]
    assert target().deployed() == OLD


def test_a_first_rollout_that_fails_has_nothing_to_return_to(cluster: Path) -> None:
    set_state(cluster, "", fails=True)
    with pytest.raises(ExternalError, match="nothing before it to return to"):
        target().deploy(NEW)
    assert "rollout undo" not in calls(cluster)


def test_without_kubectl_it_is_said_before_anything_moves(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigurationError, match="needs kubectl, which is not installed here: nothing was moved"):
        targets.target("kubernetes")
