"""The image of a run that is computed elsewhere: the trainer image with the checkout and its history on top."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from mainline.errors import ExternalError
from mainline.execution import parcel
from mainline.execution.job import Job
from mainline.execution.trainer_image import NAME, Trainer
from mainline.packaging import image
from mainline.packaging.engine import Engine

JOBS = "jobs"  # of the repository of the images, below that of the server's
USER = "10001:10001"


def build(engine: Engine, trainer: Trainer, job: Job, tag: str, *, with_state: bool) -> str:
    """The image's reference: by digest where the trainer image was pushed and so this one is, else by its tag.

    Every user can write to the checkout in it: some clusters choose a user of their own.
    """
    repository = trainer.reference.partition("@")[0].removesuffix(f"/{NAME}") if "@" in trainer.reference else ""
    name = f"{repository}/{JOBS}:{tag}" if repository else f"mainline-{JOBS}:{tag}"
    root = job.workspace.root
    with tempfile.TemporaryDirectory(prefix="mainline-job-") as folder:
        checkout = Path(folder, "checkout")
        parcel.lay_out(job.workspace, job.files(), checkout, with_state=with_state)
        for path in (checkout, *checkout.rglob("*")):
            path.chmod(path.stat().st_mode | (0o777 if path.is_dir() else 0o666))
        prepared = ["sh", "-c", 'mkdir -p "$0" && chmod 777 "$0"', str(root)]
        lines = [f"FROM {trainer.reference}", "USER 0", f"RUN {json.dumps(prepared)}"]
        lines += [f"COPY --chown={USER} {json.dumps(['checkout/', f'{root}/'])}", f"USER {USER}", f"WORKDIR {root}"]
        lines += [f"ENV PYTHONPATH={':'.join(map(str, job.python_path))} PYTHONHASHSEED=0"]
        lines += ["ENV GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0=*"]
        Path(folder, "Dockerfile").write_text("\n".join(lines) + "\n", encoding="utf-8")
        engine.run("build", "--tag", name, folder, seconds=1800)
    if repository:
        return f"{repository}/{JOBS}@{image.push(engine, f'{repository}/{JOBS}', name)}"
    if engine.image(name) is None:
        raise ExternalError(f"{engine.name} has built {name} but does not list it")
    return name
