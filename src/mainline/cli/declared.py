"""Everything that is declared in the rooms, built in or added by the project, for the reference of `params.yaml`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mainline.config.extensions import Declarations
from mainline.config.reference import Declared, Table

DIRECTIONS = {True: "greater is better", False: "lower is better", None: "zero is best"}


def declared() -> Declared:
    """What this process knows: the project's own modules must be loaded before."""
    from mainline.data.sources import SOURCES
    from mainline.evaluation.gates import GATES
    from mainline.evaluation.metrics import GAP_METRICS, METRICS

    return Declared(
        metrics=names(METRICS),
        gap_metrics=sorted({name for titles in GAP_METRICS.values() for name in titles}),
        gates={name: (GATES[name].setting, GATES[name].description) for name in GATES.added()},
        sources=[settings for name in SOURCES.added() if (settings := SOURCES[name].settings)],
        tables=list(tables()),
    )


def names(metrics: dict[str, Any]) -> list[str]:
    """The metrics of every task that can be judged by, each once."""
    kinds = [kind for declared in metrics.values() for kind in declared.values()]
    return list(dict.fromkeys(kind.name for kind in kinds if kind.greater_is_better is not None))


def tables() -> Iterator[Table]:
    from mainline.data.validation.suites import MODULES
    from mainline.evaluation.metrics import METRICS
    from mainline.packaging import eight_bit, keras_onnx, tensorflow_onnx, torch_onnx  # noqa: F401 - they register their exporters
    from mainline.packaging.onnx import EXPORTERS
    from mainline.release.targets import TARGETS
    from mainline.report.sections import SECTIONS

    rows: list[tuple[str, ...]] = [
        (f"`{kind.name}`", task, kind.title, DIRECTIONS[kind.greater_is_better], f"`{found.module(kind.name)}`")
        for task, found in METRICS.items()
        for kind in found.values()
    ]
    yield Table("Metrics", ("name", "task", "in a report", "direction", "declared in"), rows)
    yield described("Deploy targets (`TARGET=`)", TARGETS)
    yield described("Model exporters", EXPORTERS)
    if SECTIONS:
        yield described("Added report sections", SECTIONS)
    if MODULES:
        yield Table("Added expectations", ("declared in",), [(f"`{module}`",) for module in MODULES])


def described(title: str, found: Declarations[Any]) -> Table:
    rows: list[tuple[str, ...]] = [
        (f"`{name}`", kind.description, f"`{found.module(name)}`") for name, kind in found.items()
    ]
    return Table(title, ("name", "description", "declared in"), rows)
