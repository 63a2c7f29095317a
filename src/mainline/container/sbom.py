"""What is in the image, for who must know: a CycloneDX bill of materials, from the lock it was installed from."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from mainline.errors import ConfigurationError, ExternalError
from mainline.serving.signature import Signature


def find_uv() -> str:
    """Raises ConfigurationError where it is not here."""
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        raise ConfigurationError("uv is not here: it writes the bill of materials")
    return uv


def bill(root: Path, signature: Signature, selection: list[str]) -> dict[str, Any]:
    """CycloneDX 1.5: the locked packages that `selection` installs, and the model as a component of its own.

    The packages of the base image's distribution are not in it: its maker's bill says them.
    """
    uv = find_uv()
    call = [uv, "export", "--quiet", "--frozen", "--no-emit-project", "--preview-features", "sbom-export"]
    done = subprocess.run(
        [*call, "--format", "cyclonedx1.5", *selection], cwd=root, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ExternalError(f"uv could not write the bill of materials: {done.stderr.strip()}")
    found: dict[str, Any] = json.loads(done.stdout)
    found["components"] = [*found.get("components", []), model(signature)]
    return found


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
