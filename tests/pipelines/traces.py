"""What a run may leave behind, and what it must not touch."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from mainline.runtime.atomic_files import UNFINISHED
from tests.projects import Project


def recorded(project: Project) -> dict[str, Any]:
    """Records, reports and MLflow's runs: what a run that fails must leave as it was."""
    files = [*(project.root / ".mainline" / "records").rglob("*"), *(project.root / "reports").glob("*.*")]
    found: dict[str, Any] = {
        str(path.relative_to(project.root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if path.is_file()
    }
    store = project.root / ".mainline" / "mlflow.db"
    if store.exists():
        with closing(sqlite3.connect(store)) as connection:
            found["mlflow"] = sorted(connection.execute("SELECT run_uuid, status FROM runs").fetchall())
            found["metrics"] = connection.execute("SELECT count(*) FROM metrics").fetchone()
    return found


def unfinished(project: Project) -> list[str]:
    """Files and folders that somebody began and did not finish."""
    return [str(path.relative_to(project.root)) for path in project.root.rglob(f"{UNFINISHED}*")]


def processes(project: Project) -> list[int]:
    """Every process that works in the project's folder or below."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                place = Path(os.readlink(entry / "cwd"))
                ended = (entry / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
            except OSError:
                continue
            if place.is_relative_to(project.root) and not ended:
                found.append(int(entry.name))
    return found
