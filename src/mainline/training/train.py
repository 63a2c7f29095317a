"""One training, from the prepared frame to a record: what main's code and a pull request's both do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.config.schema import Settings
from mainline.data.blocks import codes
from mainline.data.collect import Collected, to_json
from mainline.data.split import ROW_ID, quoted, sides
from mainline.errors import DataError
from mainline.runtime import git
from mainline.runtime.workspace import Workspace
from mainline.training import pipeline, record
from mainline.training.fingerprint import Fingerprint
from mainline.training.record import Record
from mainline.training.reference_profile import described

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Candidate:
    """A trained model that is not recorded yet: its data may still turn out to be invalid."""

    facts: dict[str, Any]
    pickled: bytes
    arrays: dict[str, NDArray[Any]]
    profile: dict[str, Any]

    def keep(self, workspace: Workspace) -> Record:
        return record.keep(workspace.records, self.facts, self.pickled, self.arrays, self.profile)


def train(
    settings: Settings, root: Path, tables: Mapping[str, Collected], prints: Fingerprint, frame: Path
) -> Candidate:
    """Fit on the training rows, score every holdout row, labelled or not."""
    # DuckDB counts without the interpreter: time for it while the model is fitted.
    with ThreadPoolExecutor(1) as pool:
        counted = pool.submit(count, settings, frame)
        trained_on = pool.submit(training_rows, settings, frame)
        profiled = pool.submit(described, settings, frame, labelled_training_rows(settings))
        fitted = pipeline.fit(settings, frame)
    blocks = [settings.compare.blocks] if settings.compare.blocks else []
    rows = pipeline.read_rows(settings, frame, sides(settings).holdout, *blocks)
    if rows.empty:
        raise DataError(f"no row lies in the holdout: nothing to measure on{pipeline.reach(settings, frame)}")
    score = pipeline.predict(settings, fitted.pipeline, rows)
    facts = {
        "fingerprint": prints.model,
        "frame": prints.frame,
        "parts": prints.parts,
        "commit": git.commit_of(root, "HEAD") if git.is_top(root) else None,
        "clean": git.is_top(root) and git.is_clean(root),
        "task": settings.task,
        "classes": fitted.classes,
        "model": {"digest": fitted.digest, "bytes": len(fitted.pickled), "seconds": round(fitted.seconds, 3)},
        "tables": portable(to_json(dict(tables)), root),
        **counted.result(),
    }
    arrays = {
        "row_id": rows[ROW_ID].to_numpy(),
        "y": targets(settings, rows[settings.prepare.label], fitted.classes),
        "score": score,
        "train": trained_on.result(),
        # What the interval of the evaluation was drawn from: the monitor compares with that very interval.
        **({"block": block_codes(rows[blocks[0]])} if blocks else {}),
    }
    return Candidate(facts, fitted.pickled, arrays, profiled.result())


def block_codes(blocks: Any) -> NDArray[Any]:
    """Numbered as the comparison numbers them: by their values as text."""
    import pandas as pd

    place, values = pd.factorize(blocks, use_na_sentinel=False)
    return codes(pd.Series(values).astype(str).to_numpy())[place]


def portable(tables: str, root: Path) -> dict[str, Any]:
    """The tables' facts with the checkout's own files named from its top: they belong to the commit."""
    facts: dict[str, Any] = json.loads(tables)
    for table in facts["tables"].values():
        paths = [Path(path) for path in table["paths"]]
        table["paths"] = [str(path.relative_to(root)) if path.is_relative_to(root) else str(path) for path in paths]
    return facts


def labelled_training_rows(settings: Settings) -> str:
    return f"({sides(settings).train}) AND {quoted(settings.prepare.label)} IS NOT NULL"


def targets(settings: Settings, labels: Any, classes: list[Any]) -> NDArray[Any]:
    """Labels as floats: codes or values, NaN where the outcome is not known."""
    import numpy as np

    known = labels.notna().to_numpy()
    y = np.full(len(labels), np.nan)
    y[known], _ = pipeline.encode(settings.task, labels[known], known=classes)
    return y


def training_rows(settings: Settings, frame: Path) -> NDArray[Any]:
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        found = connection.execute(
            f"SELECT {ROW_ID} FROM read_parquet('{frame}') WHERE {labelled_training_rows(settings)} ORDER BY {ROW_ID}"
        ).fetchnumpy()
    ids: NDArray[Any] = found[ROW_ID]
    return ids


def count(settings: Settings, frame: Path) -> dict[str, Any]:
    """Rows by side, what became of those without a label, and the period that each side covers."""
    import duckdb

    side = sides(settings)
    label = quoted(settings.prepare.label)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        source = f"read_parquet('{frame}')"
        train, holdout, unlabelled = connection.execute(
            f"SELECT count(*) FILTER (({side.train}) AND {label} IS NOT NULL), count(*) FILTER ({side.holdout}), "
            f"count(*) FILTER (({side.holdout}) AND {label} IS NULL) FROM {source}"
        ).fetchone() or (0, 0, 0)
        rows = {"train": train, "holdout": holdout, "unlabelled": unlabelled}
        if settings.prepare.status:
            status = quoted(settings.prepare.status)
            open_rows = f"{source} WHERE ({side.holdout}) AND {label} IS NULL"
            for value, number in connection.execute(
                f"SELECT {status}, count(*) FROM {open_rows} GROUP BY 1 ORDER BY 1"
            ).fetchall():
                rows[f"unlabelled {value}"] = number
        period = {}
        if settings.prepare.time:
            time = quoted(settings.prepare.time)
            found = (
                connection.execute(
                    f"SELECT min({time}) FILTER ({side.train}), max({time}) FILTER ({side.train}), "
                    f"min({time}) FILTER ({side.holdout}), max({time}) FILTER ({side.holdout}) FROM {source}"
                ).fetchone()
                or (None,) * 4
            )
            names = ("train_start", "train_end", "holdout_start", "holdout_end")
            period = {name: value.isoformat() for name, value in zip(names, found, strict=True) if value is not None}
    return {"rows": rows, "period": period, "label_coverage": 1 - unlabelled / holdout if holdout else 0.0}
