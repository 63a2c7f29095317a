"""uv as it is on this machine; or an environment that is shared, where the rehearsal was given one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path


def main() -> int:
    inputs = json.loads(os.environ["INPUTS"])
    uv = os.environ.get("REHEARSAL_UV") or shutil.which("uv")
    if not uv:
        print("::error::uv is not on the PATH: install it, or run make ci", flush=True)
        return 1
    version = subprocess.run([uv, "--version"], check=True, capture_output=True, text=True).stdout.split()[1]
    if inputs["version"] and inputs["version"] != version:
        print(f"::notice::uv {inputs['version']} is asked for, {version} is here", flush=True)
    write("GITHUB_PATH", str(Path(uv).parent))
    write("GITHUB_OUTPUT", f"uv-version={version}\nuv-path={uv}")
    shared = os.environ.get("REHEARSAL_ENVIRONMENT")
    if shared:
        share(Path(shared), Path(os.environ["GITHUB_WORKSPACE"]))  # nothing is installed: no Python is looked for
    elif inputs["python-version"]:
        choose(uv, inputs["python-version"])
    return 0


def choose(uv: str, version: str) -> None:
    """The real action downloads it; here the machine's own has to do."""
    here = subprocess.run([uv, "python", "find", "--no-python-downloads", version], check=False, capture_output=True)
    if here.returncode:
        print(f"::notice::Python {version} is asked for and not on this machine: its default is used", flush=True)
    else:
        write("GITHUB_ENV", f"UV_PYTHON={version}")


def share(environment: Path, workspace: Path) -> None:
    """`.venv` whose programs are those of another environment, with the workspace's own code before it.

    Its stamps are newer than the lock, so that make finds everything installed.
    """
    folder = workspace / ".venv" / "bin"
    folder.mkdir(parents=True)
    for name, program in (("python", ""), ("mainline", " -m mainline")):
        wrapper = folder / name
        wrapper.write_text(
            f'#!/bin/sh\nPYTHONPATH="{workspace}/src" exec "{environment}/bin/python"{program} "$@"\n', encoding="utf-8"
        )
        wrapper.chmod(0o755)
    for stamp in (".core", ".train", ".export", ".search", ".stage", ".all"):
        (folder / stamp).touch()


def write(variable: str, lines: str) -> None:
    with open(os.environ[variable], "a", encoding="utf-8") as file:
        file.write(lines + "\n")


if __name__ == "__main__":
    sys.exit(main())
