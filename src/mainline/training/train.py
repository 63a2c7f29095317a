"""One training, from the prepared frame to a record. The baseline and the candidate are both trained by it."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.config import frameworks
from mainline.config.environment import TRAINED_IN
from mainline.config.schema import Settings
from mainline.data.blocks import codes
from mainline.data.collect import Collected
from mainline.data.sources.duckdb_scan import parquet_file, reading
from mainline.data.split import ROW_ID, quoted, sides
from mainline.errors import DataError
from mainline.runtime import git
from mainline.runtime.workspace import Workspace
from mainline.training import input_digests, label_coverage, matrix, parts, pipeline, record, reference_profile, sample
from mainline.training.facts import Facts, ModelFacts, Repeats, SizeTrial
from mainline.training.fingerprint import Fingerprint
from mainline.training.frame_cache import FrameCache
from mainline.training.frameworks import versions
from mainline.training.record import Holdout, Record

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHEAP = 1.0  # seconds of a fit that is repeated unasked


@dataclass(frozen=True)
class TrainedModel:
    """A trained model that is not recorded yet: its data may still turn out to be invalid."""

    facts: Facts
    pickled: bytes
    arrays: dict[str, NDArray[Any]]
    profile: dict[str, Any]

    def keep(self, workspace: Workspace) -> Record:
        return record.keep(workspace.records, self.facts, self.pickled, self.arrays, self.profile)


@dataclass(frozen=True)
class Counts:
    rows: dict[str, int]
    period: dict[str, str]
    label_coverage: float


def train_model(
    settings: Settings,
    root: Path,
    tables: Mapping[str, Collected],
    prints: Fingerprint,
    frame: Path,
    sizes: Sequence[SizeTrial] = (),
    smaller: Callable[[pipeline.Fitted], pipeline.Fitted] | None = None,
    cache: FrameCache | None = None,
) -> TrainedModel:
    """Fit on the training rows and score every holdout row, labelled or not.

    `sizes` are what was tried before, where `export.optimise` asks for it, and `smaller` makes of a fitted pipeline
    what was chosen. `cache` holds what an earlier model of the same frame has computed of it.
    """
    cache = cache or FrameCache(None, prints.frame, settings)
    modules = frameworks.named_by(root, settings.train.estimator)
    versions.check_locked(modules, prints.parts.packages)
    # DuckDB releases the interpreter lock: it counts while the model is fitted.
    with ThreadPoolExecutor(1) as pool:
        counted = pool.submit(cached_counts, cache, frame)
        covered = pool.submit(label_coverage.cached, cache, frame)
        trained_on = pool.submit(training_rows, settings, frame)
        profiled = pool.submit(reference_profile.cached, cache, frame)
        fitted = (smaller or unchanged)(fit(settings, frame))
    arrays = holdout_of(settings, frame, fitted)
    repeated = repeat(settings, frame, fitted, arrays["score"], smaller or unchanged)
    counts = counted.result()
    top = git.is_top(root)
    facts = Facts(
        created=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        fingerprint=prints.model,
        frame=prints.frame,
        parts=prints.parts,
        commit=git.commit_of(root, "HEAD") if top else None,
        clean=top and git.is_clean(root),
        task=settings.task,
        classes=fitted.classes,
        model=ModelFacts(fitted.digest, len(fitted.pickled), round(fitted.seconds, 3)),
        tables=portable(tables, root),
        rows=counts.rows,
        period=counts.period,
        label_coverage=counts.label_coverage,
        blocks=settings.compare.blocks,
        repeats=repeated,
        coverage=covered.result(),
        frameworks=versions.of_model(fitted.pickled),
        rounds=fitted.rounds,
        image=os.environ.get(TRAINED_IN) or None,
        sizes=list(sizes),
    )
    return TrainedModel(facts, fitted.pickled, {**arrays, "train": trained_on.result()}, profiled.result())


def unchanged(fitted: pipeline.Fitted) -> pipeline.Fitted:
    return fitted


def fit(settings: Settings, frame: Path) -> pipeline.Fitted:
    """Fit the pipeline on the training rows that have a label: in parts where they are many."""
    pipeline.load_libraries()
    return matrix.fit(settings, frame) if matrix.is_large(settings, frame) else pipeline.fit(settings, frame)


def holdout_of(settings: Settings, frame: Path, fitted: pipeline.Fitted) -> dict[str, NDArray[Any]]:
    """Every holdout row as its record keeps it: id, label, score, block and digests of the inputs."""
    import numpy as np
    import pandas as pd

    prepare, blocks = settings.prepare, settings.compare.blocks
    names = [ROW_ID, *prepare.key, prepare.label, *prepare.features.names, *([blocks] if blocks else [])]
    found: dict[str, list[Any]] = {"row_id": [], "y": [], "score": [], "inputs": []}
    block = []
    by_spark = parts.scored_by_spark(settings, fitted.pipeline, frame, sides(settings).holdout)
    for rows in parts.read(settings, frame, sides(settings).holdout, *names):
        if rows.empty:
            raise DataError(f"the holdout has no rows{pipeline.reach(settings, frame)}")
        at = sum(map(len, found["row_id"]))
        found["row_id"].append(rows[ROW_ID].to_numpy())
        found["y"].append(targets(settings, rows[prepare.label], fitted.classes))
        found["score"].append(
            pipeline.predict(settings, fitted.pipeline, rows) if by_spark is None else by_spark[at : at + len(rows)]
        )
        found["inputs"].append(input_digests.digests(rows, prepare.features.names))
        block += [rows[blocks]] if blocks else []
        if sum(map(len, found["row_id"])) * len(prepare.features.names) > input_digests.MOST:
            found["inputs"] = [None]
    if any(each is None for each in found["inputs"]):
        del found["inputs"]
    # The monitor computes the interval of the evaluation again, from the same blocks.
    blocked = {"block": block_codes(pd.concat(block))} if blocks else {}
    return {**{name: np.concatenate(values) for name, values in found.items()}, **blocked}


def repeat(
    settings: Settings,
    frame: Path,
    fitted: pipeline.Fitted,
    score: NDArray[Any],
    smaller: Callable[[pipeline.Fitted], pipeline.Fitted],
) -> Repeats | None:
    """Fit again, and compare the models; None where that is not asked for, or would take long and is not set."""
    import numpy as np

    asked = settings.train.repeats
    if asked < 2 or (fitted.seconds > CHEAP and "repeats" not in settings.train.model_fields_set):
        return None
    digests, largest = {fitted.digest}, 0.0
    for _ in range(asked - 1):
        again = smaller(fit(settings, frame))
        if again.digest not in digests:
            digests.add(again.digest)
            _, other = parts.scored(settings, again.pipeline, frame, sides(settings).holdout)
            largest = max(largest, float(np.abs(other - score).max()))
    return Repeats(asked, len(digests), largest)


def with_blocks(settings: Settings, workspace: Workspace, known: Record, frame: Path) -> Record:
    """A known record with the blocks of `compare.blocks`, where they were set or changed after the training.

    They are no part of the fingerprint: they change no model. The monitor measures with them.
    """
    import numpy as np

    by = settings.compare.blocks
    if by is None or (known.holdout.block is not None and known.facts.blocks in (None, by)):
        return known
    rows = pipeline.read_rows(settings, frame, sides(settings).holdout, by)
    place = record.align(known.holdout.row_id, Holdout(rows[ROW_ID].to_numpy(), np.empty(0), np.empty(0)))
    if (place < 0).any():
        return known
    arrays = {**known.arrays, "block": block_codes(rows[by].iloc[place])}
    pickled = (known.path / "model.pkl").read_bytes()
    return record.keep(workspace.records, replace(known.facts, blocks=by), pickled, arrays, known.profile)


def block_codes(blocks: Any) -> NDArray[Any]:
    """Block codes as the comparison assigns them: by the values as text."""
    import pandas as pd

    place, values = pd.factorize(blocks, use_na_sentinel=False)
    return codes(pd.Series(values).astype(str).to_numpy())[place]


def portable(tables: Mapping[str, Collected], root: Path) -> dict[str, Collected]:
    """The tables with the checkout's own files by their path from its top: these files belong to the commit."""
    return {
        name: replace(
            table, paths=[path.relative_to(root) if path.is_relative_to(root) else path for path in table.paths]
        )
        for name, table in tables.items()
    }


def targets(settings: Settings, labels: Any, classes: list[Any]) -> NDArray[Any]:
    """Labels as floats: codes or values, NaN where the label is not known."""
    import numpy as np

    known = labels.notna().to_numpy()
    y = np.full(len(labels), np.nan)
    y[known], _ = pipeline.encode(settings.task, labels[known], known=classes)
    return y


def training_rows(settings: Settings, frame: Path) -> NDArray[Any]:
    with reading() as connection:
        condition = sample.fitted_on(settings, frame, connection)
        found = connection.execute(
            f"SELECT {ROW_ID} FROM {parquet_file(frame)} WHERE {condition} ORDER BY {ROW_ID}"
        ).fetchnumpy()
    ids: NDArray[Any] = found[ROW_ID]
    return ids


def cached_counts(cache: FrameCache, frame: Path) -> Counts:
    return Counts(**cache.get("counts", lambda: asdict(count(cache.settings, frame))))


def count(settings: Settings, frame: Path) -> Counts:
    """Rows and period of the training and holdout sides, and the holdout rows without a label by status."""
    side = sides(settings)
    label = quoted(settings.prepare.label)
    with reading() as connection:
        source = parquet_file(frame)
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
    return Counts(rows, period, 1 - unlabelled / holdout if holdout else 0.0)
