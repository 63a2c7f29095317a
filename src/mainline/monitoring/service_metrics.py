"""Traffic, errors and latency, read from the text of the server's `/metrics`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from mainline.errors import DataError


@dataclass(frozen=True)
class Service:
    requests: int
    errors: int  # responses with status 5xx
    rejected: int
    dropped: int  # requests missing from the prediction log
    p99_seconds: float | None  # the upper end of its bin; None without requests, infinity above the last bin

    @property
    def error_rate(self) -> float:
        return self.errors / self.requests if self.requests else 0.0


def read(path: Path) -> Service:
    """Raises DataError if the text is not in Prometheus' format."""
    from prometheus_client.parser import text_string_to_metric_families

    sums = {"mainline_requests_total": 0.0, "mainline_rejected_total": 0.0, "mainline_log_dropped_total": 0.0}
    errors, buckets = 0.0, []
    try:
        for family in text_string_to_metric_families(path.read_text(encoding="utf-8")):
            for sample in family.samples:
                if sample.name in sums:
                    sums[sample.name] += sample.value
                if sample.name == "mainline_requests_total" and sample.labels.get("status", "").startswith("5"):
                    errors += sample.value
                if sample.name == "mainline_request_seconds_bucket":
                    buckets.append((float(sample.labels["le"]), sample.value))
    except (ValueError, KeyError) as error:
        raise DataError(f"{path} is not the text of /metrics: {error}") from None
    requests, rejected, dropped = (int(value) for value in sums.values())
    return Service(requests, int(errors), rejected, dropped, quantile(sorted(buckets), 0.99))


def quantile(buckets: list[tuple[float, float]], share: float) -> float | None:
    total = buckets[-1][1] if buckets else 0
    return next((edge for edge, below in buckets if below >= share * total), math.inf) if total else None
