"""The expectation suites: what must hold of each table and of the frame, held against the rows that are there."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.config.schema import Settings
from mainline.data.collect import Collected, relation_sql
from mainline.data.sources.duckdb_scan import parquet_file
from mainline.init.proposal import Proposal
from mainline.init.writing import suite_frame, suite_periods, suite_rules
from mainline.init.writing.suite_rules import CRITICAL, Rule
from mainline.init.writing.yaml_text import WIDTH, commented, flow, listed

if TYPE_CHECKING:
    from mainline.init.writing.suite_periods import Rows

FRAME = "frame"
HEAD = "Written by `make init` from what was there; you know better. `critical`, the default, stops the run."


@dataclass(frozen=True)
class Suites:
    """The files by their paths from the top, and the rules that the table's own rows break: they are left out."""

    files: Mapping[str, str]
    broken: Sequence[str]


def suites(proposal: Proposal, settings: Settings, tables: Mapping[str, Collected], frame: Path) -> Suites:
    """A suite for every table, and for the frame where the preparation computes more than the tables hold.

    Parameters
    ----------
    frame
        The prepared frame as `mainline.data.prepare.build` writes it.
    """
    from mainline.data.validation.table import examined, opened

    files: dict[str, str] = {}
    broken: list[str] = []
    memory = settings.data.memory_megabytes
    for name, table in tables.items():
        with opened(relation_sql(table), table.format != "parquet", memory) as connection:
            rows = examined(connection, bool(memory))
            about = f"`{name}`: {len(rows):,} rows of {len(table.columns):,} columns"
            files |= suite(settings, name, about, rows, list(of_table(proposal, settings, table, rows)), broken)
    if proposal.derived or proposal.join or proposal.label_expression:
        with opened(f"SELECT * EXCLUDE (row_id) FROM {parquet_file(frame)}", memory_megabytes=memory) as connection:
            rows = examined(connection, bool(memory))
            about = (
                f"The frame that the model is trained on: {len(rows):,} rows. The suites of the tables are not repeated"
            )
            files |= suite(settings, FRAME, about, rows, list(suite_frame.of_frame(proposal, settings, rows)), broken)
    return Suites(files, broken)


def suite(
    settings: Settings, name: str, about: str, rows: Rows, rules: Sequence[Rule], broken: list[str]
) -> dict[str, str]:
    """The file of a suite without the rules that its own rows break; their names are added to `broken`."""
    kept = list(rules)
    for place in sorted(failing(settings, name, rows, kept), reverse=True):
        rule = kept.pop(place)
        broken.append(f"{name}: {rule.type} {flow(rule.kwargs)}")
    return {f"{settings.data.expectations}/{name}.yaml": render(f"{about}.", kept)} if kept else {}


def of_table(proposal: Proposal, settings: Settings, table: Collected, rows: Rows) -> Iterator[Rule]:
    import pandas as pd

    time = table.time
    if table.name == proposal.table:
        yield from suite_rules.of_columns(proposal, list(table.columns), len(rows))
    else:
        yield from of_other(settings, table, rows)
    if not time:
        return
    cutoff = None if table.known_ahead else pd.Timestamp(settings.data.cutoff).tz_convert("UTC")
    yield from suite_periods.of_gaps(rows, time, cutoff, settings.data.timezone)
    if table.name == proposal.table:
        by_name = {column.name: column for column in proposal.columns if column.name in table.columns}
        numeric, categorical = (
            [name for name in by_name if proposal.uses[name].role == role] for role in ("numeric", "categorical")
        )
        numbers = [name for name in numeric if pd.api.types.is_numeric_dtype(rows.dtypes[name])]
        few = [name for name in numbers if by_name[name].distinct < suite_rules.FEW]
        yield from suite_periods.of_periods(rows, time, numbers, categorical, few)


def of_other(settings: Settings, table: Collected, rows: Rows) -> Iterator[Rule]:
    """A table that is joined, such as that of the labels: its columns, and the key that it shares."""
    yield from suite_rules.of_table(list(table.columns), list(table.columns), len(rows), table.time is not None)
    key = [name for name in settings.prepare.key if name in table.columns]
    for name in dict.fromkeys([*key, *filter(None, [table.time])]):
        notes = "The key." if name in key else "Without it nobody knows when the row was known."
        yield Rule("expect_column_values_to_not_be_null", {"column": name}, notes)
    if key == settings.prepare.key:
        yield from suite_rules.unique(key)


def failing(settings: Settings, name: str, rows: Rows, rules: Sequence[Rule]) -> set[int]:
    """The places of the rules that the rows break, as the data gate itself finds them."""
    from mainline.data.validation import run

    asked = [place for place, rule in enumerate(rules) if not rule.held]  # the others cost as much again
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"{name}.yaml")
        path.write_text(render(name, [rules[place] for place in asked]), encoding="utf-8")
        suite = run.load_suite(path)
        found = run.validate(name, rows, suite, settings.prepare.key, {"until": settings.data.cutoff})
    lines = {each.line for each in found if not each.success}
    return {place for place, rule in zip(asked, suite.rules, strict=True) if rule.line in lines}


def render(about: str, rules: Sequence[Rule]) -> str:
    """The text of a suite; rules that compare periods stand at its end, below a comment."""
    lines = [*commented(about, 0), *commented(HEAD, 0), "expectations:"]
    between = False
    for rule in rules:
        if not between and ("_period" in rule.type or "gap" in rule.type):
            lines += ["", "  # Over time: each period is held against the others, and against what was there first."]
            between = True
        lines += entry(rule)
    return "\n".join(lines) + "\n"


def entry(rule: Rule) -> Iterator[str]:
    yield f"  - type: {rule.type}"
    flat = f"    kwargs: {flow(rule.kwargs)}"
    if len(flat) <= WIDTH:
        yield flat
    else:
        yield "    kwargs:"
        for name, value in rule.kwargs.items():
            yield from setting(name, value)
    if rule.severity != CRITICAL:
        yield f"    severity: {rule.severity}"
    yield f"    meta: {flow({'notes': rule.notes})}"


def setting(name: str, value: Any) -> Iterator[str]:
    line = f"      {name}: {flow(value)}"
    if len(line) > WIDTH and isinstance(value, list):
        yield f"      {name}:"
        yield from listed(value, 8)
    else:
        yield line
