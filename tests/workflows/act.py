"""Workflows run for real by act, on this machine without containers, with stand-ins for other people's actions."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.workflows.events import REPOSITORY, Event, Origin, git

STAND_INS = Path(__file__).parent / "actions"
# Of an action's repository, the folder that stands in for it.
REPLACED = {
    "actions/checkout": "checkout",
    "actions/attest": "attest",
    "actions/cache": "cache",
    "actions/create-github-app-token": "create-github-app-token",
    "actions/download-artifact": "download-artifact",
    "actions/upload-artifact": "upload-artifact",
    "astral-sh/setup-uv": "setup-uv",
}
USES = re.compile(r"(?m)^\s*(?:- )?uses: ([\w.-]+/[\w.-]+)(?:/[\w./-]+)?@(\S+)")
# Of `concurrency`, since May 2026; act does not know it, and runs one run at a time anyway:
# https://github.blog/changelog/2026-05-07-github-actions-concurrency-groups-now-allow-larger-queues
QUEUE = re.compile(r"(?m)^ +queue: max\b.*\n|queue: max, ")
# A laptop's variables may be secrets: the jobs get what finding programs and packages needs.
KEPT = re.compile(r"PATH|HOME|LANG|LC_\w+|TMPDIR|UV_\w+|PIP_\w+|PYENV_\w+|SSL_\w+|\w+_PROXY|\w+_proxy")


@dataclass(frozen=True)
class Ran:
    """A finished run: what it printed, and the folder of its artifacts."""

    status: int
    log: str
    artifacts: Path
    seconds: float

    def read(self, name: str, member: str = "") -> str:
        """An artifact's text; of a zip, that of one member."""
        import zipfile

        if not member:
            return (self.artifacts / name).read_text(encoding="utf-8")
        with zipfile.ZipFile(self.artifacts / f"{name}.zip") as archive:
            return archive.read(member).decode()

    @property
    def names(self) -> list[str]:
        return sorted(path.name for path in self.artifacts.glob("*")) if self.artifacts.exists() else []


class Rehearsal:
    """A stage: the origin, and beside it what GitHub would keep between runs (caches, artifacts)."""

    def __init__(self, folder: Path, source: Path) -> None:
        self.folder = folder
        self.origin = Origin(folder / "origin.git", source)
        self.runs = 1000

    def run(
        self,
        event: Event,
        workflow: str = "review.yml",
        *,
        job: str | None = None,
        show: bool = False,
        run: str | None = None,
        attempt: int = 1,
        token: str = "",
        settings: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
        **variables: str,
    ) -> Ran:
        """Run one workflow of the event's own commit, as GitHub would read it; `run` is the run's number.

        `settings` and `secrets` are the repository's, `variables` the machine's.
        """
        self.runs += 1
        run = run or str(self.runs)
        checkout = self.folder / f"workflows-{run}"
        # What act reads of it: the workflows, and which commit they are of. The jobs check out what they need.
        git(self.folder, "clone", "--quiet", "--shared", "--no-checkout", str(self.origin.path), str(checkout))
        git(checkout, "sparse-checkout", "set", "--no-cone", "/.github/")
        git(checkout, "checkout", "--quiet", "--detach", event.sha)
        for file in checkout.glob(".github/workflows/*.yml"):
            file.write_text(QUEUE.sub("", file.read_text(encoding="utf-8")), encoding="utf-8")
        payload = self.folder / f"event-{run}.json"
        payload.write_text(json.dumps(event.payload), encoding="utf-8")
        command = [
            str(Path(sys.executable).with_name("act")),
            event.name,
            *("--workflows", f".github/workflows/{workflow}"),
            *("--eventpath", str(payload)),
            *("--platform", "ubuntu-24.04=-self-hosted"),
            *("--no-skip-checkout", "--no-cache-server", "--concurrent-jobs", "1"),
            *("--action-cache-path", str(self.folder / "act")),
            *("--env-file", os.devnull, "--secret-file", os.devnull, "--var-file", os.devnull),
            *("--defaultbranch", self.origin.default),
            *(word for one in stand_ins(checkout / ".github") for word in ("--local-repository", one)),
            *(("--job", job) if job else ()),
            *(("--secret", f"GITHUB_TOKEN={token}") if token else ()),
            *(word for name, value in (settings or {}).items() for word in ("--var", f"{name}={value}")),
            *(word for name, value in (secrets or {}).items() for word in ("--secret", f"{name}={value}")),
        ]
        given = {
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ID": run,
            "GITHUB_RUN_NUMBER": run,
            "GITHUB_RUN_ATTEMPT": str(attempt),
            "REHEARSAL": str(self.folder),
            "REHEARSAL_PYTHON": sys.executable,  # of the stand-ins: a version manager puts a slow script before its own
            **({"REHEARSAL_UV": os.environ["UV"]} if os.environ.get("UV") else {}),  # make's own, off the PATH
            **variables,
        }
        command += [word for name, value in given.items() for word in ("--env", f"{name}={value}")]
        started = time.perf_counter()
        with subprocess.Popen(
            command,
            cwd=checkout,
            env=environment(os.environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process:
            assert process.stdout is not None
            lines = []
            for line in process.stdout:
                lines.append(line)
                if show:
                    print(line, end="", flush=True)
        seconds = time.perf_counter() - started
        shutil.rmtree(checkout)
        return Ran(process.returncode, "".join(lines), self.folder / "artifacts" / run, seconds)


def environment(machine: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in machine.items() if KEPT.fullmatch(name)}
    # Last, for node alone: the jobs have their own Python. Without node, act skips a step with hashFiles in silence.
    return {**kept, "PATH": os.pathsep.join([kept.get("PATH", os.defpath), str(Path(sys.executable).parent)])}


def stand_ins(folder: Path) -> list[str]:
    """`owner/action@ref=folder` for every action that is used below `folder`, whatever its pin."""
    texts = [path.read_text(encoding="utf-8") for path in folder.rglob("*.yml")]
    used = {use for text in texts for use in USES.findall(text) if use[0] in REPLACED}
    return [f"{name}@{ref}={STAND_INS / REPLACED[name]}" for name, ref in sorted(used)]


def triggers(workflow: Path, event: Event) -> bool:
    """Whether GitHub would start the workflow for the event: its name, and of a pull request what was done."""
    # YAML reads the key `on` as true.
    on = yaml.safe_load(workflow.read_text(encoding="utf-8"))[True]
    if event.name not in on:
        return False
    types = (on[event.name] or {}).get("types") if isinstance(on, dict) else None
    done = event.payload.get("action")
    if event.name == "pull_request":
        return done in (types or ("opened", "synchronize", "reopened"))
    return types is None or done in types
