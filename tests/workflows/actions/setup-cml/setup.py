"""Puts a program called `cml` on the PATH, as npm would have."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path


def main() -> int:
    inputs = json.loads(os.environ["INPUTS"])
    program = os.environ.get("REHEARSAL_CML")
    if inputs["version"] == "latest":
        print("::error::a version is needed: the newest is another one tomorrow", flush=True)
        return 1
    if not program:
        print("::error::npm could not fetch CML", flush=True)
        return 1
    with open(os.environ["GITHUB_PATH"], "a", encoding="utf-8") as paths:
        paths.write(f"{Path(program).parent}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
