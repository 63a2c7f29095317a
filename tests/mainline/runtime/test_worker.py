"""The second process: what it answers, how its failures come back, and that it never outlives its run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mainline.cli import main
from mainline.errors import ConfigurationError, ExternalError
from mainline.evaluation import importance
from mainline.runtime.worker import Beside
from mainline.training import fingerprint


@pytest.fixture
def beside() -> Iterator[Beside]:
    made = Beside()
    yield made
    made.stop()


def test_answers_come_back_in_the_order_of_the_jobs(beside: Beside) -> None:
    asked = [beside.ask(fingerprint.digest, value=number) for number in range(20)]
    found = [future.result(timeout=60) for future in asked]
    assert found == [fingerprint.digest(number) for number in range(20)]


def test_a_failure_comes_back_as_what_it_was_and_the_next_job_is_done(beside: Beside, tmp_path: Path) -> None:
    failed = beside.ask(importance.of_record, root=str(tmp_path), state="", path="", frame="")
    done = beside.ask(fingerprint.digest, value=1)
    with pytest.raises(ConfigurationError, match=r"params\.yaml is not here"):
        failed.result(timeout=60)
    assert done.result(timeout=60)


def test_an_unexpected_failure_names_the_job_the_error_and_the_line(beside: Beside) -> None:
    failed = beside.ask(fingerprint.digest, unknown=1)
    with pytest.raises(ExternalError, match=r"fingerprint:digest failed: TypeError: .*unknown.*worker\.py:\d+"):
        failed.result(timeout=60)


def test_what_a_job_prints_is_no_answer(beside: Beside) -> None:
    printed = beside.ask(main.main, arguments=["schema"])
    assert printed.result(timeout=60) == 0
    assert beside.ask(fingerprint.digest, value=1).result(timeout=60)


def test_whoever_waits_when_it_dies_is_told(beside: Beside) -> None:
    waiting = [beside.ask(importance.load_libraries), beside.ask(fingerprint.digest, value=1)]
    os.kill(beside.process.pid, signal.SIGKILL)
    for future in waiting:
        with pytest.raises(ExternalError, match=r"a helper process stopped \(status -9\)"):
            future.result(timeout=60)
    with pytest.raises(ExternalError, match="a helper process stopped"):
        beside.ask(fingerprint.digest, value=1).result(timeout=60)


def test_stopping_it_in_the_middle_of_a_job_ends_it_at_once() -> None:
    made = Beside()
    made.ask(importance.load_libraries)
    made.stop()
    assert made.process.returncode is not None


def test_it_ends_with_a_run_that_is_killed(tmp_path: Path) -> None:
    program = (
        "import os\nfrom mainline.runtime.worker import Beside\nfrom mainline.training import fingerprint\n"
        "made = Beside()\n"
        "made.ask(fingerprint.digest, value=1).result()\n"  # it is up
        "print(made.process.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    pid = int(done.stdout)
    end = time.monotonic() + 20
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.02)
    assert not alive(pid)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
