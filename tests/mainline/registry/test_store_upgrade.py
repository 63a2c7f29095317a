"""The embedded store's database is created whole or not at all."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from mainline.registry import runs
from tests.mainline.releases import apart

pytestmark = pytest.mark.slow


def killed_at(table: str, state: Path) -> None:
    """A process that ends as a killed one does, once MLflow has made the table that it is told."""

    @event.listens_for(Engine, "after_cursor_execute")
    def kill(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if f"CREATE TABLE {table}" in " ".join(statement.split()):
            os.kill(os.getpid(), signal.SIGKILL)

    runs.open_client(str(state))


def opened(state: Path) -> None:
    assert runs.open_client(str(state))[1] == "1"


@pytest.mark.parametrize("table", ["experiments", "registered_models"])
def test_who_is_killed_while_the_tables_are_made_leaves_a_store_that_the_next_can_create(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    killed = apart(killed_at, table, tmp_path)
    killed.join()
    assert killed.exitcode == -signal.SIGKILL
    assert (tmp_path / "mlflow.db").stat().st_size == 0
    following = apart(opened, tmp_path)
    following.join()
    assert following.exitcode == 0
