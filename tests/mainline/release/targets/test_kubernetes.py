"""Kubernetes: the manifests hold to their schemas, and kubectl is called in the right order.

There is no cluster: a recording stand-in takes kubectl's place.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from mainline.errors import ConfigurationError, ExternalError
from mainline.release.targets import kubernetes, select
from mainline.release.targets.kubernetes import KubernetesTarget
from tests.bounds import HANG
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
    if state["image"]:
        print(state["revision"] if "revision" in call[-1] else state["image"] + " " + state["status"], end="")
elif call[0] == "apply":
    shutil.copytree(call[2], folder + "/applied", dirs_exist_ok=True)
    state["former"], state["image"], state["revision"] = state["image"], "applied", state["revision"] + 1
    if state["fails"] == "apply":
        json.dump({**state, "fails": ""}, open(folder + "/state.json", "w"))
        sys.exit("Error from server (Forbidden): networkpolicies.networking.k8s.io is forbidden")
elif call[:2] == ["rollout", "status"] and state["fails"]:
    state["fails"] = ""
    json.dump(state, open(folder + "/state.json", "w"))
    sys.exit("error: deployment exceeded its progress deadline")
elif call[:2] == ["rollout", "undo"]:
    assert call[3] == "--to-revision=7", call
    state["image"], state["status"] = state["former"], "9 9 2 2 2"
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
    set_state(tmp_path, f"registry.example/team@{OLD}", fails="")
    return tmp_path


def set_state(folder: Path, image: str, *, fails: str = "", status: str = "3 3 2 2 2") -> None:
    """`status`: generation, observed generation, replicas, updated and available ones; what is 0 is not said."""
    state = {"image": image, "fails": fails, "status": status, "revision": 7}
    (folder / "state.json").write_text(json.dumps(state))


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
    applied = yaml.safe_load((cluster / "applied" / "kustomization.yaml").read_text())
    assert applied["images"] == [{"name": "mainline", "newName": "registry.example/team", "digest": NEW}]
    assert "images" not in yaml.safe_load((FOLDER / "kustomization.yaml").read_text())


@pytest.mark.slow
def test_a_rollout_that_fails_is_undone(cluster: Path) -> None:
    set_state(cluster, f"registry.example/team@{OLD}", fails="rollout")
    with pytest.raises(ExternalError, match=rf"progress deadline; the rollout was undone, {OLD} answers"):
        target().deploy(NEW)
    assert [call for call in calls(cluster) if call.startswith("rollout")] == [
        "rollout status",
        "rollout undo",
        "rollout status",
    ]
    assert target().deployed() == OLD


@pytest.mark.slow
def test_a_rollout_that_fails_is_undone_though_a_replica_was_missing_before(cluster: Path) -> None:
    set_state(cluster, f"registry.example/team@{OLD}", fails="rollout", status="3 3 3 2 2")
    assert target().deployed() is None
    with pytest.raises(ExternalError, match=rf"the rollout was undone, {OLD} answers"):
        target().deploy(NEW)


@pytest.mark.slow
def test_what_a_refused_manifest_left_behind_is_undone(cluster: Path) -> None:
    set_state(cluster, f"registry.example/team@{OLD}", fails="apply")
    with pytest.raises(ExternalError, match=rf"kubectl apply` failed: .*Forbidden.*the rollout was undone, {OLD}"):
        target().deploy(NEW)
    assert target().deployed() == OLD


@pytest.mark.parametrize(
    ("status", "answers"),
    [
        ("3 3 4 4 2", True),  # the autoscaler has just asked for two more
        ("4 3 2 2 2", False),  # applied, and nobody has looked at it yet
        ("3 3 3 1 2", False),  # one of three is new
        ("3 3 2 2", False),  # none is available
    ],
)
def test_replicas_that_are_to_come_are_no_rollout(cluster: Path, status: str, answers: bool) -> None:
    set_state(cluster, f"registry.example/team@{NEW}", status=status)
    assert target().deployed() == (NEW if answers else None)


def test_other_images_of_the_fork_stay_what_they_are(tmp_path: Path) -> None:
    file = tmp_path / "kustomization.yaml"
    other = {"name": "mainline-ship", "newName": "registry.example/team/ship", "digest": OLD}
    file.write_text(yaml.safe_dump({"images": [other, {"name": "mainline", "newTag": "latest"}]}))
    kubernetes.pin(file, "registry.example/team", NEW)
    pinned = {"name": "mainline", "newName": "registry.example/team", "digest": NEW}
    assert yaml.safe_load(file.read_text())["images"] == [other, pinned]


@pytest.mark.slow
def test_a_first_rollout_that_fails_has_nothing_to_return_to(cluster: Path) -> None:
    set_state(cluster, "", fails="rollout")
    with pytest.raises(ExternalError, match="there is no former revision to return to"):
        target().deploy(NEW)
    assert "rollout undo" not in calls(cluster)


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_a_cluster_that_is_away_is_said_in_kubectls_own_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "config"
    cluster = {"name": "away", "cluster": {"server": "http://127.0.0.1:1"}}
    context = {"name": "away", "context": {"cluster": "away", "user": ""}}
    content = {"apiVersion": "v1", "kind": "Config", "current-context": "away"}
    file.write_text(yaml.safe_dump({**content, "clusters": [cluster], "contexts": [context]}))
    monkeypatch.setenv("KUBECONFIG", str(file))
    with pytest.raises(ExternalError, match=r"^`kubectl get` failed: The connection to the server 127\.0\.0\.1:1 was"):
        target().deployed()


def test_without_kubectl_it_is_said_before_anything_moves(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigurationError, match="needs kubectl, which is not installed: nothing was deployed"):
        select.target("kubernetes")


@pytest.fixture(scope="session")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The manifests with the component that ships, as kustomize makes them; by kind and name."""
    folder = tmp_path_factory.mktemp("shipped") / "kubernetes"
    shutil.copytree(FOLDER, folder)
    file = folder / "kustomization.yaml"
    file.write_text(file.read_text() + "components: [components/ship]\n")
    program = ["kustomize", "build"] if shutil.which("kustomize") else ["kubectl", "kustomize"]
    if shutil.which(program[0]) is None:
        pytest.skip("neither kustomize nor kubectl is installed")
    done = subprocess.run([*program, str(folder)], capture_output=True, text=True, check=False, timeout=HANG)
    assert done.returncode == 0, done.stderr
    return {f"{each['kind']} {each['metadata']['name']}": each for each in yaml.safe_load_all(done.stdout)}


@pytest.mark.slow
def test_with_the_shipper_the_manifests_hold_to_kubernetes_own_schemas(shipped: dict[str, dict[str, Any]]) -> None:
    for manifest in shipped.values():
        kubernetes_validate.validate(manifest, "1.32", strict=True)


def test_the_shipper_ends_after_the_server_and_may_no_more_than_it(shipped: dict[str, dict[str, Any]]) -> None:
    pod = shipped["Deployment mainline"]["spec"]["template"]["spec"]
    (server,), (sidecar,) = pod["containers"], pod["initContainers"]
    assert sidecar["restartPolicy"] == "Always"  # among the first containers that makes it a sidecar
    assert sidecar["securityContext"] == server["securityContext"]
    assert set(sidecar["resources"]["limits"]) == {"cpu", "memory", "ephemeral-storage"}
    spool = next(each["value"] for each in server["env"] if each["name"] == "MAINLINE_LOG")
    assert f"--spool={spool}" in sidecar["args"]
    assert {"name": "state", "mountPath": "/state"} in sidecar["volumeMounts"]
    plain = next(each for each in manifests() if each["kind"] == "Deployment")["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] > plain["terminationGracePeriodSeconds"]
    store = next(each for name, each in shipped.items() if name.startswith("ConfigMap mainline-ship"))
    assert sidecar["envFrom"][0]["configMapRef"]["name"] == store["metadata"]["name"]
    assert "STORE" in store["data"] and "--to=$(STORE)" in sidecar["args"]


def test_until_the_store_is_named_the_shipper_can_reach_nobody_but_the_names(
    shipped: dict[str, dict[str, Any]],
) -> None:
    assert shipped["NetworkPolicy mainline"]["spec"]["egress"] == []
    store, names = shipped["NetworkPolicy mainline-ship"]["spec"]["egress"]
    assert [peer["ipBlock"]["cidr"] for peer in store["to"]] == ["192.0.2.0/24"]  # RFC 5737: nobody's
    assert {each["port"] for each in names["ports"]} == {53}
