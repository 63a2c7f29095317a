"""What actions/checkout does, from a bare repository on this machine: init, fetch, check out; no clone's shortcuts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

TOKEN = "rehearsal-token"


def main() -> int:
    inputs = json.loads(os.environ["INPUTS"])
    origin = Path(os.environ["REHEARSAL"], "origin.git").as_uri()
    sha, ref = os.environ["SHA"], os.environ["REF"]
    if refused(inputs):
        print("::error::refusing to check out a fork's code in a privileged workflow", flush=True)
        return 1
    folder = Path(os.environ["GITHUB_WORKSPACE"], inputs["path"])
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "--quiet", "--initial-branch=checkout-stand-in")
    git(folder, "remote", "add", "origin", origin)
    if inputs["persist-credentials"] == "true":
        git(folder, "config", "http.https://github.com/.extraheader", f"AUTHORIZATION: basic {TOKEN}")
    sparse = inputs["sparse-checkout"].split("\n")
    if any(sparse):
        git(folder, "sparse-checkout", "set", *filter(None, sparse))
    depth = int(inputs["fetch-depth"])
    asked = inputs["ref"] or sha
    if depth:
        git(folder, "fetch", "--quiet", "--no-tags", f"--depth={depth}", "origin", asked)
        commit = git(folder, "rev-parse", "FETCH_HEAD")
    else:
        # As the action does it: every branch, and beside them the commit that the event is about.
        git(folder, "fetch", "--quiet", "--tags", "origin", "+refs/heads/*:refs/remotes/origin/*", asked)
        commit = git(folder, "rev-parse", f"{inputs['ref'] or sha}^{{commit}}")
    if ref.startswith("refs/heads/") and not inputs["ref"]:
        branch = ref.removeprefix("refs/heads/")
        git(folder, "checkout", "--quiet", "--force", "-B", branch, commit)
        git(folder, "update-ref", f"refs/remotes/origin/{branch}", commit)
    else:
        git(folder, "checkout", "--quiet", "--force", "--detach", commit)
    with open(os.environ["GITHUB_OUTPUT"], "a", encoding="utf-8") as outputs:
        outputs.write(f"ref={inputs['ref'] or ref}\ncommit={commit}\n")
    return 0


def refused(inputs: dict[str, str]) -> bool:
    """Since v7 a fork's code is not checked out where the token can write."""
    privileged = os.environ["GITHUB_EVENT_NAME"] in ("pull_request_target", "workflow_run")
    return privileged and "pull/" in inputs["ref"]


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
