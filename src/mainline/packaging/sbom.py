"""The software bill of materials of an image (CycloneDX), from the lock and from the image itself."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.errors import ConfigurationError, ExternalError
from mainline.packaging.engine import Engine

if TYPE_CHECKING:
    from mainline.serving.signature import Signature

# Asked of the image's own Python: what is in its environment, and not what its base has.
LIST = """\
import importlib.metadata as m, json, sysconfig
found = m.distributions(path=[sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
print(json.dumps({each.metadata["Name"]: each.version for each in found}))
"""


def find_uv() -> str:
    """Raises ConfigurationError where uv is not installed."""
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        raise ConfigurationError("uv is not installed: it writes the bill of materials")
    return uv


def installed(engine: Engine, image: str) -> dict[str, str]:
    """The packages in an image and their versions, by normalised name."""
    said = engine.run("run", "--rm", "--network=none", "--read-only", "--entrypoint=python", image, "-c", LIST)
    found: dict[str, str] = json.loads(said)
    return {normalised(name): version for name, version in found.items()}


def bill(root: Path, signature: Signature, selection: list[str], packages: dict[str, str]) -> dict[str, Any]:
    """CycloneDX 1.5: of the lock's `selection` what is in the image, and the model as a component of its own.

    A lock names what every Python and machine would get: `packages` are those of this image. Those of the base
    image's distribution are not in it: its maker's bill says them.

    Raises
    ------
    ExternalError
        Where the image contains a package that is not in the lock.
    """
    uv = find_uv()
    call = [uv, "export", "--quiet", "--frozen", "--no-emit-project", "--preview-features", "sbom-export"]
    done = subprocess.run(
        [*call, "--format", "cyclonedx1.5", *selection], cwd=root, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ExternalError(f"uv could not write the bill of materials: {done.stderr.strip()}")
    found: dict[str, Any] = json.loads(done.stdout)
    there = [each for each in found.get("components", []) if packages.get(normalised(each["name"])) == each["version"]]
    unnamed = packages.keys() - {normalised(each["name"]) for each in there}
    if unnamed:
        name = min(unnamed)
        raise ExternalError(f"the image contains {name} {packages[name]}, which is not in uv.lock for it")
    kept = {each["bom-ref"] for each in there}
    found["dependencies"] = [
        {**each, "dependsOn": [ref for ref in each.get("dependsOn", []) if ref in kept]}
        for each in found.get("dependencies", [])
        if each["ref"] in kept
    ]
    found["components"] = [*there, model(signature)]
    return found


def normalised(name: str) -> str:
    """https://packaging.python.org/en/latest/specifications/name-normalization/"""
    return re.sub(r"[-_.]+", "-", name).lower()


def model(signature: Signature) -> dict[str, Any]:
    """The model as CycloneDX has it: a machine-learning model by its digest, trained on data by theirs."""
    return {
        "type": "machine-learning-model",
        "bom-ref": f"model-{signature.digest}",
        "name": signature.name,
        "version": signature.version,
        "hashes": [{"alg": "SHA-256", "content": signature.digest}],
        "properties": [
            {"name": "mainline:pipeline", "value": signature.pipeline_digest},
            {"name": "mainline:data", "value": signature.data_digest},
            {"name": "mainline:fingerprint", "value": signature.fingerprint},
            {"name": "mainline:commit", "value": signature.commit or "none"},
        ],
    }
