"""What Spark computes otherwise than DuckDB, or otherwise in each run: refused before anything is computed.

Measured on 200,000 values of each type: docs/spark.md has the table. What depends on the order of the rows is always
refused. What differs in some values alone is refused where DuckDB does not prepare every row as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mainline.config.schema import Settings
from mainline.errors import ConfigurationError

if TYPE_CHECKING:
    from ibis.expr.types import Table

EXACT = "sum whole numbers instead, as in (x * 1000).round().cast('int64').sum()"
ROWS = "it depends on the order of the rows"
RUNS = "it is another one in every run"
LAST_BITS = "its last bits differ between the engines"


@dataclass(frozen=True)
class Rule:
    """Operations, and why the result of those that it applies to is not DuckDB's."""

    operations: tuple[type, ...]
    why: str
    applies: Callable[[Any], bool] = lambda node: True


def refuse(settings: Settings, expression: Table, *, all_compared: bool) -> None:
    """Raise ConfigurationError with every operation whose result is not known to be DuckDB's to the bit.

    With `all_compared`, DuckDB prepares every row as well: a value that differs is found then.
    """
    rules = [*in_any_order(), *([] if all_compared else in_some_values())]
    found = {problem: None for rule in rules for problem in problems(rule, expression)}
    if found:
        raise ConfigurationError(
            f"params.yaml: data.engine: spark: {settings.prepare.function} is not computed as DuckDB computes it:\n"
            + "\n".join(f"  {problem}" for problem in found)
            + "\nor use data.engine: duckdb"
        )


def problems(rule: Rule, expression: Table) -> Iterator[str]:
    for node in expression.op().find(rule.operations):
        if rule.applies(node):
            yield f"{type(node).__name__}({', '.join(columns_of(node))}): {rule.why}"


def columns_of(node: Any) -> list[str]:
    """The names of the columns that the value is computed from."""
    import ibis.expr.operations as ops

    found, todo = set(), list(node.args)
    while todo:
        each = todo.pop()
        if isinstance(each, tuple):
            todo += each
        elif isinstance(each, ops.Field):
            found.add(str(each.name))
        elif isinstance(each, ops.Value):
            todo += each.args
    return sorted(found)


def in_any_order() -> list[Rule]:
    """What may be another value in every run, since a cluster has no order of rows."""
    import ibis.expr.operations as ops

    spreads = (ops.Variance, ops.StandardDev, ops.Covariance, ops.Correlation, ops.Kurtosis)
    random = (ops.RandomScalar, ops.RandomUUID, ops.RowID, ops.Sample)
    near = (ops.ApproxMedian, ops.ApproxQuantile, ops.ApproxMultiQuantile, ops.ApproxCountDistinct)
    return [
        Rule((ops.Sum, ops.Mean), f"of floating-point numbers {ROWS}: {EXACT}", of_floats),
        Rule(spreads, f"{ROWS}: {EXACT}, and that of the squares"),
        Rule((ops.ArrayCollect, ops.GroupConcat), f"{ROWS}: use min, max or a count", lambda node: not node.order_by),
        Rule((ops.First, ops.Last, ops.Arbitrary), f"{ROWS}: use min, max, argmin or argmax"),
        Rule(random, RUNS),
        Rule(near, f"{RUNS}: use the exact one"),
        Rule((ops.SQLQueryResult, ops.SQLStringView), "SQL text is DuckDB's: write it as an Ibis expression"),
    ]


def in_some_values() -> list[Rule]:
    """What is the same in every run, and on Spark another value than on DuckDB for some inputs."""
    import ibis.expr.operations as ops

    curves = (
        ops.Exp, ops.Ln, ops.Log, ops.Log2, ops.Log10, ops.Power, ops.Sin, ops.Cos, ops.Tan, ops.Cot, ops.Asin,
        ops.Acos, ops.Atan, ops.Atan2, ops.Quantile, ops.MultiQuantile,
    )  # fmt: skip
    cases = (ops.Uppercase, ops.Lowercase, ops.Capitalize)
    deltas = (ops.TimestampDelta, ops.DateDelta, ops.TimeDelta)
    return [
        Rule(curves, f"{LAST_BITS}: leave it to the model's own pipeline"),
        Rule(cases, "letters beyond ASCII differ (ß, İ): use replace, or spell them so in the source"),
        Rule(deltas, "Spark counts whole units, DuckDB the boundaries that lie between: subtract epoch_seconds()"),
        Rule((ops.ExtractEpochSeconds,), "Spark has no fraction: truncate('s') first", of_fractions),
        Rule((ops.Cast,), "Spark cuts the fraction off and DuckDB rounds: use round() or floor() first", to_integer),
        Rule((ops.Cast,), "the engines write other texts of such values", to_other_text),
        Rule((ops.Hash,), "the engines have other hashes: use hexdigest"),
    ]


def of_floats(node: Any) -> bool:
    return bool(node.arg.dtype.is_floating())


def of_fractions(node: Any) -> bool:
    import ibis.expr.operations as ops

    return not (node.arg.dtype.is_date() or isinstance(node.arg, ops.TimestampTruncate))


def to_integer(node: Any) -> bool:
    import ibis.expr.operations as ops

    whole = isinstance(node.arg, (ops.Round, ops.Floor, ops.Ceil))
    given = node.arg.dtype
    return bool(node.to.is_integer() and (given.is_floating() or given.is_decimal()) and not whole)


def to_other_text(node: Any) -> bool:
    given = node.arg.dtype
    return bool(node.to.is_string() and (given.is_floating() or (given.is_timestamp() and given.timezone)))
