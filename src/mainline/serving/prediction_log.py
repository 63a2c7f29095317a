"""The prediction log, for monitoring: inputs, answers and the version of the model; one line per request.

`mainline ship` converts its files to Parquet.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import chain
from pathlib import Path
from struct import Struct
from typing import TYPE_CHECKING, Any

from mainline.errors import ConfigurationError
from mainline.serving.json_input import KeyedRows, Rows
from mainline.serving.settings import Configuration
from mainline.serving.signature import Signature
from mainline.serving.spool import Spool

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAME = "predictions"
FEEDBACK_SHARE = 8  # an eighth of the bytes is for feedback
NAN = float("nan")
RESERVED = ("_request", "_row", "_time", "_version", "_model_digest", "_prediction", "_label", "_id")


class PredictionLog(Spool):
    def __init__(self, folder: Path, configuration: Configuration, signature: Signature, version: str) -> None:
        taken = [name for name in signature.logged_names if name in RESERVED]
        if taken:
            raise ConfigurationError(f"{taken[0]} is a reserved column of the log: rename the model's column")
        self.keep = kept(signature, configuration.log_leave_out)
        columns = signature.columns if self.keep is None else [signature.columns[i] for i in self.keep]
        extra = signature.extra_keys
        # A key that must not be logged cannot be used for a join: it is read and discarded.
        self.keep_keys = [i for i, key in enumerate(extra) if key.name not in configuration.log_leave_out]
        header = {
            "columns": [column.name for column in columns],
            "kinds": [column.kind for column in columns],
            "keys": [[extra[i].name, extra[i].kind] for i in self.keep_keys],
            "task": signature.task,
            "classes": signature.classes,
            "version": version,
            "model_digest": signature.digest,
        }
        self.width = len(signature.categorical)
        self.flat = signature.task == "regression"
        total = configuration.log_bytes - configuration.log_bytes // FEEDBACK_SHARE
        super().__init__(folder, NAME, header, total, configuration.log_file_bytes, configuration.log_file_seconds)
        self.repeated = 0  # requests that were sent again, and are in the log already

    def line(self, request: str, rows: Rows, answers: Sequence[Any], when: float | None = None) -> bytes:
        """A request of few rows, with its answers as lists; of now, or of `when`, in seconds since 1970."""
        numbers = [NAN if value is None else value for row in rows for value in row[self.width :]]
        said = answers if self.flat else list(chain.from_iterable(answers))
        return self._line(request, rows, packer("f", len(numbers))(*numbers), packer("d", len(said))(*said), when)

    def batch(
        self, request: str, rows: Rows, numeric: NDArray[np.float32], answers: NDArray[Any], when: float | None = None
    ) -> bytes:
        """A request of many rows, with their numbers as the model takes and gives them."""
        return self._line(request, rows, numeric.tobytes(), answers.tobytes(), when)

    def _line(self, request: str, rows: Rows, numeric: bytes, predictions: bytes, when: float | None) -> bytes:
        """Numbers as bytes, which are base64 in JSON: as text they would take five times as many."""
        text: Sequence[tuple[Any, ...]] | None = [row[: self.width] for row in rows] if self.width else None
        if self.keep is not None:
            places = [i for i in self.keep if i < self.width]
            text = [tuple([row[i] for i in places]) for row in rows] if places else None
            kept = [NAN if row[i] is None else row[i] for row in rows for i in self.keep if i >= self.width]
            numeric = packer("f", len(kept))(*kept)
        line = {
            "id": request,
            "time": time.time() if when is None else when,
            "rows": len(rows),
            "categorical": text,
            "numeric": numeric,
            "predictions": predictions,
        }
        if isinstance(rows, KeyedRows) and rows.named and self.keep_keys:
            line["keys"] = [row and tuple([row[i] for i in self.keep_keys]) for row in rows.named]
        return self.encode(line)


@lru_cache(maxsize=256)
def packer(kind: str, count: int) -> Callable[..., bytes]:
    return Struct(f"<{count}{kind}").pack


def kept(signature: Signature, leave_out: Sequence[str]) -> list[int] | None:
    """The places of the columns to log; None for all of them.

    Raises
    ------
    ConfigurationError
        For a name that is not a column: the column that was meant would be logged.
    """
    names = signature.logged_names
    unknown = [name for name in leave_out if name not in names]
    if unknown:
        there = ", ".join(names)
        raise ConfigurationError(
            f"MAINLINE_LOG_LEAVE_OUT: the model has no column {unknown[0]}: the columns are {there}"
        )
    places = [i for i, name in enumerate(signature.names) if name not in leave_out]
    return places if len(places) < len(signature.names) else None
