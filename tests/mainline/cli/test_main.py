"""What the verbs do before any work: the threads are fixed before a library counts the cores."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import duckdb
import pytest

from mainline.cli import main, release
from tests.pipelines.shops import lean
from tests.projects import TOP

PROBE = """\
import os, sys

class Probe:
    def find_spec(self, name, path=None, target=None):
        if name == "numpy":
            print("threads when numpy came:", os.environ.get("OPENBLAS_NUM_THREADS"))
            sys.meta_path.remove(self)
        return None

sys.meta_path.insert(0, Probe())
from mainline.cli import main as cli
sys.exit(cli.main(["run"]))
"""


@pytest.mark.slow
def test_the_number_of_threads_is_fixed_before_numpy_counts_the_cores(tmp_path: Path) -> None:
    project = lean(tmp_path)
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    environment["PYTHONPATH"] = os.pathsep.join([str(project.root / "src"), str(TOP / "src"), str(TOP)])
    done = subprocess.run(
        [sys.executable, "-c", PROBE], cwd=project.root, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "threads when numpy came: 1" in done.stdout


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
