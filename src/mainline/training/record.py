"""The record of a training: the model, what it answered on its holdout, and everything it was made of.

A record is a folder named by its fingerprint. It is written whole or not at all, and never changed.

    record.json   facts: settings, digests, rows, period, commit
    model.pkl     the fitted pipeline; only ever loaded where this checkout's own state holds it
    rows.npz      row ids of the training rows; row ids, labels, scores and blocks of the holdout
    profile.json  how the training rows' features are distributed
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import pickle
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.errors import ConfigurationError, DataError, ExternalError
from mainline.runtime.atomic_files import replacing_folder

if TYPE_CHECKING:
    from numpy.typing import NDArray


if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

FORMAT = 1


@dataclass(frozen=True)
class Holdout:
    """Scores of a model on rows; `y` is NaN where the outcome is not known (float in every task)."""

    row_id: NDArray[np.uint64]
    y: NDArray[np.float64]
    score: NDArray[np.float64]  # (n,) or (n, classes)
    block: NDArray[np.int64] | None = None  # (n,) which rows are resampled together; None in records of old


@dataclass(frozen=True)
class Record:
    path: Path
    facts: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> Record:
        """Raises ExternalError for a record that is damaged or of another format."""
        try:
            facts = json.loads((path / "record.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ExternalError(f"{path}: not a readable record ({error}): delete the folder and run again") from None
        if not isinstance(facts, dict):
            raise ExternalError(f"{path}: not a readable record: delete the folder and run again")
        if facts.get("format") != FORMAT:
            raise ExternalError(f"{path}: a record of format {facts.get('format')}, this code reads {FORMAT}")
        return cls(path, facts)

    @property
    def fingerprint(self) -> str:
        return str(self.facts["fingerprint"])

    @property
    def digest(self) -> str:
        return str(self.facts["model"]["digest"])

    @cached_property
    def _arrays(self) -> dict[str, NDArray[Any]]:
        import zipfile

        import numpy as np

        try:
            with np.load(self.path / "rows.npz", allow_pickle=False) as arrays:
                return {name: arrays[name] for name in arrays.files}
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise self.damaged("rows.npz", error) from None

    @property
    def holdout(self) -> Holdout:
        arrays = self._arrays
        return Holdout(arrays["row_id"], arrays["y"], arrays["score"], arrays.get("block"))

    @property
    def train_rows(self) -> NDArray[np.uint64]:
        return self._arrays["train"]

    @cached_property
    def profile(self) -> dict[str, Any]:
        try:
            loaded: dict[str, Any] = json.loads((self.path / "profile.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise self.damaged("profile.json", error) from None
        return loaded

    def damaged(self, name: str, error: object) -> ExternalError:
        return ExternalError(f"{self.path / name} cannot be read ({error}): delete the folder and run again")

    def model(self) -> Pipeline:
        """The fitted pipeline, after its bytes were checked against the recorded digest."""
        try:
            pickled = (self.path / "model.pkl").read_bytes()
        except OSError as error:
            raise self.damaged("model.pkl", error) from None
        if hashlib.sha256(pickled).hexdigest() != self.digest:
            raise self.damaged("model.pkl", "it is not the model that was recorded")
        try:
            loaded: Pipeline = pickle.loads(pickled)
        except (ImportError, AttributeError) as error:
            raise ConfigurationError(f"the recorded model needs code that is not here: {error}") from error
        return loaded


def find(records: Path, fingerprint: str) -> Record | None:
    """The record of a fingerprint, if this checkout has it whole."""
    path = records / fingerprint
    if not (path / "record.json").exists():
        return None
    found = Record.read(path)
    # A folder can be named by anybody, in a cache too: another model's record is none of this one.
    return found if found.fingerprint == fingerprint else None


def keep(
    records: Path,
    facts: dict[str, Any],
    pickled: bytes,
    arrays: dict[str, NDArray[Any]],
    profile: dict[str, Any],
) -> Record:
    """Write a record in one step."""
    import numpy as np

    path = records / facts["fingerprint"]
    whole = {"format": FORMAT, "created": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"), **facts}
    with replacing_folder(path) as unfinished:
        (unfinished / "model.pkl").write_bytes(pickled)
        np.savez(unfinished / "rows.npz", allow_pickle=False, **arrays)
        (unfinished / "profile.json").write_text(json.dumps(profile, sort_keys=True), encoding="utf-8")
        # In the order that it has: a CSV file's columns are read by their place.
        (unfinished / "record.json").write_text(json.dumps(whole, indent=2), encoding="utf-8")
    return Record(path, whole)


def align(row_id: NDArray[np.uint64], other: Holdout) -> NDArray[np.int64]:
    """For each of `row_id` its place in `other`, or -1."""
    import numpy as np

    order = np.argsort(other.row_id)
    place = np.searchsorted(other.row_id, row_id, sorter=order)
    place = np.minimum(place, len(order) - 1)
    if not len(order):
        return np.full(len(row_id), -1)
    found = order[place]
    return np.where(other.row_id[found] == row_id, found, -1)


def distinct(row_id: NDArray[np.uint64]) -> None:
    import numpy as np

    if len(np.unique(row_id)) != len(row_id):
        raise DataError("two rows share a row id")


def data_digest(record: Record) -> str:
    from mainline.training.fingerprint import digest

    parts = record.facts["parts"]
    return digest({"tables": parts["tables"], "clock": parts["clock"]})
