"""`data/demo.yaml`, the script of `make demo`, where the new table has a time and months enough to play."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mainline.config.schema import Settings, Span
from mainline.data.sources.duckdb_scan import parquet_file
from mainline.data.split import quoted
from mainline.demo.script import FILE, Edit, edited
from mainline.errors import ConfigurationError
from mainline.init.proposal import Proposal
from mainline.init.writing.trial import Trial
from mainline.init.writing.yaml_text import flow

__all__ = ["FILE", "Played", "render"]

MOST_PERIODS = 6
# A setting of an estimator by which the model becomes far worse, and how the commit's message says so.
WORSE: tuple[tuple[str, Any, str], ...] = (
    ("max_iter", 1, "One round of training instead of {}"),
    ("n_estimators", 1, "One tree instead of {}"),
    ("C", 0.00001, "Regularize so strongly that little is learnt: C 0.00001 instead of {}"),
    ("alpha", 1000000, "Regularize so strongly that little is learnt: alpha 1,000,000 instead of {}"),
)
SCRIPT = """\
# What `make demo` plays: training until {start}, then {count} of live traffic, one after the other.

start: {start}
period: {period}
periods: {periods}

settings:                         # of the clone alone
  - {{old: "\\nsplit:\\n", new: "{stage}\\nsplit:\\n"}} # a laptop has neighbours

worse:
  why: {why}
  edits:
    - {edit}
{bad_data}"""
BAD_DATA = """
bad_data:
  at: {at}
  why: {why}
  file: {file}
  replace:
    {column}: {sql}
"""
# The load test of each release, in short.
STAGE = "\\nstage: {load_seconds: 0.5, contract_examples: 5}\\n"


@dataclass(frozen=True)
class Played:
    """The script, or why there is none."""

    text: str = ""
    why: str = ""


def render(proposal: Proposal, trial: Trial, params: str) -> Played:
    settings = trial.settings
    if not settings.prepare.time or settings.split.by != "time":
        return Played(why="make demo has nothing to play: the table has no time")
    start, periods = begin(trial)
    if not periods:
        return Played(why="make demo has nothing to play: there are too few rows before the last period")
    change = worse(settings, params)
    if change is None:
        return Played(why=f"make demo has nothing to play: write data/demo.yaml for {settings.train.estimator}")
    period = span_of(settings)
    text = SCRIPT.format(
        start=start, period=period, periods=periods, stage="" if "stage" in proposal.settings else STAGE,
        count="a period" if periods == 1 else f"{periods} periods", why=flow(change[0]), edit=flow(change[1]),
        bad_data="".join(bad_data(proposal, trial, start)),
    )  # fmt: skip
    return Played(text)


def span_of(settings: Settings) -> Span:
    assert isinstance(settings.split.holdout, Span)
    return settings.split.holdout


def begin(trial: Trial) -> tuple[dt.date, int]:
    """The day on which the traffic begins, and its periods: at most half of the time, and of what can be compared."""
    import duckdb

    settings, period = trial.settings, span_of(trial.settings)
    time, label = quoted(str(settings.prepare.time)), quoted(settings.prepare.label)
    rows = parquet_file(trial.frame)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        found = connection.execute(f"SELECT min({time})::DATE FROM {rows}").fetchone()
        first = found[0] if found else settings.data.until
        for periods in range(MOST_PERIODS, 0, -1):
            start = period.after(settings.data.until, -periods)
            holdout = period.after(start, -1)
            if (start - first) < (settings.data.until - start) or holdout <= first:
                continue
            labelled = f"SELECT count({label}) FROM {rows} WHERE {time} >= ?::DATE AND {time} < ?::DATE"
            counted = connection.execute(labelled, [holdout, start]).fetchone()
            if counted and counted[0] >= settings.compare.min_rows:
                return start, periods
    return settings.data.until, 0


def worse(settings: Settings, params: str) -> tuple[str, Mapping[str, Any]] | None:
    """A change of `params.yaml` that makes the model far worse: its message and its edit."""
    for name, value, why in WORSE:
        if name in settings.train.params:
            now = settings.train.params[name]
            change = {"old": f"{name}: {flow(now)}", "new": f"{name}: {flow(value)}"}
            try:
                edited(params, [Edit(**change)])
            except ConfigurationError:
                continue
            return why.format(flow(now)), change
    return None


def bad_data(proposal: Proposal, trial: Trial, start: dt.date) -> Iterator[str]:
    """A number in another unit from the first day on, where the table is one file that can be written as it was."""
    source = proposal.settings["data"]["sources"][proposal.table]
    table = trial.tables[proposal.table]
    path, time = str(source.get("path", "")), source.get("time")
    names = [name for name in trial.settings.prepare.features.numeric if is_positive(proposal, name)]
    if "://" in path or "*" in path or set(source) - {"path", "time"} or len(table.paths) != 1 or not names or not time:
        return
    column = quoted(names[0])
    sql = f"CASE WHEN {quoted(time)} >= TIMESTAMPTZ '{{since}} 00:00:00+00' THEN {column} * 1000 ELSE {column} END"
    why = f"{names[0]} in another unit since the period began"
    yield BAD_DATA.format(at=start, why=flow(why), file=path, column=flow(names[0]), sql=flow(sql))


def is_positive(proposal: Proposal, name: str) -> bool:
    """Whether a column of the table is a number above zero, whose unit the suite would miss."""
    found = next((column for column in proposal.columns if column.name == name), None)
    return bool(found and found.mean and found.minimum is not None and found.minimum > 0 and "{" not in name)
