"""Numbers that name something: PostgreSQL's `numeric` is read as a double, which tells 15 digits apart for certain.

As a quantity that is precise enough. As a key or a category, two names could become one without a word.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mainline.config.schema import Settings
from mainline.data.as_written import categories, origins
from mainline.data.collect import Collected
from mainline.data.sources.database import DIGITS, rounded_columns
from mainline.errors import ConfigurationError

if TYPE_CHECKING:
    import ibis.expr.types as ir


def check_exact(settings: Settings, tables: Mapping[str, Collected], frame: ir.Table) -> None:
    """Raise ConfigurationError where a rounded number is a key, a category, or what tables are joined by."""
    queries = [name for name, source in settings.data.sources.items() if source.database is not None and name in tables]
    rounded = {name: rounded_columns(tables[name].paths) for name in queries}
    if not any(rounded.values()):
        return
    for use, node in names(settings, frame):
        for table, column in origins(node):
            if column in rounded.get(table, ()):
                raise ConfigurationError(
                    f"data.sources.{table}.query: column {column} is {use}, and it holds numbers of more than {DIGITS} "
                    f"digits, which are rounded as numeric: cast it in the query, as in {column}::text AS {column}"
                )


def names(settings: Settings, frame: ir.Table) -> Iterator[tuple[str, Any]]:
    """How a value is used that must not be rounded, and its node in the expression of the frame."""
    import ibis.expr.operations as ops

    for use, columns in (("a key", settings.prepare.key), ("a category", categories(settings))):
        yield from ((use, frame[column].op()) for column in columns if column in frame.columns)
    for node in frame.op().find(ops.Equals):
        if not any(isinstance(side, ops.Literal) for side in node.args):
            yield from (("compared with another column", side) for side in node.args)
