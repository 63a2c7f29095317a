"""What a step tells Kubeflow Pipelines of its outputs: the metadata of artifacts, and the values of parameters.

The file is the `ExecutorOutput` of the pipeline specification, which KFP's launcher and `kfp.local` read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def write(
    given: Mapping[str, Any],
    outputs: Mapping[str, Path],
    metadata: Mapping[str, Mapping[str, Any]],
    parameters: Mapping[str, str],
) -> None:
    """Write the file, the parameters, and of an artifact that is its metadata alone a file with the same content."""
    for name, value in parameters.items():
        put(outputs[name], value)
    for name, values in metadata.items():
        if name in outputs and not outputs[name].exists():
            put(outputs[name], json.dumps(values, indent=2))
    said = given["outputs"]
    artifacts = {
        name: {"artifacts": [{**each, "metadata": {**(each.get("metadata") or {}), **metadata.get(name, {})}}]}
        for name, listed in (said.get("artifacts") or {}).items()
        for each in listed["artifacts"][:1]
    }
    put(Path(said["outputFile"]), json.dumps({"artifacts": artifacts, "parameterValues": dict(parameters)}))


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
