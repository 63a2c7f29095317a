"""What people write of a model and of its data, begun: what is known, and `TODO` where a person must speak."""

from __future__ import annotations

import datetime as dt
import posixpath
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mainline.data.collect import Collected
from mainline.data.feature_patterns import matched
from mainline.init.proposal import Column, Proposal
from mainline.init.writing.suite_rules import percent, shown
from mainline.init.writing.yaml_text import WIDTH, comment
from mainline.report.model_card import TASKS, cell

MODEL_CARD, DATA_CARD = "docs/model-card.md", "data/README.md"
TODO = "TODO"
SHOWN = 200  # columns in the table of the data card
VALUES = 6  # of a category

MODEL = """\
---
license: unknown # TODO: the model's licence, such as apache-2.0
language: en
tags: [{tag}, sklearn]
---

<!-- The part of every model card that people write. Every release adds the measurements below it. No gate asks for the
lines with TODO: write them before the first release, whose readers see them. -->

## Intended use

{task}

TODO: who uses the prediction, and what is done with it?

## Out of scope

TODO: for which rows, and for which decisions, must nobody use it?

## Training data

{data}

## Limits

{limits}

TODO: what does the model not know?
{fairness}"""

FAIRNESS = """
## Groups of people

{columns} may describe people whom the law protects. {are} no feature; the metrics are measured for each of the groups.

TODO: is that the right choice, and which differences between the groups are acceptable?
"""

DATA = """\
# The data

{about}

TODO: what is one row, who collected it, and for what?

The suites in [`expectations/`]({suites}) define what each column must contain. Every run checks them: a *critical*
expectation stops it (exit status 3), a *warning* is reported.

## Origin and licence

| table | from | rows |
|---|---|---|
{tables}

TODO: the licence of the data, and who may see them.

TODO: do they describe people? Then also on what grounds they may be used, and when they must be deleted.

## `{table}`: {count} columns

| column | type | use | values | missing |
|---|---|---|---|---|
{columns}
{rest}{findings}"""


def files(
    proposal: Proposal, tables: Mapping[str, Collected], suites: str, model: str = MODEL_CARD, data: str = DATA_CARD
) -> dict[str, str]:
    """The cards by their paths from the top, `model` and `data`; the suites lie in the folder `suites`."""
    link = posixpath.relpath(suites, posixpath.dirname(data))
    return {model: model_card(proposal, tables, data), data: data_card(proposal, tables, link)}


def model_card(proposal: Proposal, tables: Mapping[str, Collected], data: str) -> str:
    protected = ", ".join(f"`{code(name)}`" for name in proposal.protected)
    are = "They are" if len(proposal.protected) > 1 else "It is"
    return MODEL.format(
        tag=TASKS[proposal.settings["task"]],
        task=filled(in_words(proposal)),
        data=filled(f"{extent(tables[proposal.table])}. `{data}` describes the columns."),
        limits=limits(proposal),
        fairness=filled(FAIRNESS.format(columns=protected, are=are)) if protected else "",
    )


def in_words(proposal: Proposal) -> str:
    """The task, the features and the metric."""
    label, table, settings = f"`{code(proposal.label)}`", f"`{code(proposal.table)}`", proposal.settings
    what = {
        "binary": f"Predicts the probability of {label} for a row of {table}",
        "multiclass": f"Predicts which value {label} has for a row of {table}",
        "regression": f"Predicts the number {label} for a row of {table}",
    }[settings["task"]]
    columns = [*(each.name for each in proposal.columns), *(each.name for each in proposal.derived)]
    count = {
        kind: sum(len(matched(name, columns)) or 1 for name in names)
        for kind, names in settings["prepare"]["features"].items()
    }
    kinds = [f"{number:,} {kind}" for kind, number in count.items() if number]
    time = settings["prepare"].get("time")
    moment = f", as they are known at `{code(time)}`" if time else ""
    metric = settings["compare"]["metric"]
    return f"{what}, from {' and '.join(kinds)} features{moment}. Models are compared by `{metric}`."


def filled(text: str) -> str:
    """Paragraphs with lines of at most 120 characters; a list stays as it is."""
    return "\n\n".join(
        part if part.startswith(("#", "-")) else textwrap.fill(part, WIDTH, break_on_hyphens=False)
        for part in text.split("\n\n")
    )


def extent(table: Collected) -> str:
    """How many rows there are, and of which time."""
    day = [dt.datetime.fromisoformat(each).date() for each in (table.start, table.end) if each]
    period = f" from {day[0]} to {day[1]}" if len(day) == 2 else ""
    return f"{table.rows:,} rows of `{code(table.name)}`{period}"


def limits(proposal: Proposal) -> str:
    """What was found in the table that limits the model."""
    found = [f"- {cell(each.text)}" for each in proposal.findings if each.kind != "question"]
    often = [column for column in proposal.columns if column.missing > 0.2 * max(column.rows, 1)]
    used = [column for column in often if proposal.uses[column.name].role in ("numeric", "categorical")]
    found += [f"- `{code(each.name)}` is missing in {percent(each.missing / each.rows)} of the rows." for each in used]
    return "\n".join(found) or "Nothing in the table itself stood out."


def data_card(proposal: Proposal, tables: Mapping[str, Collected], suites: str) -> str:
    more = proposal.columns[SHOWN:]
    return DATA.format(
        about=f"{extent(tables[proposal.table])}; the task is to predict `{code(proposal.label)}`.",
        tables="\n".join(origins(proposal, tables)),
        table=code(proposal.table),
        suites=suites,
        count=f"{len(proposal.columns):,}",
        columns="\n".join(row(proposal, column) for column in proposal.columns[:SHOWN]),
        rest=f"\nAnd {len(more):,} more columns, {code(more[0].name)} to {code(more[-1].name)}.\n" if more else "",
        findings=findings(proposal),
    )


def origins(proposal: Proposal, tables: Mapping[str, Collected]) -> Iterator[str]:
    sources: Mapping[str, Mapping[str, Any]] = proposal.settings["data"]["sources"]
    for name, table in tables.items():
        place = sources[name].get("path") or sources[name].get("query") or "TODO"
        yield f"| `{code(name)}` | `{code(place)}` | {table.rows:,} |"


def row(proposal: Proposal, column: Column) -> str:
    use = proposal.uses[column.name]
    reason = f" ({cell(use.reason)})" if use.role == "left out" else ""
    missing = percent(column.missing / column.rows) if column.missing else "0"
    return f"| `{code(column.name)}` | {cell(column.type)} | {use.role}{reason} | {held(column)} | {missing} |"


def held(column: Column) -> str:
    """A number's or a time's range, or the most frequent values of a category."""
    if not column.distinct:
        return "none"
    if isinstance(column.minimum, int | float) and not isinstance(column.minimum, bool):
        return f"{shown(float(column.minimum))} to {shown(float(column.maximum))}"
    if column.minimum is not None and not isinstance(column.minimum, str | bool):
        return f"{column.minimum} to {column.maximum}"
    if column.distinct <= VALUES and len(column.top) == column.distinct:
        return ", ".join(cell(short(value)) for value, _ in column.top)
    return f"{column.distinct:,} values"


def short(value: str) -> str:
    return value if len(value) <= 40 else f"{value[:39]}…"


def findings(proposal: Proposal) -> str:
    if not proposal.findings:
        return ""
    lines = [f"- {'TODO: ' if each.kind == 'question' else ''}{cell(each.text)}" for each in proposal.findings]
    return "\n".join(["", "## What was found in it", "", *lines, ""])


def code(text: str) -> str:
    """Text inside a span of code in a table: nothing in it may end the span, the cell or the line."""
    return comment(str(text)).replace("`", "'").replace("|", "\\|") or " "


def waiting(files: Mapping[str, str]) -> Sequence[str]:
    """The files in which a person must say something, each with how often."""
    return [f"{path} ({text.count(TODO)})" for path, text in files.items() if TODO in text]
