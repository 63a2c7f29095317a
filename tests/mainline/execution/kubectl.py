"""A stand-in for kubectl and its cluster: each Job is a real container of this machine's engine.

It keeps what it was asked in the folder RECORD. FAILS says what becomes of the next Job instead: `evicted`, `deadline`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import yaml

FOLDER = Path(os.environ["RECORD"])


def docker(*words: str, **more: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=False, **more)  # type: ignore


def apply(manifest: dict) -> None:  # type: ignore[type-arg]
    (FOLDER / "job.json").write_text(json.dumps(manifest))
    if os.environ.get("FAILS"):
        return
    (container,) = manifest["spec"]["template"]["spec"]["containers"]
    log = FOLDER / "termination-log"
    log.touch()
    log.chmod(0o666)
    options = [f"--env={each['name']}={each['value']}" for each in container["env"]]
    options += [f"--volume={log}:/dev/termination-log", f"--workdir={container['workingDir']}", "--network=host"]
    name = manifest["metadata"]["name"]
    done = docker("run", "--detach", f"--name={name}", *options, container["image"], *container["command"])
    sys.exit(done.stderr) if done.returncode else None


def pods(name: str) -> list[dict]:  # type: ignore[type-arg]
    if os.environ.get("FAILS") == "evicted":
        message = "The node was low on resource: memory."
        return [{"status": {"phase": "Failed", "reason": "Evicted", "message": message}}]
    found = json.loads(docker("container", "inspect", name).stdout or "[]")
    if not found:
        return []
    state = found[0]["State"]
    if state["Running"]:
        return [{"status": {"phase": "Running", "containerStatuses": [{"state": {"running": {}}}]}}]
    said = (FOLDER / "termination-log").read_text()
    ended = {
        "exitCode": state["ExitCode"],
        "reason": "Completed" if not state["ExitCode"] else "Error",
        "message": said,
    }
    phase = "Failed" if state["ExitCode"] else "Succeeded"
    return [{"status": {"phase": phase, "containerStatuses": [{"state": {"terminated": ended}}]}}]


def main(words: list[str]) -> None:
    with (FOLDER / "calls").open("a") as calls:
        calls.write(json.dumps(words) + "\n")
    if words[0] == "apply":
        apply(yaml.safe_load(sys.stdin.read()))
    elif words[:2] == ["get", "pods"]:
        print(json.dumps({"items": pods(words[3].partition("=")[2])}))
    elif words[0] == "get":
        reason = "DeadlineExceeded" if os.environ.get("FAILS") == "deadline" else "BackoffLimitExceeded"
        failed = [{"type": "Failed", "status": "True", "reason": reason}] if os.environ.get("FAILS") else []
        print(json.dumps({"status": {"conditions": failed}}))
    elif words[0] == "logs":
        sys.exit(subprocess.run(["docker", "logs", "--follow", words[-1].removeprefix("job/")], check=False).returncode)
    elif words[0] == "delete":
        docker("rm", "--force", words[1].removeprefix("job/"))


if __name__ == "__main__":
    assert sys.argv[1] == "--namespace", sys.argv
    main(sys.argv[3:])
