"""What the verbs do before any work, and where they are stopped."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from pathlib import Path

import duckdb
import pytest

from mainline.cli import main, release


def test_a_package_that_is_not_installed_is_named_with_what_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)  # a repository of several models asks which of them is meant
    monkeypatch.setitem(sys.modules, "msgspec", None)
    for name in [name for name in sys.modules if name.startswith(("mainline.monitoring.shipping", "mainline.serving"))]:
        monkeypatch.delitem(sys.modules, name)
    assert main.main(["ship", "--spool", str(tmp_path)]) == 2
    assert "msgspec is not installed: the command's make target installs it" in capsys.readouterr().err


@pytest.mark.slow
def test_whoever_stops_it_while_a_query_runs_is_told_no_defect(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """DuckDB answers the signal itself, and with an error of another kind."""

    def query(call: argparse.Namespace) -> int:
        with duckdb.connect() as connection:
            connection.execute("SET threads = 1")  # with more it may look for signals at the end of a task alone
            threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
            connection.execute("SELECT sum(range % 7) FROM range(20000000000)")
        return 0

    monkeypatch.setattr(release, "audit_command", query)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    try:
        assert main.main(["audit"]) == 130
    finally:
        signal.signal(signal.SIGINT, before)
    assert capsys.readouterr().err == "mainline: stopped; what was recorded before is intact\n"
