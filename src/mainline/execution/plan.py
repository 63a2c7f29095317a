"""What `mainline kfp` decides, for the environment that has kfp: image, names, cache keys, limits, as JSON."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from typing import Any

from mainline.config.environment import TRAINED_IN
from mainline.execution import job_image
from mainline.execution.container_run import CPUS, GPUS, MEMORY
from mainline.execution.job import Job
from mainline.execution.trainer_image import Trainer
from mainline.packaging.engine import Engine
from mainline.training.fingerprint import Fingerprint


def plan(
    engine: Engine,
    trainer: Trainer,
    job: Job,
    prints: Fingerprint | None,
    base: str,
    environment: Mapping[str, str] = os.environ,
) -> dict[str, Any]:
    """Build the image of the steps, and say what the pipeline is made of; `prints` is None for recurring runs."""
    identity = prints.model[:12] if prints else "recurring"
    image = job_image.build(engine, trainer, job, f"pipeline-{identity}", with_state=False)
    return {
        "name": f"mainline{job.workspace.of.suffix}",
        "image": image,
        "fingerprint": prints.model if prints else "",
        "base": base,
        "keys": keys(job, prints) if prints else {},
        "variables": {**job.plain(environment), TRAINED_IN: trainer.digest},
        "memory": environment.get(MEMORY, ""),
        "cpus": environment.get(CPUS, ""),
        "gpus": environment.get(GPUS, ""),
    }


def keys(job: Job, prints: Fingerprint) -> dict[str, str]:
    """The cache key of each step whose result the fingerprint decides; suites are no part of it.

    A comparison depends on the baseline too, and is made every time.
    """
    rules = hashlib.sha256()
    for path in sorted((job.workspace.root / job.params.settings.data.expectations).glob("*.yaml")):
        rules.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    validated = f"{prints.model}-{rules.hexdigest()[:16]}"
    return {"collect": prints.model, "prepare": prints.model, "validate": validated, "train": validated}
