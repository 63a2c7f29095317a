"""`export.optimise`: the smallest model that is as good as the whole one, found before the model is trained.

Fewer trees, or 8-bit weights of a network, are tried on the last part of the *training* rows, against the whole model,
with the non-inferiority margins of the gates. The holdout is not asked: the model that is chosen is trained, recorded,
compared and served as any other.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.config.schema import EarlyStopping, Settings
from mainline.data.blocks import codes
from mainline.errors import ConfigurationError, DataError, MainlineError
from mainline.evaluation import evaluate
from mainline.evaluation.evaluate import Labelled
from mainline.evaluation.results import Metric
from mainline.packaging import eight_bit, optimised_graph, variants
from mainline.packaging.answer_scale import scale_of
from mainline.packaging.quantise import VARIANTS
from mainline.serving.signature import FORMAT, Agreement, Column, Signature
from mainline.training import early_stopping, estimators, pipeline, tree_counts
from mainline.training.facts import SizeTrial
from mainline.training.frameworks.networks import KERAS, SKORCH
from mainline.training.frameworks.parameters import adapter_of, set_rounds

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

SHARES = (0.05, 0.1, 0.2, 0.35, 0.5, 0.7)  # of all trees; each costs as much of a fit
SLICE = 0.2  # of the training keys, where rows are split by hash
TIMED = 300  # single rows whose median is the latency


@dataclass(frozen=True)
class Chosen:
    """The settings of the training, and what was tried; `why_not` says why nothing was.

    `graph` is the variant of `quantise` that a fitted network becomes; None where it stays as it is.
    """

    settings: Settings
    trials: list[SizeTrial]
    why_not: str | None = None
    graph: str | None = None

    @property
    def fewer_trees(self) -> bool:
        return any(trial.used for trial in self.trials[:-1]) and self.graph is None

    @property
    def said(self) -> str:
        used = next((trial for trial in self.trials if trial.used), None)
        return self.why_not or (used.graph or f"{used.trees:,} trees" if used else "")

    def smaller(self, fitted: pipeline.Fitted) -> pipeline.Fitted:
        """A fitted pipeline as it is to be recorded."""
        if self.graph is None:
            return fitted
        found = eight_bit.smaller(fitted, inputs(self.settings, fitted.classes), self.graph)
        assert found, "the same network had matrices to write in 8 bits"
        return found


def choose(settings: Settings, frame: Path) -> Chosen:
    """The fewest trees, or the smallest graph of a network, that are no worse on a slice of the training rows.

    Raises
    ------
    ConfigurationError
        Where the gates have no margin: nothing says what is as good.
    DataError
        Where the slice cannot be trained or measured on.
    """
    if not settings.gates.margins:
        raise ConfigurationError("params.yaml: export.optimise needs gates.margins: they say how much worse is as good")
    if settings.train.early_stopping:
        chosen_of_found = choose(with_rounds(settings, frame), frame)
        # Where all rounds are used, the training finds their number again, and says so.
        return chosen_of_found if chosen_of_found.fewer_trees else replace(chosen_of_found, settings=settings)
    total = tree_counts.number(settings)
    if (total is None or total < 2) and not is_network(settings):
        why = "it has no trees, or train.params does not say how many"
        return Chosen(settings, [], f"{settings.train.estimator}: {why}")
    rows = training_rows(settings, frame)
    stop = rows[early_stopping.MARK].to_numpy(dtype=bool)
    if not stop.any() or stop.all():
        raise DataError("export.optimise: the last part of the training rows, as long as the holdout, has none or all")
    if total is None:
        return smallest_graph(settings, rows, stop)
    counts = sorted({max(1, round(total * share)) for share in SHARES} - {total})
    whole = fitted(settings, rows, stop, total)
    trials, chosen = [], total
    for count in counts:
        part = fitted(tree_counts.with_trees(settings, count), rows, stop, count)
        found = against(settings, rows[stop], part, whole)
        refused = variants.beyond_a_margin(settings, found)
        trials.append(trial(settings, part, found, refused, used=refused is None))
        if refused is None:
            chosen = count
            break
    trials.append(trial(settings, whole, against(settings, rows[stop], whole, whole), None, used=chosen == total))
    return Chosen(settings if chosen == total else tree_counts.with_trees(settings, chosen), trials)


def with_rounds(settings: Settings, frame: Path) -> Settings:
    """The settings with the number of rounds that early stopping finds, in its place."""
    kind = adapter_of(estimators.estimator_class(settings.train.estimator))
    rounds = pipeline.fit_rows(settings, pipeline.training_rows(settings, frame)).rounds
    assert kind, "an estimator that cannot stop early is refused"
    assert rounds
    params = set_rounds(kind, settings.train.params, rounds)
    train = settings.train.model_copy(update={"params": params, "early_stopping": None})
    return settings.model_copy(update={"train": train})


def is_network(settings: Settings) -> bool:
    adapter = adapter_of(estimators.estimator_class(settings.train.estimator))
    return adapter in (SKORCH, KERAS)


def smallest_graph(settings: Settings, rows: pd.DataFrame, stop: NDArray[np.bool_]) -> Chosen:
    """The smallest graph of a network that answers each row in one way and is no worse than the network."""
    whole = fitted(settings, rows, stop, 0)
    signature = inputs(settings, whole.model.classes)
    trials, sizes = [], {}
    for name in VARIANTS:
        try:
            model = eight_bit.smaller(whole.model, signature, name)
        except MainlineError:
            raise
        except Exception as error:  # the export says so too: then the pipeline is served as it is
            said = f"{type(error).__name__}: {(str(error).strip() or '?').splitlines()[0]}"
            return Chosen(settings, [], f"{settings.train.estimator}: it cannot be converted: {said}")
        if model is None:
            continue
        part = Fit(0, model, pipeline.predict(settings, model.pipeline, whole.rows), whole.rows)
        found = against(settings, whole.rows, part, whole)
        refused = why_refused(settings, signature, part, whole, found)
        trials.append(trial(settings, part, found, refused, used=False, graph=name))
        if refused is None:
            sizes[name] = trials[-1].onnx_bytes or 0
    if not trials:
        return Chosen(settings, [], f"{settings.train.estimator}: its graph multiplies by no matrix")
    plain = trial(settings, whole, against(settings, whole.rows, whole, whole), None, used=False, graph=variants.PLAIN)
    least = min(sizes, key=lambda name: sizes[name], default=None)
    graph = least if least and sizes[least] < (plain.onnx_bytes or 0) else None
    trials = [replace(each, used=each.graph == (graph or variants.PLAIN)) for each in [*trials, plain]]
    return Chosen(settings, trials, graph=graph)


def why_refused(settings: Settings, signature: Signature, part: Fit, whole: Fit, found: list[Metric]) -> str | None:
    """None where each row of the slice has one answer, near the network's, and no metric is beyond its margin."""
    import numpy as np

    from mainline.packaging.agreement import Disagreement, check
    from mainline.packaging.onnx import EXPORTERS, exporter_of
    from mainline.serving.scorer import Onnx

    scorer = Onnx(EXPORTERS[exporter_of(part.model.pipeline)].convert(part.model.pipeline, signature), signature)
    asked, scale = (part.rows, part.answers), scale_of(settings.task, part.answers)
    try:
        check(signature, scorer, scale, *asked, "rows of the slice")
        check(signature, eight_bit.one_by_one(scorer), scale, *asked, "rows of the slice, one at a time")
    except Disagreement as error:
        return str(error)
    scale = max(1.0, float(np.abs(whole.answers).max())) if settings.task == "regression" else 1.0
    largest = float(np.abs(part.answers - whole.answers).max()) / scale
    if not largest <= settings.export.tolerance:
        return f"it differs by up to {largest:.2g}, export.tolerance is {settings.export.tolerance:g}"
    return variants.beyond_a_margin(settings, found)


@dataclass(frozen=True)
class Fit:
    count: int
    model: pipeline.Fitted
    answers: NDArray[np.float64]
    rows: pd.DataFrame


def training_rows(settings: Settings, frame: Path) -> pd.DataFrame:
    """The labelled training rows; those of the slice, which is as long as the holdout, are marked."""
    part = settings.split.holdout if settings.split.by == "time" else SLICE
    slice_ = EarlyStopping.model_construct(rounds=1, slice=part)
    marked = settings.model_copy(update={"train": settings.train.model_copy(update={"early_stopping": slice_})})
    blocks = [settings.compare.blocks] if settings.compare.blocks else []
    return pipeline.training_rows(marked, frame, *blocks)


def fitted(settings: Settings, rows: pd.DataFrame, stop: NDArray[np.bool_], count: int) -> Fit:
    made = pipeline.fit_rows(settings, rows[~stop])
    return Fit(count, made, pipeline.predict(settings, made.pipeline, rows[stop]), rows[stop])


def against(settings: Settings, rows: pd.DataFrame, part: Fit, whole: Fit) -> list[Metric]:
    """The headline metric and those with a margin, of both models on the slice."""
    import numpy as np

    y, _ = pipeline.encode(settings.task, rows[settings.prepare.label], known=whole.model.classes)
    by = settings.compare.blocks
    blocks = codes(rows[by].astype(str).to_numpy()) if by else np.arange(len(rows))
    labelled = Labelled(y, part.answers, whole.answers, blocks, rows, whole.model.classes)
    names = list(dict.fromkeys([settings.compare.metric, *settings.gates.margins]))
    return evaluate.paired(settings, labelled, evaluate.draw(settings, blocks), only=names)


def trial(
    settings: Settings, part: Fit, found: list[Metric], refused: str | None, used: bool, graph: str = ""
) -> SizeTrial:
    size, microseconds = served(settings, part)
    deltas = {each.name: each.delta for each in found if each.delta}
    return SizeTrial(
        trees=part.count,
        bytes=len(part.model.pickled),
        onnx_bytes=size,
        microseconds=microseconds,
        metrics={each.name: each.candidate.value for each in found},
        differences={name: [delta.value, delta.low, delta.high] for name, delta in deltas.items()},
        refused=refused,
        used=used,
        graph=graph,
    )


def served(settings: Settings, part: Fit) -> tuple[int | None, float | None]:
    """Bytes of the ONNX graph and microseconds of a single row; None where the packages of the export are not here.

    They are shown, and decide nothing.
    """
    import numpy as np

    try:
        import onnxruntime  # noqa: F401
        import skl2onnx  # noqa: F401
    except ModuleNotFoundError:
        return None, None
    from mainline.packaging import keras_onnx, tensorflow_onnx, torch_onnx  # noqa: F401 - they register their exporters
    from mainline.packaging.agreement import matrices
    from mainline.packaging.onnx import EXPORTERS, exporter_of
    from mainline.serving.scorer import Onnx

    signature = inputs(settings, part.model.classes)
    try:
        model = EXPORTERS[exporter_of(part.model.pipeline)].convert(part.model.pipeline, signature)
        scorer = Onnx(optimised_graph.smaller(model), signature)
    except Exception:  # it is served as it is, as the export says
        return None, None
    asked: Any = matrices(signature, part.rows.iloc[:TIMED])
    seconds = []
    for row in range(len(asked[1])):
        begun = time.perf_counter()
        scorer(asked[0][row : row + 1], asked[1][row : row + 1])
        seconds.append(time.perf_counter() - begun)
    return len(optimised_graph.smaller(model)), round(float(np.median(seconds)) * 1e6, 1)


def inputs(settings: Settings, classes: list[Any]) -> Signature:
    """The description of a model's inputs, without facts about its data."""
    features = settings.prepare.features
    columns = [Column(name, "categorical", True) for name in features.categorical]
    columns += [Column(name, "numeric", True) for name in features.numeric]
    return Signature(
        FORMAT, "", "", settings.task, classes, None, columns, "onnx", "model.onnx", "", "", "", "", None, "",
        Agreement(0, 0.0), [], [],
    )  # fmt: skip
