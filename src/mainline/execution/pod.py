"""The process of a Job's container: the run, and then its results to the registry.

`python -m mainline.execution.pod REPOSITORY TAG -- ARGUMENTS`. The digest of the results is the container's
termination message: it reaches the caller through the cluster and not through the registry.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from mainline.errors import MainlineError
from mainline.execution import parcel
from mainline.runtime.workspace import Workspace

MESSAGE = Path("/dev/termination-log")
WITH_RESULTS = (0, 1)  # the statuses of a run that has recorded a model


def main(words: Sequence[str]) -> int:
    repository, tag, _, *arguments = words
    status = subprocess.run([sys.executable, "-m", "mainline", *arguments], check=False).returncode
    if status not in WITH_RESULTS:
        return status
    try:
        MESSAGE.write_text(parcel.send(Workspace.at(Path.cwd()), repository, tag), encoding="utf-8")
    except MainlineError as error:
        print(f"mainline: the results could not be kept: {error}", file=sys.stderr)
        return error.status
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
