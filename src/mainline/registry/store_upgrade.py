"""The database of an embedded store: created whole or not at all, and upgraded where an older MLflow wrote it.

MLflow creates its tables one by one, and a process that is killed between two of them leaves a file that no MLflow
opens again. It refuses the schema of another version, and asks for a command that cannot be run for a state in a
registry.
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

    The caller holds the store's lock.

    Raises
    ------
    ExternalError
        Where a newer MLflow than the installed one has written it.
    """
    from mlflow.exceptions import MlflowException

    if database.exists() and not database.stat().st_size:
        create(database)
    try:
        return work()
    except MlflowException as error:
        if REFUSED not in str(error) or not database.exists():
            raise
    upgrade(database)
    return work()


def create(database: Path) -> None:
    """Create the tables in a file beside it, which then takes the name of the database."""
    import mlflow

    with replacing(database) as made:
        mlflow.MlflowClient(f"sqlite:///{made}", f"sqlite:///{made}").search_experiments(max_results=1)


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
