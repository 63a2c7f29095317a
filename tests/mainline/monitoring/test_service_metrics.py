"""Traffic, errors and latency from the text that the server itself writes."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mainline.errors import DataError
from mainline.monitoring import checks, service_metrics
from mainline.monitoring.results import Verdict
from mainline.serving.metrics import Metrics
from tests.mainline.settings import params

RULES = params().settings.monitor


def page(path: Path, seconds: float = 0.003, failed: int = 0, dropped: int = 0) -> Path:
    """What a server shows after a thousand requests."""
    shop = SimpleNamespace(name="shop")
    signature: Any = SimpleNamespace(task="binary", classes=[False, True], digest="d" * 64, categorical=[shop])
    metrics = Metrics(signature, "3")
    metrics.requests[("/invocations", 200)] = 1000 - failed
    metrics.requests[("/invocations", 503)] = failed
    metrics.rejected["type"] = 7
    metrics.log = SimpleNamespace(dropped={"disk": dropped}, written=1000 - dropped, repeated=0)
    for _ in range(1000):
        metrics.latency.observe(seconds)
    path.write_bytes(metrics.page())
    return path


def test_what_the_server_counted_is_read_back(tmp_path: Path) -> None:
    found = service_metrics.read(page(tmp_path / "metrics.txt", failed=4, dropped=2))
    assert (found.requests, found.errors, found.rejected, found.dropped) == (1000, 4, 7, 2)
    assert found.error_rate == 0.004
    assert found.p99_seconds == 0.005  # the upper end of the bin that 3 ms lie in


@pytest.mark.parametrize(
    ("broken", "name"),
    [({"failed": 30}, "errors"), ({"seconds": 0.4}, "latency"), ({"dropped": 1}, "lost from the log")],
)
def test_a_service_that_is_not_in_order_is_named(tmp_path: Path, broken: dict[str, Any], name: str) -> None:
    fine = checks.service_checks(service_metrics.read(page(tmp_path / "fine.txt")), RULES)
    assert all(check.ok for check in fine)
    found = checks.service_checks(service_metrics.read(page(tmp_path / "broken.txt", **broken)), RULES)
    assert [check.name for check in found if check.verdict == Verdict.invalid] == [name]


def test_slower_than_every_bin_is_slower_than_any_threshold(tmp_path: Path) -> None:
    assert service_metrics.read(page(tmp_path / "metrics.txt", seconds=60)).p99_seconds == math.inf


def test_a_text_that_is_none_of_prometheus_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "metrics.txt"
    path.write_text("<html>Bad gateway {\n")
    with pytest.raises(DataError, match=r"metrics\.txt is not the text of /metrics"):
        service_metrics.read(path)
