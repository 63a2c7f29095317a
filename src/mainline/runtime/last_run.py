"""Whether anything has changed since the last run, from file stamps alone.

Nothing heavy is imported here: `make run` in an unchanged checkout answers from this.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mainline.runtime import git
from mainline.runtime.atomic_files import write_text
from mainline.runtime.workspace import Workspace

# Everything that a run reads or is made of; the last run adds the files of the tables.
WATCHED = ("params.yaml", "models/**/*", "uv.lock", "src/**/*", "pipelines/*.py", "data/**/*")
LEFT = ("report.md", "report.html", "report.json", "verdict.json")


def look(workspace: Workspace, base: str, sources: Sequence[str] = ()) -> dict[str, Any]:
    """What a run sees: stamps of its files, its commit, its base, the environment variables that it reads."""
    root = workspace.root
    # Where there is no commit yet, git prints the top and fails.
    top, _, head = (git.git(root, "rev-parse", "--show-toplevel", "HEAD^{commit}") or "").partition("\n")
    checkout = Path(top).resolve() == root if top else git.is_top(root)
    return {
        "base": base,
        "tip": git.tip(root, base) if checkout else None,
        "head": head or None if checkout else None,
        "clean": git.is_clean(root) if checkout else None,
        "tracking": os.environ.get("MLFLOW_TRACKING_URI"),
        "files": {
            str(path.relative_to(root)): stamp(path)
            for pattern in (*WATCHED, *sources)
            for path in root.glob(pattern)
            if path.is_file() and path.suffix != ".pyc"
        },
        "left": {name: stamp(workspace.reports / name) for name in LEFT},
    }


def stamp(path: Path) -> list[int]:
    try:
        found = path.stat()
    except FileNotFoundError:
        return []
    return [found.st_size, found.st_mtime_ns, found.st_ino]


def answer(workspace: Workspace, base: str) -> dict[str, Any] | None:
    """The last run's summary and status, if a new run would have the same result."""
    try:
        last = json.loads(workspace.last.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if (
        not isinstance(last, dict)
        or not last.get("local")
        or last.get("seen") != look(workspace, base, last.get("sources", []))
    ):
        return None
    return last


def remember(
    workspace: Workspace, before: dict[str, Any], sources: Sequence[str], summary: str, status: int, local: bool
) -> None:
    """Store the result of this run; `local` is false if a source can change without a change of a file."""
    seen = {**before, "left": {name: stamp(workspace.reports / name) for name in LEFT}}
    last = {"seen": seen, "sources": list(sources), "summary": summary, "status": status, "local": local}
    write_text(workspace.last, json.dumps(last))
