"""The provenance of an image, its inputs and its builder: https://slsa.dev/spec/v1.0/provenance."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mainline.packaging.engine import Engine

# The specification asks for URIs; a template has no page of its own that would stay.
BUILD_TYPE = "urn:mainline:image:1"
ANYBODY = "urn:mainline:local"  # a machine without an identity


def statement(
    name: str,
    digest: str,
    labels: Mapping[str, str],
    base: dict[str, Any],
    inputs: Iterable[Path],
    environment: Mapping[str, str] = os.environ,
) -> dict[str, Any]:
    """The statement about an image (name and digest), with its base image and the files that it was made from."""
    files = [{"name": path.name, "digest": {"sha256": sha256(path)}} for path in inputs]
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": name, "digest": {"sha256": digest.partition(":")[2]}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {"labels": dict(labels)},
                "resolvedDependencies": [base, *files],
            },
            "runDetails": run(environment),
        },
    }


def base_of(engine: Engine, base: str) -> dict[str, Any]:
    """The base image by name, and by digest where the engine has it from a registry; BuildKit keeps none to ask for."""
    name, _, digest = base.partition("@sha256:")
    found: dict[str, Any] = {"uri": f"docker://{name}"}
    if digest:
        return {**found, "digest": {"sha256": digest}}
    for each in (engine.image(base) or {}).get("RepoDigests") or []:
        return {**found, "digest": {"sha256": each.rpartition(":")[2]}}
    return found


def run(environment: Mapping[str, str]) -> dict[str, Any]:
    """The workflow and its run, if it was built by one."""
    server, repository, number, workflow = (
        environment.get(f"GITHUB_{name}") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID", "WORKFLOW_REF")
    )
    if not number:
        return {"builder": {"id": ANYBODY}}
    invocation = f"{server}/{repository}/actions/runs/{number}/attempts/{environment.get('GITHUB_RUN_ATTEMPT', '1')}"
    return {
        "builder": {"id": f"{server}/{workflow}" if workflow else f"{server}/{repository}"},
        "metadata": {"invocationId": invocation},
    }


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
