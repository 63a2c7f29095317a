"""What the monitor left: `monitor.json`, read by its types or refused."""

from __future__ import annotations

from pathlib import Path

from mainline.errors import DataError
from mainline.monitoring import results
from mainline.monitoring.results import Health, Verdict
from mainline.runtime.typed_json import InvalidJson

LARGEST = 8 << 20  # bytes


def read(file: Path) -> Health:
    """The monitor's result in a file; raises DataError where there is none."""
    try:
        with file.open("rb") as opened:
            content = opened.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise DataError(f"{file} is larger than {LARGEST >> 20} MB")
        return results.from_json(content)
    except FileNotFoundError:
        raise DataError(f"{file} does not exist: the monitor left no result, see its log") from None
    except (OSError, InvalidJson) as error:
        raise DataError(f"{file} is not a result of the monitor: {error}") from None


def asks_for_retraining(health: Health) -> bool:
    """Only drift and decay do: invalid or missing predictions say nothing about the model."""
    return health.verdict in (Verdict.drift, Verdict.decay)
