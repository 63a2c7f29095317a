"""What `make check` leaves out, and how the tests are shared out among the worker processes.

And what was skipped, said at the end, with what would bring it.
"""

from __future__ import annotations

import gc
import os
import re
import shutil
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

from tests.environment import cleaned

# At once: tests, and what they import, read the variables that are here now.
cleaned(os.environ)
# Before scikit-learn is loaded: threads that wait actively for each other beside other workers compute three times as
# long. What a run sets for itself, it sets all the same.
os.environ["OMP_WAIT_POLICY"] = "passive"

# A shell gives its background jobs a deaf ear for Ctrl-C, which what they start inherits. Not by a `preexec_fn` of each
# process: for that one, Python copies the whole memory of the tests with `fork`, instead of sharing it with `vfork`.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A busy machine is slow: how long an example takes is no finding.
settings.register_profile("mainline", deadline=None)
settings.load_profile("mainline")

# Modules and collected tests live to the end: to search them for garbage takes half a second each time.
gc.set_threshold(100_000, 20, 100)

STORES = {"abfs", "archive", "gcs", "postgresql", "s3"}
SERVERS = {"docker", "mlflow_server", "oci_registry", "prometheus", "server"}
MODELS = {"multiclass", "regression", "unconverted"}  # exported; the binary one serves the quick tests
COSTLY = STORES | SERVERS | MODELS


# One worker has all tests of a file, or of one of these folders, so that what they share is made once.
TOGETHER = ("tests/container", "tests/mainline/serving")
# What takes longest begins first: then all workers end at about the same time. What waits for containers, servers and
# jobs and what computes take turns, so that neither has the processors to itself.
LONGEST = (
    "tests/container",
    "tests/pipelines/test_flights.py",
    "tests/workflows/test_review.py",
    "tests/mainline/data/validation/test_table_engine.py",
    "tests/workflows/test_first_day.py",
    "tests/pipelines/test_training.py",
    "tests/workflows/test_several_release.py",
    "tests/pipelines/test_init.py",
    "tests/mainline/registry",
    "tests/pipelines/test_demo.py",
    "tests/workflows",
    "tests/data",
    "tests/mainline/release",
    "tests/pipelines",
    "tests/mainline/data/sources",
    "tests/mainline/data",
    "tests/docs",
    "tests/compat",
    "tests/pages",
    "tests/mainline/packaging",
    "tests/mainline/serving",
    "tests/mainline/github",
    "tests/mainline/report",
)


QUICK = "not slow"  # as `make check` asks
MEMORY = Path("/dev/shm")
ALL_SLOW = re.compile(r"^pytestmark = .*\bmark\.slow\b", re.MULTILINE)


def pytest_configure(config: pytest.Config) -> None:
    """Have the quick tests' files in memory where there is a gigabyte of it: they write thousands of small ones."""
    if config.option.markexpr == QUICK and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > 2**30:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not even import a file of which the quick part runs nothing: its libraries are the heavy ones."""
    if config.option.markexpr == QUICK and collection_path.suffix == ".py":
        return bool(ALL_SLOW.search(collection_path.read_text(encoding="utf-8"))) or None
    return None


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One more than there are processors: tests of servers and containers spend a third of their time waiting.

    The quick part has none.
    """
    return (os.cpu_count() or 1) + (config.option.markexpr != QUICK)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if isinstance(item, pytest.Function) and not COSTLY.isdisjoint(item.fixturenames):
            # Left out by `make check`, beside the tests that are marked: a server is started, or a model made.
            item.add_marker("slow")
        if isinstance(item, pytest.Function) and "trainer" in item.fixturenames:
            item.add_marker("trainer")
    items.sort(key=lambda item: begins(file_of(item.nodeid)))


def pytest_collection_finish() -> None:
    gc.freeze()


def pytest_unconfigure() -> None:
    gc.freeze()  # pytest looks for garbage once more, and the interpreter as it ends: a second each among all this


def file_of(nodeid: str) -> str:
    return nodeid.split("::")[0]


def begins(file: str) -> int:
    return next((place for place, name in enumerate(LONGEST) if file.startswith(name)), len(LONGEST))


class ByFileOrFolder(LoadFileScheduling):  # type: ignore[misc]
    def _split_scope(self, nodeid: str) -> str:
        file = file_of(nodeid)
        return next((name for name in TOGETHER if file.startswith(name)), file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFileOrFolder:
    return ByFileOrFolder(config, log)


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    lines = skipped([report.longrepr for report in terminalreporter.stats.get("skipped", [])])
    if lines:
        terminalreporter.section("skipped")
        terminalreporter.write("\n".join(lines) + "\n")


def skipped(reports: list[object]) -> list[str]:
    """The reasons of skipped tests, each once with the number of its tests: a reason says what would bring them."""
    reasons = Counter(
        str(report[2] if isinstance(report, tuple) else report).removeprefix("Skipped: ") for report in reports
    )
    return [f"{number:>5}  {reason}" for reason, number in reasons.most_common()]
