"""What Spark computes otherwise than DuckDB, or otherwise in each run: refused before anything is computed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from mainline.config.schema import Settings
from mainline.errors import ConfigurationError

if TYPE_CHECKING:
    from ibis.expr.types import Table

EXACT = "sum whole numbers instead, as in (x * 1000).round().cast('int64').sum()"
ORDER = "give it an order_by that tells all rows apart"


def refuse(settings: Settings, expression: Table) -> None:
    """Raise ConfigurationError with every operation whose result is not known to be DuckDB's to the bit."""
    found = dict.fromkeys(problems(expression))
    if found:
        raise ConfigurationError(
            "params.yaml: data.engine: spark: "
            + settings.prepare.function
            + " is not computed on a cluster as DuckDB computes it:\n"
            + "\n".join(f"  {problem}" for problem in found)
            + "\nor use data.engine: duckdb"
        )


def problems(expression: Table) -> Iterator[str]:
    import ibis.expr.operations as ops

    for kinds, applies, why in rules():
        for node in expression.op().find(kinds):
            if applies(node):
                yield f"{described(node)}: {why}"
    for node in expression.op().find((ops.SQLQueryResult, ops.SQLStringView)):
        yield f"SQL text ({type(node).__name__}): it is DuckDB's: write it as an Ibis expression"


def described(node: Any) -> str:
    fields = sorted({field.name for field in _fields(node)})
    return f"{type(node).__name__}({', '.join(fields)})"


def _fields(node: Any) -> Iterator[Any]:
    import ibis.expr.operations as ops

    todo = [arg for arg in node.args if isinstance(arg, ops.Node)]
    while todo:
        each = todo.pop()
        if isinstance(each, ops.Field):
            yield each
        elif not isinstance(each, ops.Relation):
            todo += [arg for arg in each.args if isinstance(arg, ops.Node)]


def rules() -> list[tuple[tuple[type, ...], Callable[[Any], bool], str]]:
    import ibis.expr.operations as ops

    aggregates = (ops.Sum, ops.Mean)
    spreads = (ops.Variance, ops.StandardDev, ops.Covariance, ops.Correlation)
    unordered = (ops.First, ops.Last, ops.ArrayCollect, ops.GroupConcat)
    return [
        (aggregates, _floating, f"a sum of floating-point numbers depends on the order of the rows: {EXACT}"),
        (spreads, _always, f"it depends on the order of the rows: {EXACT}, and of the squares"),
        (unordered, lambda node: not node.order_by, f"it depends on the order of the rows: {ORDER}"),
        ((ops.Arbitrary,), _always, "it takes any row: use min, max, or first with an order"),
        ((ops.Hash,), _always, "the engines have other hashes: use hexdigest"),
        ((ops.RandomScalar, ops.RandomUUID, ops.RowID, ops.Sample), _always, "it is another one in every run"),
        (
            (ops.ApproxMedian, ops.ApproxQuantile, ops.ApproxMultiQuantile, ops.ApproxCountDistinct),
            _always,
            "an approximation is another one on each engine: use the exact one",
        ),
    ]


def _always(node: Any) -> bool:
    return True


def _floating(node: Any) -> bool:
    return bool(node.arg.dtype.is_floating())
