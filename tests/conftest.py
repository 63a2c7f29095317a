"""What `make check` leaves out: beside the tests that are marked, each that has a server started or a model made.

And what was skipped, said at the end, with what would bring it.
"""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import settings

# A busy machine is slow: how long an example takes is no finding.
settings.register_profile("mainline", deadline=None)
settings.load_profile("mainline")

STORES = {"abfs", "archive", "gcs", "postgresql", "s3"}
SERVERS = {"docker", "mlflow_server", "oci_registry", "prometheus", "server"}
MODELS = {"multiclass", "regression", "unconverted"}  # exported; the binary one serves the quick tests
COSTLY = STORES | SERVERS | MODELS


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if isinstance(item, pytest.Function) and not COSTLY.isdisjoint(item.fixturenames):
            item.add_marker("slow")


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
