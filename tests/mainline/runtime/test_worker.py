"""The worker process: its results, its errors, and that it never outlives its run."""

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
from mainline.runtime.worker import Worker
from mainline.training import fingerprint
from tests.bounds import HANG
from tests.platforms import linux


@pytest.fixture
def worker() -> Iterator[Worker]:
    made = Worker()
    yield made
    made.stop()


@pytest.mark.slow
def test_results_come_in_the_order_of_the_jobs(worker: Worker) -> None:
    futures = [worker.submit(fingerprint.digest, value=number) for number in range(20)]
    found = [future.result(timeout=HANG) for future in futures]
    assert found == [fingerprint.digest(number) for number in range(20)]


@pytest.mark.slow
def test_an_error_keeps_its_class_and_the_next_job_is_done(worker: Worker, tmp_path: Path) -> None:
    failed = worker.submit(importance.of_record, root=str(tmp_path), state="", path="", frame="")
    done = worker.submit(fingerprint.digest, value=1)
    with pytest.raises(ConfigurationError, match=r"params\.yaml not found"):
        failed.result(timeout=HANG)
    assert done.result(timeout=HANG)


@pytest.mark.slow
def test_an_unexpected_error_names_the_job_the_error_and_the_line(worker: Worker) -> None:
    failed = worker.submit(fingerprint.digest, unknown=1)
    with pytest.raises(ExternalError, match=r"fingerprint:digest failed: TypeError: .*unknown.*worker\.py:\d+"):
        failed.result(timeout=HANG)


@pytest.mark.slow
def test_what_a_job_prints_is_not_a_result(worker: Worker) -> None:
    printed = worker.submit(main.main, arguments=["schema"])
    assert printed.result(timeout=HANG) == 0
    assert worker.submit(fingerprint.digest, value=1).result(timeout=HANG)


def test_pending_jobs_fail_when_the_process_dies(worker: Worker) -> None:
    waiting = [worker.submit(importance.load_libraries), worker.submit(fingerprint.digest, value=1)]
    os.kill(worker.process.pid, signal.SIGKILL)
    for future in waiting:
        with pytest.raises(ExternalError, match=r"the worker process stopped \(status -9\)"):
            future.result(timeout=HANG)
    with pytest.raises(ExternalError, match="the worker process stopped"):
        worker.submit(fingerprint.digest, value=1).result(timeout=HANG)


def test_stopping_it_in_the_middle_of_a_job_ends_it_at_once() -> None:
    made = Worker()
    made.submit(importance.load_libraries)
    made.stop()
    assert made.process.returncode is not None


@pytest.mark.slow
@linux
def test_it_ends_with_a_run_that_is_killed(tmp_path: Path) -> None:
    program = (
        "import os\nfrom mainline.runtime.worker import Worker\nfrom mainline.training import fingerprint\n"
        "made = Worker()\n"
        "made.submit(fingerprint.digest, value=1).result()\n"  # it is up
        "print(made.process.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=HANG)
    pid = int(done.stdout)
    end = time.monotonic() + HANG
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.02)
    assert not alive(pid)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
