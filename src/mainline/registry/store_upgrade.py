"""An embedded store of another MLflow version: an older schema is upgraded, a newer one is refused.

MLflow refuses both, and asks for a command that cannot be run for a state in a registry.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from mainline.errors import ExternalError
from mainline.runtime.atomic_files import replacing

T = TypeVar("T")
REFUSED = "out-of-date database schema"  # as MLflow says it


def fitting(database: Path, work: Callable[[], T]) -> T:
    """The result of `work`, which opens the database; it is called again after an upgrade of the schema.

    Raises
    ------
    ExternalError
        Where a newer MLflow than the installed one has written it.
    """
    from mlflow.exceptions import MlflowException

    try:
        return work()
    except MlflowException as error:
        if REFUSED not in str(error) or not database.exists():
            raise
    upgrade(database)
    return work()


def upgrade(database: Path) -> None:
    """Upgrade a copy, which then replaces the database; the former file is kept as `mlflow-before.db`."""
    import mlflow

    print(f"{database}: upgraded to the schema of MLflow {mlflow.__version__}", file=sys.stderr)
    with replacing(database) as copy:
        with contextlib.closing(sqlite3.connect(database)) as connection:
            connection.execute("VACUUM INTO ?", [str(copy)])
        command = [sys.executable, "-m", "mlflow", "db", "upgrade", f"sqlite:///{copy}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            said = (done.stderr.strip() or "no message").splitlines()[-1]
            raise ExternalError(
                f"{database} was not written by this MLflow ({mlflow.__version__}), nor by an older one ({said}): "
                "update this checkout and its packages (git pull, make tools)"
            )
        former = database.with_name("mlflow-before.db")
        former.unlink(missing_ok=True)
        os.link(database, former)
