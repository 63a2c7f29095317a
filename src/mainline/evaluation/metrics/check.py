"""The metrics that `params.yaml` names: each must be one of the task, and one that can be judged by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mainline.config.extensions import hint
from mainline.config.loader import Key, Params
from mainline.evaluation.metrics.declaration import GAP_METRICS, METRICS, Task


def directed(task: Task) -> list[str]:
    """The metrics that can be judged by, since a higher or a lower value of them is better."""
    return [name for name, kind in METRICS[task].items() if kind.greater_is_better is not None]


def problems(params: Params) -> Iterator[tuple[Sequence[Key], str]]:
    """The settings that name a metric which the task does not have, or which cannot be judged by, and what is wrong."""
    settings = params.settings
    gates, task = settings.gates, settings.task
    valid = directed(task)
    named: list[tuple[tuple[Key, ...], str, Sequence[str]]] = [
        (("compare", "metric"), settings.compare.metric, valid),
        *((("gates", "margins", name), name, valid) for name in gates.margins),
        *((("gates", "floors", name), name, valid) for name in gates.floors),
    ]
    if gates.lead:
        named.append((("gates", "lead", "metric"), gates.lead.metric, valid))
    if gates.slices:
        named.append((("gates", "slices", "metric"), gates.slices.metric, valid))
    if gates.gaps:
        named.append((("gates", "gaps", "metric"), gates.gaps.metric, list(GAP_METRICS[task])))
    if gates.calibration_error is not None:
        named.append((("gates", "calibration_error"), "calibration_error", valid))
    for keys, name, there in named:
        if name not in there:
            where = ".".join(map(str, keys))
            yield keys, f"{where}: a {task} task has no metric {name} to judge by: {hint(name, there)}"
