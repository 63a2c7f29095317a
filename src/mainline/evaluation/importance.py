"""Permutation importance, computed in the worker process while the models are compared, or in this one while that one
is still validating the data.

The importance of a column is how far the headline metric falls on a sample of the holdout when it is shuffled.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.config import extensions, loader
from mainline.config.schema import Settings
from mainline.data.split import ROW_ID, quoted, sides
from mainline.evaluation import metrics, single_features
from mainline.evaluation.results import Importance
from mainline.runtime.atomic_files import scratch, write_text
from mainline.runtime.worker import Worker
from mainline.runtime.workspace import Workspace
from mainline.training import parts, pipeline
from mainline.training import record as records
from mainline.training.fingerprint import digest
from mainline.training.frame_cache import FrameCache
from mainline.training.record import Holdout, Record, align
from mainline.training.train import TrainedModel

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

REPEATS = 3
TOGETHER = 50_000  # shuffled rows that are scored in one call, most of whose time is the preprocessing's own
VERSION = 2  # of what is stored
DRAWN: dict[tuple[Any, ...], pd.DataFrame] = {}  # the last sample, which is read before the model is there


def ask(worker: Worker, workspace: Workspace, record: Record, frame: Path) -> Callable[[], list[Importance]]:
    """Start it in the worker; the returned function waits for the result."""
    future = worker.submit(
        of_record,
        root=str(workspace.root),
        state=str(workspace.home),
        path=str(record.path),
        frame=str(frame),
    )
    return lambda: [Importance(**value) for value in future.result()]


def load_libraries(estimator: str = "") -> None:
    """Import what the importance needs before it is asked for; of estimators, scikit-learn's alone."""
    pipeline.load_libraries()
    if estimator.startswith("sklearn."):
        with contextlib.suppress(ImportError):  # the fit says it
            importlib.import_module(estimator.rpartition(".")[0])
    import duckdb  # noqa: F401
    import sklearn.metrics  # noqa: F401


def load_rows(root: str, state: str, frame: str) -> None:
    """Read the rows that the model will be asked about, before there is one."""
    workspace = Workspace.at(Path(root), Path(state))
    settings = loader.load(workspace.params).settings
    if settings.evaluate.importance_rows:
        sampled(settings, Path(frame))


def of_record(root: str, state: str, path: str, frame: str) -> list[dict[str, Any]]:
    """The importance of every feature in the record at `path`, stored so that it is computed once."""
    workspace = Workspace.at(Path(root), Path(state))
    params = loader.load(workspace.params)
    settings = params.settings
    if not settings.evaluate.importance_rows:
        return []
    pipeline.use_threads(settings.train.threads)
    extensions.load(params)
    record = Record.read(Path(path))
    file = place(settings, workspace, record.fingerprint)
    if not file.exists():
        cache = FrameCache(workspace.checks, record.facts.frame, record.settings(settings))
        store(settings, workspace, record.fingerprint, measure(cache, record, Path(frame)))
    answer: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
    return answer


@dataclass
class Early:
    """The importance of a model that waits for its validation, in this process; stored once the model is recorded."""

    settings: Settings
    workspace: Workspace
    frame: Path
    found: list[Importance] | None = None

    def measure(self, trained: TrainedModel) -> None:
        with scratch(self.workspace.state) as folder:
            record = records.keep(folder, trained.facts, trained.pickled, {}, trained.profile)
            cache = FrameCache(None, record.facts.frame, record.settings(self.settings))
            self.found = measure(cache, record, self.frame)

    def store(self, record: Record) -> None:
        if self.found is not None:
            store(self.settings, self.workspace, record.fingerprint, self.found)


def store(settings: Settings, workspace: Workspace, fingerprint: str, found: list[Importance]) -> None:
    text = json.dumps([dataclasses.asdict(value) for value in found])
    write_text(place(settings, workspace, fingerprint), text)


def measure(cache: FrameCache, record: Record, frame: Path) -> list[Importance]:
    """Three shuffles of each column, the largest fall first; `low` and `high` are the smallest and largest fall.

    Empty where the holdout has fewer than two labelled rows or a single class.
    """
    import numpy as np

    settings, rows = cache.settings, sampled(cache.settings, frame)
    size = len(rows)
    y, _ = pipeline.encode(settings.task, rows[settings.prepare.label], known=record.facts.classes)
    if size < 2 or len(np.unique(y)) < 2:
        return []
    features, model = pipeline.features_of(settings, rows), record.model()
    reached = score(settings, pipeline.answers_of(settings.task, model, features), y)
    falls = reached - shuffled_scores(settings, model, features, y)
    alone = single_features.cached(cache, record, frame, rows, y) if size >= single_features.FEWEST else {}
    return [
        Importance(
            name,
            float(falls[i].mean()),
            float(falls[i].min()),
            float(falls[i].max()),
            alone.get(name),
            single_features.suffices(settings, alone, name, reached),
        )
        for i, name in ((i, str(features.columns[i])) for i in np.argsort(-falls.mean(axis=1)))
    ]


def sampled(settings: Settings, frame: Path) -> pd.DataFrame:
    """The labelled holdout rows that the model is asked about, in the order of their ids' places in the frame."""
    import numpy as np
    import pandas as pd

    written = frame.stat()
    key = (frame, written.st_mtime_ns, written.st_size, settings.model_dump_json(exclude={"train"}))
    if key in DRAWN:
        return DRAWN[key]
    label = quoted(settings.prepare.label)
    labelled = f"({sides(settings).holdout}) AND {label} IS NOT NULL"
    ids = np.concatenate([part[ROW_ID].to_numpy() for part in parts.read(settings, frame, labelled, ROW_ID)])
    size = min(settings.evaluate.importance_rows, len(ids))
    ids = ids[np.sort(np.random.default_rng(0).choice(len(ids), size, replace=False))] if size else ids
    columns = (ROW_ID, settings.prepare.label, *settings.prepare.features.names)
    rows = pd.concat(parts.read(settings, frame, labelled, *columns, ids=ids))
    DRAWN.clear()
    DRAWN[key] = rows.iloc[align(ids, Holdout(rows[ROW_ID].to_numpy(), np.empty(0), np.empty(0)))]
    return DRAWN[key]


def kept(settings: Settings, workspace: Workspace, record: Record | None) -> dict[str, float] | None:
    """The importance of a record's features, where an earlier run has computed it."""
    path = place(settings, workspace, record.fingerprint) if record else None
    if path is None or not path.exists():
        return None
    return {found["feature"]: found["value"] for found in json.loads(path.read_text(encoding="utf-8"))}


def place(settings: Settings, workspace: Workspace, fingerprint: str) -> Path:
    evaluate = settings.evaluate
    asked = digest([fingerprint, settings.compare.metric, evaluate.importance_rows, evaluate.threshold, VERSION])
    return workspace.checks / f"importance-{asked[:32]}.json"


def shuffled_scores(
    settings: Settings, model: Pipeline, features: pd.DataFrame, y: NDArray[Any]
) -> NDArray[np.float64]:
    """The headline metric by column and repeat, each with that column shuffled: (columns, repeats).

    The orders are those of `sklearn.inspection.permutation_importance` with `random_state=0`, which asks the model for
    each of them alone.
    """
    import numpy as np
    import pandas as pd

    generator = np.random.RandomState(np.random.RandomState(0).randint(np.iinfo(np.int32).max + 1))
    order = placed = np.arange(len(features))
    orders = []
    for _ in range(REPEATS):
        generator.shuffle(order := order.copy())
        placed = placed[order]  # what is shuffled is the column as it lies by now
        orders.append(placed)
    asked = [(name, order) for name in features.columns for order in orders]
    step, found = max(1, TOGETHER // len(features)), []
    for start in range(0, len(asked), step):
        some = asked[start : start + step]
        place = {name: np.tile(np.arange(len(features)), len(some)) for name in features.columns}
        for at, (name, order) in enumerate(some):
            place[name][at * len(features) : (at + 1) * len(features)] = order
        rows = pd.DataFrame({name: features[name].array.take(place[name]) for name in features.columns})
        answers = pipeline.answers_of(settings.task, model, rows)
        found += [score(settings, each, y) for each in np.split(answers, len(some))]
    return np.reshape(found, (len(features.columns), REPEATS))


def score(settings: Settings, answers: NDArray[np.float64], y: NDArray[Any]) -> float:
    """The headline metric; greater is better."""
    import numpy as np

    metric, one = settings.compare.metric, np.ones((1, 1), dtype=np.int64)
    sign = 1 if metrics.greater_is_better(metric) else -1
    found = metrics.measure(
        settings.task, y, answers, np.zeros(len(y), int), one, threshold=settings.evaluate.threshold, only=[metric]
    )
    return sign * float(found[metric][0])
