"""The record of a training: the model, its scores on its holdout, and what it was made from.

A record is a folder named by its fingerprint. It is written whole or not at all, and never changed, but for the commit
that it belongs to.

    record.json   `facts.Facts`: settings, digests, rows, period, commit
    model.pkl     the fitted pipeline; only loaded from this checkout's own state
    rows.npz      row ids of the training rows; row ids, labels, scores, blocks and input digests of the holdout
    profile.json  the distribution of the features in the training rows
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import pickle
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.config.schema import Features
from mainline.data.feature_patterns import with_features
from mainline.errors import ConfigurationError, DataError, ExternalError
from mainline.runtime.atomic_files import replacing_folder, write_text
from mainline.training.facts import Facts, facts_from_json, facts_to_json, unreadable
from mainline.training.fingerprint import digest
from mainline.training.frameworks import versions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    from mainline.config.schema import Settings


@dataclass(frozen=True)
class Holdout:
    """A model's scores on rows; `y` is NaN where the label is not known (float in every task)."""

    row_id: NDArray[np.uint64]
    y: NDArray[np.float64]
    score: NDArray[np.float64]  # (n,) or (n, classes)
    block: NDArray[np.int64] | None = None  # (n,) rows of a block are resampled together; None in older records


@dataclass(frozen=True)
class Record:
    path: Path
    facts: Facts

    @classmethod
    def read(cls, path: Path) -> Record:
        """Raises ExternalError for a record that is damaged or of another format."""
        file = path / "record.json"
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise unreadable(file, str(error)) from None
        return cls(path, facts_from_json(text, file))

    @property
    def fingerprint(self) -> str:
        return self.facts.fingerprint

    @property
    def digest(self) -> str:
        return self.facts.model.digest

    @cached_property
    def arrays(self) -> dict[str, NDArray[Any]]:
        import zipfile

        import numpy as np

        try:
            with np.load(self.path / "rows.npz", allow_pickle=False) as arrays:
                return {name: arrays[name] for name in arrays.files}
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise self.damaged("rows.npz", error) from None

    def settings(self, now: Settings) -> Settings:
        """The settings of `now` with the features that the model was trained on."""
        return with_features(now, Features.model_validate(self.facts.parts.prepare["features"]))

    @property
    def holdout(self) -> Holdout:
        arrays = self.arrays
        return Holdout(arrays["row_id"], arrays["y"], arrays["score"], arrays.get("block"))

    @property
    def inputs(self) -> NDArray[np.uint16] | None:
        """Digests of the holdout's inputs, (rows, features) in the order of `features`; None in older records."""
        return self.arrays.get("inputs")

    @property
    def features(self) -> list[str]:
        """Names, the categorical ones first, as `Features.names` has them."""
        listed = self.facts.parts.prepare.get("features", {})
        return [*listed.get("categorical", []), *listed.get("numeric", [])]

    @property
    def train_rows(self) -> NDArray[np.uint64]:
        return self.arrays["train"]

    @cached_property
    def profile(self) -> dict[str, Any]:
        try:
            loaded: dict[str, Any] = json.loads((self.path / "profile.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise self.damaged("profile.json", error) from None
        return loaded

    def damaged(self, name: str, error: object) -> ExternalError:
        return ExternalError(f"{self.path / name} cannot be read ({error}): delete the folder and run again")

    def model_bytes(self) -> bytes:
        """The pickled pipeline, once it matches the recorded digest."""
        try:
            pickled = (self.path / "model.pkl").read_bytes()
        except OSError as error:
            raise self.damaged("model.pkl", error) from None
        if hashlib.sha256(pickled).hexdigest() != self.digest:
            raise self.damaged("model.pkl", "it is not the model that was recorded")
        return pickled

    def model(self) -> Pipeline:
        """The fitted pipeline, once its bytes match the recorded digest."""
        pickled = self.model_bytes()
        versions.check_recorded(self.facts.frameworks)
        try:
            loaded: Pipeline = pickle.loads(pickled)
        except (ImportError, AttributeError) as error:
            raise ConfigurationError(f"the recorded model needs code that is missing here: {error}") from error
        return loaded


def find(records: Path, fingerprint: str) -> Record | None:
    """The record of a fingerprint; None where this checkout does not have it."""
    path = records / fingerprint
    if not (path / "record.json").exists():
        return None
    found = Record.read(path)
    # Anyone can name a folder, in a cache too: it may hold another model's record.
    return found if found.fingerprint == fingerprint else None


def made_by(record: Record, commit: str) -> Record:
    """The record, from now on, of a commit: its files have the fingerprint of what was uncommitted before."""
    facts = dataclasses.replace(record.facts, commit=commit, clean=True)
    write_text(record.path / "record.json", facts_to_json(facts))
    return Record(record.path, facts)


def keep(
    records: Path,
    facts: Facts,
    pickled: bytes,
    arrays: dict[str, NDArray[Any]],
    profile: dict[str, Any],
) -> Record:
    """Write a record: the whole folder appears at once."""
    import numpy as np

    path = records / facts.fingerprint
    with replacing_folder(path) as unfinished:
        (unfinished / "model.pkl").write_bytes(pickled)
        np.savez(unfinished / "rows.npz", allow_pickle=False, **arrays)
        (unfinished / "profile.json").write_text(json.dumps(profile, sort_keys=True), encoding="utf-8")
        (unfinished / "record.json").write_text(facts_to_json(facts), encoding="utf-8")
    return Record(path, facts)


def among(row_id: NDArray[np.uint64], train_rows: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Which of `row_id` are among the training rows of a record, which are in order.

    NumPy's own function would sort both together, in several times their memory.
    """
    import numpy as np

    if not len(train_rows):
        return np.zeros(len(row_id), dtype=bool)
    if (train_rows[1:] < train_rows[:-1]).any():  # what a record holds is read from a file
        train_rows = np.sort(train_rows)
    place = np.minimum(np.searchsorted(train_rows, row_id), len(train_rows) - 1)
    found: NDArray[np.bool_] = train_rows[place] == row_id
    return found


def align(row_id: NDArray[np.uint64], other: Holdout) -> NDArray[np.int64]:
    """The position of each of `row_id` in `other`, or -1."""
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


def same_tables(record: Record, other: Record) -> bool:
    """Whether two models were made from the same tables, up to the same data cutoff."""
    parts, others = record.facts.parts, other.facts.parts
    return parts.tables == others.tables and parts.clock == others.clock


def data_digest(record: Record) -> str:
    parts = record.facts.parts
    return digest({"tables": parts.tables, "clock": parts.clock})
