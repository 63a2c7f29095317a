"""The review of a pull request or a push in CI: the run, then what GitHub shows of it.

Leaves `report.md`, `report.json`, `verdict.json` and `review.json` whatever happens; `report.html` where something
was measured.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from mainline.config.loader import load
from mainline.data.sources import snapshot
from mainline.errors import ConfigurationError, ExternalError
from mainline.evaluation import changes
from mainline.evaluation.results import Change
from mainline.github.actions import commands, event, failure_annotations, relevant_changes, stopped_report
from mainline.runtime import git, models
from mainline.runtime.atomic_files import write_text
from mainline.runtime.models import Model
from mainline.runtime.workspace import Workspace

PREFIX = "mainline: "


def review(workspace: Workspace, environment: Mapping[str, str], install: str = "") -> int:
    """The run's status: 0 passed, 1 a gate failed, 2, 3 or 4 it stopped; the reports say the same.

    `install` is the command that fetches what training needs, used where something is trained.
    """
    started = event.read(environment)
    shutil.rmtree(workspace.reports, ignore_errors=True)
    commit = event.find_base(workspace.root, started)
    base = event.name_base(workspace.root, started, commit)
    write_text(workspace.reports / "review.json", json.dumps(started.claim, indent=2) + "\n")
    files = skippable(workspace, started, commit)
    if commit and files is not None:
        stopped_report.write_unchanged(workspace, base, commit, files, gates(workspace, commit))
        print("Passed: this cannot change the model, nothing was trained")
        status, message = 0, ""
    else:
        if started.is_fork:
            os.environ[snapshot.FORK] = "1"  # what GitHub gives no secret to
        if not started.is_default:
            os.environ.pop(snapshot.KEEP, None)  # no other run has a snapshot saved, and it would push out main's
        status, message = run(workspace, base, install)
        if not (workspace.reports / "verdict.json").exists():
            stopped_report.write_stopped(workspace, base, commit, status, message, gates(workspace, commit))
    verdict = json.loads((workspace.reports / "verdict.json").read_text(encoding="utf-8"))
    keep_only(workspace, verdict["fingerprint"])
    summarise(workspace, environment)
    found = [*failure_annotations.of_verdict(verdict, workspace.params), *failure_annotations.of_message(message)]
    print(*failure_annotations.printed(found), sep="\n", flush=True)
    return status


def leave_untouched(root: Path, started: event.Event, commit: str, environment: Mapping[str, str]) -> None:
    """The reports of a change that touches none of several models; those of the first one's gates are looked at."""
    workspace = Workspace.at(root)
    shutil.rmtree(workspace.reports, ignore_errors=True)
    base = event.name_base(root, started, commit)
    write_text(workspace.reports / "review.json", json.dumps(started.claim, indent=2) + "\n")
    changed = [change for model in models.here(root) for change in gates_of(model, root, commit)]
    stopped_report.write_unchanged(
        workspace, base, commit, git.changed_files(root, commit), list(dict.fromkeys(changed))
    )
    summarise(workspace, environment)
    print("Passed: this cannot change any of the models, nothing was trained")


def gates_of(model: Model, root: Path, commit: str) -> list[Change]:
    with models.selecting(model):
        return gates(Workspace.at(root), commit)


def skippable(workspace: Workspace, started: event.Event, commit: str | None) -> list[str] | None:
    """The changed files where none of them requires training; on the default branch every commit is trained."""
    if commit is None or started.is_default or started.name == "workflow_dispatch":
        return None
    if (
        not git.commit_of(workspace.root, commit)
        or git.git(workspace.root, "cat-file", "-e", f"{commit}:{workspace.of.params}") is None
    ):
        return None
    return relevant_changes.harmless(workspace.root, commit)


def run(workspace: Workspace, base: str, install: str) -> tuple[int, str]:
    """`mainline run` in a process of its own, which may die of anything; its status and its last message."""
    with commands.ignored():  # what a contributor's code prints is not obeyed
        if install:
            status, output = run_and_print(workspace, shlex.split(install))
            if status:
                why = "the locked packages could not be installed:"
                return ExternalError.status, "\n".join([why, *output[-20:]])
        status, output = run_and_print(workspace, [sys.executable, "-m", "mainline", "run", "--base", base, "--stage"])
    return status, last_message(output)


def run_and_print(workspace: Workspace, command: list[str]) -> tuple[int, list[str]]:
    """Run a command, print its lines on standard error as they come, and return its status and those lines."""
    output = []
    with subprocess.Popen(command, cwd=workspace.root, stderr=subprocess.PIPE, text=True, errors="replace") as process:
        assert process.stderr is not None
        for line in process.stderr:
            print(line, end="", flush=True)
            output.append(line.rstrip("\n"))
    return process.returncode, output


def last_message(output: list[str]) -> str:
    """The error message that a run ended with, or the end of its output where it died without one."""
    start = next((i for i, line in enumerate(output) if line.startswith(PREFIX)), None)
    if start is None:
        return "\n".join(output[-20:])
    message = "\n".join([output[start].removeprefix(PREFIX), *output[start + 1 :]])
    # The traceback of a defect stands before the message.
    return "\n".join([*output[:start][-20:], message]) if "a defect of Mainline" in message else message


def gates(workspace: Workspace, commit: str | None) -> list[Change]:
    if commit is None:
        return []
    try:
        suites = load(workspace.params).settings.data.expectations
    except ConfigurationError:
        suites = str(workspace.of.expectations)
    return changes.of_gates(workspace.root, commit, str(workspace.of.params), suites)


def keep_only(workspace: Workspace, fingerprint: str | None) -> None:
    """Keep one record for the cache, which would grow with every commit."""
    for folder in workspace.records.glob("*"):
        if folder.name != fingerprint:
            shutil.rmtree(folder)


def summarise(workspace: Workspace, environment: Mapping[str, str]) -> None:
    commands.summarise(environment, (workspace.reports / "report.md").read_text(encoding="utf-8").rstrip("\n"))


def from_here(install: str) -> int:
    return review(Workspace.at(Path.cwd()), os.environ, install)
