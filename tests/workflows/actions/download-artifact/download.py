"""What actions/download-artifact leaves of one artifact that this run uploaded, by its name; none is an error."""

from __future__ import annotations

import json
import os
import sys
import zipfile
from pathlib import Path


def main() -> int:
    inputs = json.loads(os.environ["INPUTS"])
    archive = Path(os.environ["REHEARSAL"], "artifacts", os.environ["GITHUB_RUN_ID"], f"{inputs['name']}.zip")
    if not archive.exists():
        print(f"::error::Unable to download artifact(s): Artifact not found for name: {inputs['name']}", flush=True)
        return 1
    folder = Path(os.environ["GITHUB_WORKSPACE"], inputs["path"])
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)
    with open(os.environ["GITHUB_OUTPUT"], "a", encoding="utf-8") as outputs:
        outputs.write(f"download-path={folder}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
