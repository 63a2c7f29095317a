"""The section of the report about the sizes that `export.optimise` has tried."""

from __future__ import annotations

from mainline.config.schema import Settings
from mainline.evaluation import formatting
from mainline.evaluation.results import Interval, Section
from mainline.training.facts import SizeTrial
from mainline.training.record import Record


def section(settings: Settings, record: Record) -> list[Section]:
    """The table of size, latency and metrics; none where nothing was tried."""
    trials = record.facts.sizes
    if not trials:
        return []
    names = list(trials[-1].differences)
    columns = [
        "graph" if trials[-1].graph else "trees",
        "ONNX",
        "pickle",
        "one row",
        *map(formatting.metric_name, names),
        "used",
    ]
    used = next(trial for trial in trials if trial.used)
    rows = "the last rows before the holdout" if settings.split.by == "time" else "a part of the training keys"
    if used.graph:
        said = (
            f"{used.graph} is used: the smallest graph that answers each row in one way, differs from the network by "
            f"no more than export.tolerance, {settings.export.tolerance:g}, and is no worse on {rows}, within the "
            "margins of the gates. Differences are from the network with 32-bit weights. The holdout was not asked: "
            "all other figures of this report are of the graph that is used."
        )
        return [Section("Size of the model", [said], columns, [cells(trial, names) for trial in trials])]
    said = (
        f"{used.trees:,} of {trials[-1].trees:,} trees are used: the fewest that are no worse on {rows}, within the "
        "margins of the gates. Differences are from the model with all trees. The holdout was not asked: all other "
        "figures of this report are of the model that is used."
    )
    return [Section("Size of the model", [said], columns, [cells(trial, names) for trial in trials])]


def cells(trial: SizeTrial, names: list[str]) -> list[str]:
    onnx = formatting.NOTHING if trial.onnx_bytes is None else formatting.size(trial.onnx_bytes)
    latency = formatting.NOTHING if trial.microseconds is None else f"{trial.microseconds:.0f} µs"
    differences = [
        f"{formatting.score(trial.metrics[name])}, {formatting.difference(interval(trial.differences[name]))}"
        for name in names
    ]
    used = "yes" if trial.used else "no"
    if trial.refused:
        used = f"no: {trial.refused}" if trial.graph else "worse"
    return [trial.graph or f"{trial.trees:,}", onnx, formatting.size(trial.bytes), latency, *differences, used]


def interval(found: list[float | None]) -> Interval:
    value, low, high = found
    assert value is not None
    return Interval(value, low, high)
