"""The server's metrics, in the format of Prometheus.

The counts are plain integers of the one thread that answers: an observation takes 0.2 µs, and the
client library is imported when the page is requested.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from mainline.serving.signature import Signature

if TYPE_CHECKING:
    from prometheus_client.registry import Collector

LATENCY = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
ROWS = (1, 2, 5, 10, 50, 100, 500, 1000, 5000, 10000)
PROBABILITIES = tuple(n / 20 for n in range(1, 21))


class Histogram:
    """Counts by bin: a bin reaches up to and including its edge, the last has none."""

    def __init__(self, edges: Sequence[float]) -> None:
        self.edges = list(edges)
        self.counts = [0] * (len(self.edges) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.edges, value)] += 1
        self.sum += value

    def observe_all(self, values: Any) -> None:
        """An array (n,) of values."""
        import numpy as np

        found = np.bincount(np.searchsorted(self.edges, values), minlength=len(self.counts))
        self.counts = [before + int(more) for before, more in zip(self.counts, found, strict=True)]
        self.sum += float(values.sum())

    def buckets(self) -> list[tuple[str, float]]:
        """As Prometheus has them: cumulative."""
        total, found = 0, []
        for edge, count in zip([*map(float, self.edges), float("inf")], self.counts, strict=True):
            total += count
            found.append(("+Inf" if edge == float("inf") else str(edge), float(total)))
        return found


class Metrics:
    def __init__(self, signature: Signature, version: str) -> None:
        self.signature = signature
        self.version = version
        self.started = time.time()
        self.requests: Counter[tuple[str, int]] = Counter()
        self.rejected: Counter[str] = Counter()
        self.unknown: Counter[str] = Counter()  # requests in which no value of the column is one of the training data
        self.latency = Histogram(LATENCY)
        self.rows = Histogram(ROWS)
        self.log: Any = None  # the prediction log, where there is one
        self.feedback: Any = None  # and that of labels
        if signature.task == "regression":
            self.predictions = {"": Histogram(quantiles(signature))}
        else:
            named = signature.classes[1:] if signature.task == "binary" else signature.classes
            self.predictions = {label(value): Histogram(PROBABILITIES) for value in named}

    def scored(self, listed: list[Any]) -> None:
        """Count one request's answers, (n,) or (n, classes) as lists."""
        self.rows.observe(len(listed))
        if len(listed) == 1:
            values = listed if self.signature.task == "regression" else listed[0][-len(self.predictions) :]
            for histogram, value in zip(self.predictions.values(), values, strict=True):
                histogram.observe(value)
            return
        import numpy as np

        answers = np.array(listed)
        if self.signature.task == "regression":
            columns: Iterable[Any] = [answers]
        else:
            columns = answers.T[1:] if self.signature.task == "binary" else answers.T
        for histogram, values in zip(self.predictions.values(), columns, strict=True):
            histogram.observe_all(values)

    def page(self) -> bytes:
        from prometheus_client import CollectorRegistry, generate_latest

        registry = CollectorRegistry()
        registry.register(_collector(self))
        return generate_latest(registry)


def _collector(metrics: Metrics) -> Collector:
    from prometheus_client.core import (
        CounterMetricFamily,
        GaugeMetricFamily,
        HistogramMetricFamily,
        InfoMetricFamily,
    )

    class Families:
        def collect(self) -> Iterable[Any]:
            requests = CounterMetricFamily("mainline_requests", "Requests answered.", labels=["path", "status"])
            for (path, status), count in sorted(metrics.requests.items()):
                requests.add_metric([path, str(status)], count)
            yield requests
            rejected = CounterMetricFamily("mainline_rejected", "Inputs refused.", labels=["reason"])
            for reason, count in sorted(metrics.rejected.items()):
                rejected.add_metric([reason], count)
            yield rejected
            strange = CounterMetricFamily(
                "mainline_unknown_column",
                "Requests in which every value of the column is unknown to the model.",
                labels=["column"],
            )
            for column in metrics.signature.categorical:
                strange.add_metric([column.name], metrics.unknown[column.name])
            yield strange
            for name, text, found in (
                ("mainline_request_seconds", "Time from the body to the answer of a scoring.", metrics.latency),
                ("mainline_batch_rows", "Rows in one request.", metrics.rows),
            ):
                yield HistogramMetricFamily(name, text, buckets=found.buckets(), sum_value=found.sum)
            said = HistogramMetricFamily("mainline_prediction", "What the model answered, by class.", labels=["class"])
            for name, found in metrics.predictions.items():
                said.add_metric([name], buckets=found.buckets(), sum_value=found.sum)
            yield said
            if metrics.log:
                dropped = CounterMetricFamily(
                    "mainline_log_dropped", "Requests that the prediction log lost.", labels=["reason"]
                )
                for reason, count in sorted(metrics.log.dropped.items()):
                    dropped.add_metric([reason], count)
                yield dropped
                yield CounterMetricFamily("mainline_log_written", "Requests in the log.", value=metrics.log.written)
                yield CounterMetricFamily(
                    "mainline_log_repeated", "Requests sent again, which are logged once.", value=metrics.log.repeated
                )
            if metrics.feedback:
                lost = CounterMetricFamily("mainline_feedback_dropped", "Labels that were lost.", labels=["reason"])
                for reason, count in sorted(metrics.feedback.dropped.items()):
                    lost.add_metric([reason], count)
                yield lost
                for name, text, value in (
                    ("mainline_feedback_received", "Labels taken.", metrics.feedback.received),
                    ("mainline_feedback_written", "Labels in the log.", metrics.feedback.written),
                ):
                    yield CounterMetricFamily(name, text, value=value)
            yield InfoMetricFamily(
                "mainline_model",
                "The model that answers.",
                {"version": metrics.version, "digest": metrics.signature.digest},
            )
            yield GaugeMetricFamily("mainline_start_time_seconds", "When the server started.", value=metrics.started)

    return Families()


def label(value: Any) -> str:
    """A class as a label, as JSON spells it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def quantiles(signature: Signature) -> list[float]:
    """Edges for a regression's values: twenty between the smallest and the largest prediction on the holdout."""
    low, high = signature.answered or (0.0, 1.0)
    step = (high - low) / 20 or 1.0
    return [low + n * step for n in range(21)]
