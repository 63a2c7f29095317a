"""The scores of a model by Spark: each worker scores a part of the rows with the fitted pipeline itself."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mainline.config.schema import Settings
from mainline.data.frame_size import rows_of
from mainline.data.sources.duckdb_scan import connect, parquet_file
from mainline.data.split import quoted
from mainline.errors import ConfigurationError, ExternalError, Refused
from mainline.runtime.atomic_files import scratch

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

PART = 200_000  # rows of a file, and so of a worker's task
PLACE, SCORE = "place_of_mainline", "score_of_mainline"
COMPUTES = (
    "numpy",
    "pandas",
    "scikit-learn",
    "duckdb",
    "xgboost-cpu",
    "lightgbm",
    "catboost",
    "torch",
    "tensorflow-cpu",
)


Read = Callable[..., Iterator["pd.DataFrame"]]


@dataclass(frozen=True)
class Task:
    """What each worker is told; `model` is the file of the pickled pipeline."""

    settings: Settings
    model: str
    digest: str
    versions: dict[str, str]


def wanted(settings: Settings, frame: Path) -> bool:
    """Whether Spark scores the rows of a frame: see `data.spark.least_rows`."""
    return settings.data.engine == "spark" and rows_of(frame) >= settings.data.spark.least_rows


def scores(settings: Settings, model: Pipeline, frame: Path, condition: str, read: Read) -> NDArray[np.float64]:
    """The scores (n,) or (n, classes) of the rows that meet `condition`, in the frame's order.

    `read` is `parts.read`. Up to `data.spark.checked_rows` of the first rows are scored on this machine too, and
    compared bit by bit.

    Raises
    ------
    ConfigurationError
        Where a score is not that of this machine, with the first row that differs, or the cluster's Python lacks what
        this machine's has.
    ExternalError
        Where the cluster fails.
    """
    import numpy as np

    from mainline.data.spark import session, tables
    from mainline.training.frameworks import pickles

    shared = settings.data.spark.shared
    with scratch((shared or frame.parent).resolve()) as folder:
        (folder / "rows").mkdir(parents=True)
        folder.chmod(0o777)  # the cluster may run as another user
        count = written(settings, frame, condition, folder / "rows")
        if not count:
            return np.empty(0)
        pickled = pickles.dumps(model)
        task = Task(settings, str(folder / "model.pkl"), hashlib.sha256(pickled).hexdigest(), versions())
        Path(task.model).write_bytes(pickled)
        with session.running(settings) as spark:
            rows = spark.read.parquet(tables.address(folder / "rows"))
            scored = rows.mapInArrow(lambda batches: score(task, batches), f"{PLACE} long, {SCORE} array<double>")
            scored.write.parquet(tables.address(folder / "scores"))
        found = collected(folder / "scores", count, folder)
        refuse_infinite(settings, frame, condition, found)
        refuse_other_scores(settings, model, frame, condition, found, read)
    return found


def written(settings: Settings, frame: Path, condition: str, folder: Path) -> int:
    """The features in files of about `PART` rows, each row with its place; the number of rows."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    names, count = ", ".join(map(quoted, settings.prepare.features.names)), 0
    with connect() as connection:
        found = connection.sql(f"SELECT {names} FROM {parquet_file(frame)} WHERE {condition}")
        for number, batch in enumerate(found.to_arrow_reader(PART)):
            part = pa.Table.from_batches([batch])
            part = part.append_column(PLACE, pa.array(np.arange(count, count + len(part))))
            pq.write_table(part, folder / f"{number:06}.parquet")
            count += len(part)
    return count


def score(task: Task, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """One worker's part."""
    import pickle

    import numpy as np
    import pyarrow as pa

    from mainline.data.spark import session
    from mainline.training import pipeline

    pipeline.use_threads(task.settings.train.threads)
    here = versions()
    wrong = [
        f"{name} {here[name]} (here {version})" for name, version in task.versions.items() if here[name] != version
    ]
    if wrong:
        raise session.told(
            f"params.yaml: data.engine: spark: the cluster's Python has {', '.join(wrong)}, so scores could differ: "
            "give its machines this project's locked environment (PYSPARK_PYTHON), or set data.spark.least_rows higher"
        )
    pickled = Path(task.model).read_bytes()
    if hashlib.sha256(pickled).hexdigest() != task.digest:
        raise session.told(f"{task.model} is not the model that was written there: is another file in its place?")
    model = pickle.loads(pickled)
    features = task.settings.prepare.features.names
    for batch in batches:
        answers = pipeline.answers_of(task.settings.task, model, as_frame(batch, features))
        listed = np.asarray(answers, dtype=np.float64).reshape(len(answers), -1)
        offsets = np.arange(0, listed.size + 1, listed.shape[1], dtype=np.int32)
        values = pa.ListArray.from_arrays(pa.array(offsets), pa.array(listed.ravel()))
        yield pa.RecordBatch.from_arrays([batch.column(PLACE), values], names=[PLACE, SCORE])


def as_frame(batch: pa.RecordBatch, features: list[str]) -> pd.DataFrame:
    """The features as `parts.read` has them: DuckDB's DataFrame."""
    import pyarrow as pa

    with connect() as connection:
        connection.register("batch", pa.Table.from_batches([batch]))
        found: pd.DataFrame = connection.execute(f"SELECT {', '.join(map(quoted, features))} FROM batch").df()
    return found


def collected(folder: Path, count: int, place: Path) -> NDArray[np.float64]:
    """The scores by the rows' places.

    Parts that the cluster wrote to disks of its own would be missing without a word.
    """
    import numpy as np
    import pyarrow.parquet as pq

    from mainline.data.spark import session

    parts = [pq.read_table(path) for path in sorted(folder.glob("part-*.parquet"))]
    places = np.concatenate([part[PLACE].to_numpy() for part in parts]) if parts else np.empty(0, np.int64)
    order = np.argsort(places)
    if not np.array_equal(places[order], np.arange(count)):
        raise ExternalError(
            f"{session.CLUSTER} has scored {len(places):,} of {count:,} rows that are below {place.parent}: set "
            "data.spark.shared to a folder that this machine and all of its machines mount"
        )
    values = np.concatenate([part[SCORE].combine_chunks().flatten().to_numpy() for part in parts])
    values = values.reshape(count, -1)[order]
    return values[:, 0] if values.shape[1] == 1 else values


def refuse_infinite(settings: Settings, frame: Path, condition: str, found: NDArray[np.float64]) -> None:
    """As `pipeline.predict`: such a model can be neither compared nor served."""
    import numpy as np

    finite = np.isfinite(found.reshape(len(found), -1)).all(axis=1)
    if not finite.all():
        where = key_at(settings, frame, condition, int(np.flatnonzero(~finite)[0]))
        raise Refused(
            f"the model answers NaN or infinity for {int((~finite).sum()):,} of {len(found):,} rows, first {where}"
        )


def key_at(settings: Settings, frame: Path, condition: str, place: int) -> str:
    """The key of a row, by its place among those that meet the condition."""
    key = settings.prepare.key
    asked = f"SELECT {', '.join(map(quoted, key))} FROM {parquet_file(frame)} WHERE {condition} LIMIT 1 OFFSET {place}"
    with connect() as connection:
        row = connection.execute(asked).fetchone() or ()
    return ", ".join(f"{name}={value}" for name, value in zip(key, row, strict=False))


def refuse_other_scores(
    settings: Settings, model: Pipeline, frame: Path, condition: str, found: NDArray[np.float64], read: Read
) -> None:
    """Score the first rows on this machine too; raise ConfigurationError with the first that has another score."""
    import numpy as np

    from mainline.training import pipeline

    most, at = settings.data.spark.checked_rows, 0
    if not most:
        return
    key, features = settings.prepare.key, settings.prepare.features.names
    for rows in read(settings, frame, condition, *key, *features):
        own = pipeline.predict(settings, model, rows.head(most - at))
        same = (found[at : at + len(own)] == own).reshape(len(own), -1).all(axis=1)
        if not same.all():
            first = int(np.flatnonzero(~same)[0])
            where = key_at(settings, frame, condition, at + first)
            raise ConfigurationError(
                f"params.yaml: data.engine: spark: Spark's scores differ from those of this machine in "
                f"{int((~same).sum()):,} of {len(own):,} rows, so they were not kept: {found[at + first]} on Spark "
                f"and {own[first]} here in the row {where}. Set data.spark.least_rows higher"
            )
        at += len(own)
        if at >= most:
            return


def versions() -> dict[str, str]:
    """What computes scores, as far as it is installed."""
    from importlib import metadata

    found = {}
    for name in COMPUTES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "missing"
    return found
