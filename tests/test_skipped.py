"""At its end, `make test` says what was skipped and what would bring it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.projects import TOP

TESTS = """
import pytest
@pytest.mark.skipif(True, reason="nats is not installed: apt-get install nats")
def test_one(): ...
def test_two(): pytest.skip("nats is not installed: apt-get install nats")
def test_three(): pytest.skip("no browser: install one")
def test_four(): ...
"""


@pytest.mark.slow
def test_what_was_skipped_is_said_by_reason(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text((TOP / "tests" / "conftest.py").read_text())
    (tmp_path / "test_some.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "2", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    said = done.stdout.partition("skipped")[2]
    assert "    2  nats is not installed: apt-get install nats\n    1  no browser: install one\n" in said
    assert "1 passed, 3 skipped" in done.stdout
