"""The embedded store's database is created whole or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

# A process that ends as a killed one does, once MLflow has made the table that it is told.
KILLED = """\
import os, signal, sys
from sqlalchemy import Engine, event
from mainline.registry import runs

@event.listens_for(Engine, "after_cursor_execute")
def kill(connection, cursor, statement, *rest):
    if f"CREATE TABLE {sys.argv[2]}" in " ".join(statement.split()):
        os.kill(os.getpid(), signal.SIGKILL)

runs.open_client(sys.argv[1])
"""
OPENED = "import sys; from mainline.registry import runs; print(runs.open_client(sys.argv[1])[1])"


def python(program: str, *given: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *given],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "MLFLOW_TRACKING_URI": ""},
    )


@pytest.mark.parametrize("table", ["experiments", "registered_models"])
def test_who_is_killed_while_the_tables_are_made_leaves_a_store_that_the_next_can_create(
    tmp_path: Path, table: str
) -> None:
    killed = python(KILLED, str(tmp_path), table)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert (tmp_path / "mlflow.db").stat().st_size == 0
    opened = python(OPENED, str(tmp_path))
    assert opened.stdout.split() == ["1"], opened.stderr
