"""The usual review of a branch that Mainline makes: run in a worktree, before the branch exists."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from mainline.evaluation import baseline
from mainline.runtime.atomic_files import write_text
from mainline.runtime.workspace import Workspace

SECRET = ("GITHUB_TOKEN", "GH_TOKEN", "ACTIONS_RUNTIME_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN")


def reviewed(tree: Path, workspace: Workspace, base: str, folder: str) -> tuple[int, str]:
    """Run the review with the tree's own code and this checkout's state; return its status and last message.

    It does not get the tokens for GitHub. `folder`, below this checkout's reports, is where they are kept.
    """
    environment = {name: value for name, value in os.environ.items() if name not in SECRET}
    environment["PYTHONPATH"] = f"{tree / 'src'}{os.pathsep}{tree}"
    environment["PYTHONIOENCODING"] = "utf-8"  # as it is read below, whatever the terminal's encoding
    command = [
        str(baseline.interpreter(tree)),
        "-m",
        "mainline",
        "run",
        "--base",
        base,
        "--state",
        str(workspace.home),
    ]
    lines: list[str] = []
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as summary,
        subprocess.Popen(
            command,
            cwd=tree,
            env=environment,
            stdout=summary,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
        ) as process,
    ):
        assert process.stderr is not None
        for line in process.stderr:
            print(line, end="", file=sys.stderr, flush=True)
            lines.append(line.rstrip("\n"))
        process.wait()
        summary.seek(0)
        # The worktree is removed afterwards; its reports are kept.
        where = workspace.of.reports
        print(summary.read().replace(f"  {where}/", f"  {where}/{folder}/"), end="")
    start = next((i for i, line in enumerate(lines) if line.startswith("mainline: ")), None)
    words = lines[-20:] if start is None else [lines[start].removeprefix("mainline: "), *lines[start + 1 :]]
    return process.returncode, "\n".join(words)


def keep(tree: Path, workspace: Workspace, folder: str, names: Sequence[str]) -> None:
    """Copy the reports of the worktree to `folder` below this checkout's."""
    for name in names:
        text = (tree / workspace.of.reports / name).read_text(encoding="utf-8")
        write_text(workspace.reports / folder / name, text)
