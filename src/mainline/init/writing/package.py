"""The project's own package: `src/<name>/frame.py` with the preparation, as a person would have written it."""

from __future__ import annotations

import keyword
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from mainline.init.proposal import Proposal
from mainline.init.writing.python_text import formatted, prose, string
from mainline.init.writing.yaml_text import comment

FRAME = '''\
"""{title}"""

from collections.abc import Mapping

{imports}from ibis.expr.types import Table


def prepare(tables: Mapping[str, Table]) -> Table:
    """{docstring}"""
{body}'''


@dataclass(frozen=True)
class Added:
    """A column that the preparation computes."""

    name: str
    expression: str
    reason: str


def files(proposal: Proposal) -> dict[str, str]:
    """The package's files by their paths from the top."""
    folder = f"src/{proposal.name}"
    return {f"{folder}/__init__.py": "", f"{folder}/frame.py": frame(proposal)}


def frame(proposal: Proposal) -> str:
    added = list(columns(proposal))
    rows = proposal.join or f"tables[{string(proposal.table)}]"
    written = " ".join([rows, *(each.expression for each in added)])
    imports = ("import ibis\n" if re.search(r"\bibis\.", written) else "") + (
        "from ibis import _\n" if re.search(r"(?<![\w.])_(?!\w)", written) else ""
    )
    text = FRAME.format(
        title=prose(f"One row of `{proposal.table}` a prediction, with the label `{proposal.label}`.", 0),
        imports=imports,
        docstring=prose(about(proposal), 4),
        body="".join(f"    {line}\n" for line in body(rows, added)),
    )
    return formatted(text)


def about(proposal: Proposal) -> str:
    """What the function returns, for its reader."""
    said = f"The frame that the model is trained on: one row for each row of `{proposal.table}`."
    label = f"The label is `{proposal.label}`" + (", computed below" if proposal.label_expression else "")
    return f"{said}\n\n{label}; null where the outcome is not known yet. The features are those of params.yaml."


def columns(proposal: Proposal) -> Iterator[Added]:
    if proposal.label_expression:
        yield Added(proposal.label, proposal.label_expression, "the label")
    yield from (Added(each.name, each.expression, each.reason) for each in proposal.derived)


def body(rows: str, added: list[Added]) -> Iterator[str]:
    if not added:
        yield f"return {rows}"
        return
    yield f"rows = {rows}"
    yield "return rows.mutate("
    for each in sorted(added, key=lambda each: is_argument(each.name)):  # positions come before names
        reason = comment(each.reason)
        yield from textwrap.wrap(
            reason, 108, initial_indent="    # ", subsequent_indent="    # ", break_on_hyphens=False
        )
        plain = f"{each.name}={each.expression}" if is_argument(each.name) else named(each)
        yield f"    {plain},"
    yield ")"


def is_argument(name: str) -> bool:
    """Whether Python takes a column's name as that of an argument, letter by letter."""
    return name.isidentifier() and name.isascii() and not keyword.iskeyword(name) and name != "self"


def named(column: Added) -> str:
    return f"({column.expression}).name({string(column.name)})"
