"""The review of a pull request or a push in CI: the run, then what GitHub shows of it.

Leaves `report.md`, `verdict.json` and `review.json` whatever happens; `report.html` where something was measured.
"""

from __future__ import annotations

import json
import os
import secrets
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from mainline.config.loader import FILE, load
from mainline.config.schema import Data
from mainline.errors import ConfigurationError, ExternalError
from mainline.evaluation import changes
from mainline.evaluation.results import Change
from mainline.github.actions import annotations as annotate
from mainline.github.actions import event, relevant_changes, stopped_report
from mainline.runtime import git
from mainline.runtime.atomic_files import write_text
from mainline.runtime.workspace import Workspace

PREFIX = "mainline: "


def review(workspace: Workspace, environment: Mapping[str, str], install: str = "") -> int:
    """The run's status: 0 passed, 1 a gate said no, 2, 3 or 4 it stopped; the reports say the same.

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
        status, message = run(workspace, base, install)
        if not (workspace.reports / "verdict.json").exists():
            stopped_report.write_stopped(workspace, base, commit, status, message, gates(workspace, commit))
    verdict = json.loads((workspace.reports / "verdict.json").read_text(encoding="utf-8"))
    keep_only(workspace, verdict["fingerprint"])
    summarise(workspace, environment)
    found = [*annotate.of_verdict(verdict, workspace.root / FILE), *annotate.of_message(message)]
    print(*annotate.printed(found), sep="\n", flush=True)
    return status


def skippable(workspace: Workspace, started: event.Event, commit: str | None) -> list[str] | None:
    """The files that differ, where they are no reason to train; on the default branch every commit has its record."""
    if commit is None or started.is_default or started.name == "workflow_dispatch":
        return None
    if (
        not git.commit_of(workspace.root, commit)
        or git.git(workspace.root, "cat-file", "-e", f"{commit}:{FILE}") is None
    ):
        return None
    return relevant_changes.harmless(workspace.root, commit)


def run(workspace: Workspace, base: str, install: str) -> tuple[int, str]:
    """`mainline run` in a process of its own, which may die of anything; its status and its last words."""
    # What a contributor's code prints is no command to the runner.
    silence = secrets.token_hex(16)
    print(f"::stop-commands::{silence}", flush=True)
    try:
        if install:
            status, said = shown(workspace, shlex.split(install))
            if status:
                why = "the locked packages could not be installed:"
                return ExternalError.status, "\n".join([why, *said[-20:]])
        status, said = shown(workspace, [sys.executable, "-m", "mainline", "run", "--base", base, "--stage"])
    finally:
        print(f"::{silence}::", flush=True)
    return status, last_words(said)


def shown(workspace: Workspace, command: list[str]) -> tuple[int, list[str]]:
    """Run a command, print what it says as it says it, and answer its status and that."""
    said = []
    with subprocess.Popen(command, cwd=workspace.root, stderr=subprocess.PIPE, text=True, errors="replace") as process:
        assert process.stderr is not None
        for line in process.stderr:
            print(line, end="", flush=True)
            said.append(line.rstrip("\n"))
    return process.returncode, said


def last_words(said: list[str]) -> str:
    """The message that a run stopped with, or the end of what it said where it died without one."""
    start = next((i for i, line in enumerate(said) if line.startswith(PREFIX)), None)
    if start is None:
        return "\n".join(said[-20:])
    message = "\n".join([said[start].removeprefix(PREFIX), *said[start + 1 :]])
    # A defect is told by its traceback, which stands before the message.
    return "\n".join([*said[:start][-20:], message]) if "a defect of Mainline" in message else message


def gates(workspace: Workspace, commit: str | None) -> list[Change]:
    if commit is None:
        return []
    try:
        suites = load(workspace.root / FILE).settings.data.expectations
    except ConfigurationError:
        suites = str(Data.model_fields["expectations"].default)
    return changes.of_gates(workspace.root, commit, str(FILE), suites)


def keep_only(workspace: Workspace, fingerprint: str | None) -> None:
    """Leave one record for the cache: what other commits left grows without end."""
    for folder in workspace.records.glob("*"):
        if folder.name != fingerprint:
            shutil.rmtree(folder)


def summarise(workspace: Workspace, environment: Mapping[str, str]) -> None:
    summary = environment.get("GITHUB_STEP_SUMMARY")
    if summary:
        with open(summary, "a", encoding="utf-8") as page:
            page.write((workspace.reports / "report.md").read_text(encoding="utf-8"))


def from_here(install: str) -> int:
    return review(Workspace.at(Path.cwd()), os.environ, install)
