"""The holdout over HTTP, compared with the recorded score of every row."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mainline.config.schema import Settings
from mainline.data.split import sides
from mainline.errors import Refused
from mainline.packaging import agreement, export
from mainline.packaging.answer_scale import scale_of
from mainline.packaging.staging.container import Running
from mainline.serving.signature import Signature
from mainline.training.pipeline import read_rows
from mainline.training.record import Record

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

BATCH = 1000


@dataclass(frozen=True)
class HoldoutRequests:
    """Every holdout row as it is sent, with its recorded score."""

    signature: Signature
    rows: list[list[str | float | None]]
    scores: NDArray[np.float64]

    def body(self, start: int, count: int) -> dict[str, Any]:
        return {"dataframe_split": {"columns": self.signature.names, "data": self.rows[start : start + count]}}

    def bodies(self, rows: int, most: int = 200) -> list[bytes]:
        """Requests of so many rows, spread over the holdout."""
        step = max(rows, len(self.rows) // most)
        return [json.dumps(self.body(start, rows)).encode() for start in range(0, len(self.rows) - rows + 1, step)]


def holdout_requests(settings: Settings, record: Record, frame: Path, signature: Signature) -> HoldoutRequests:
    rows = read_rows(settings, frame, sides(settings).holdout)
    return HoldoutRequests(signature, export.as_lists(signature, rows), agreement.recorded_answers(record, rows))


def differences(server: Running, requests: HoldoutRequests) -> tuple[int, float]:
    """How many rows have another answer than recorded, and the largest difference.

    Differences are of probabilities; of a regression's values relative to `scale_of`.
    """
    import numpy as np

    found: list[Any] = []
    for start in range(0, len(requests.rows), BATCH):
        status, body = server.ask("POST", "/invocations", requests.body(start, BATCH))
        if status != 200:
            raise Refused(f"holdout rows {start} to {start + BATCH} are answered {status}: {body[:200].decode()}")
        found += json.loads(body)["predictions"]
    answers = np.asarray(found, dtype=np.float64)
    if requests.signature.task == "binary":
        answers = answers[:, 1]
    difference = np.abs(answers - requests.scores) / scale_of(requests.signature.task, requests.scores)
    wrong = ~(difference <= agreement.TOLERANCE).reshape(len(requests.rows), -1).all(axis=1)
    return int(wrong.sum()), float(np.nanmax(difference))
