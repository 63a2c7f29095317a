"""The split: the newest window or a share of the keys, long enough to measure in, and its blocks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mainline.config.schema import CONTENT, CONTENT_KEY, Span, parse_span
from mainline.data.split import quoted
from mainline.errors import DataError
from mainline.init.guesses import far_dates
from mainline.init.guesses.classes import Label
from mainline.init.guesses.table import Context
from mainline.init.guesses.times import Time
from mainline.init.kinds import in_ibis
from mainline.init.proposal import Column, Derived

FEWEST_BLOCKS = 8  # as the paired bootstrap needs
FEWEST_ROWS = 40  # with a label: 0.3 of them have 8 blocks in 19 of 20 tables
FEWEST_OF_CLASS = 10
BIG = 10_000  # rows: from here on a fifth is enough to measure in
NO_TIME = dt.date(2000, 1, 1)  # any day: without a time the cutoff cuts nothing
DAYS = ("1 week", "2 weeks", "1 month", "2 months", "3 months", "6 months", "1 year", "2 years", "3 years", "5 years",
        "10 years", "20 years")  # fmt: skip
HOURS = ("6 hours", "12 hours", "1 day", "2 days", "3 days", "5 days")
# Blocks, rows, share of the rows, positives, least share for training: from what is wanted to what is possible.
WANTED = ((28, 1000, 0.10, 50, 0.5), (15, 200, 0.10, 20, 0.5), (FEWEST_BLOCKS, 40, 0.05, 5, 0.4))


@dataclass(frozen=True)
class Holdout:
    by: Literal["time", "hash"]
    length: str | float
    until: dt.date
    blocks: str
    derived: Derived | None  # the column of the blocks, where the table has none
    rows: int  # with a label, on the holdout's side (by hash: expected)
    training: int
    coverage: float  # least share of rows with a label of either side, and of each month of training


@dataclass(frozen=True)
class Period:
    """One day or hour of the table."""

    start: dt.datetime
    rows: int
    labelled: int
    rarer: int  # labelled rows of the binary class with fewer of them; else the labelled rows


def check_size(label: Label) -> None:
    """Refuse a table that no split makes measurable.

    Raises
    ------
    DataError
        With how many rows it would take.
    """
    if label.rows < FEWEST_ROWS:
        raise DataError(
            f"{label.rows} rows with a {label.name}: at least {FEWEST_ROWS} are needed, so that a holdout of 0.3 has "
            f"{FEWEST_BLOCKS} rows or more to compare models on; a few hundred, to tell models apart"
        )
    if label.task == "binary" and label.counts:
        fewest = min(label.counts.values())
        if fewest < FEWEST_OF_CLASS:
            needed = round(label.rows * FEWEST_OF_CLASS / max(1, fewest))
            raise DataError(
                f"{label.name}: {fewest} of {label.rows:,} rows are of the rarer class: at least {FEWEST_OF_CLASS} are "
                f"needed on the two sides of the split, about {needed:,} rows at this rate"
            )


def by_hash(context: Context, label: Label, key: tuple[str, ...], group: str | None) -> Holdout:
    share = 0.2 if label.rows >= BIG else 0.3
    blocks = group or (CONTENT_KEY if key == (CONTENT,) else key[0])
    why = "no column says when a row is predicted: a stable share, by a hash of the " + (group or "key")
    context.told.decide("split", f"by hash, holdout {share}", why, "TIME=column, or params.yaml: split")
    context.told.reasons["split", "by"] = why
    context.told.reasons["split", "holdout"] = f"about {label.rows * share:,.0f} rows with a label"
    context.told.reasons["compare", "blocks"] = (
        f"rows of one {group} are not independent" if group else "rows are taken as independent of each other"
    )
    known = label.rows / max(1, context.table.rows)
    held = round(label.rows * share)
    return Holdout("hash", share, NO_TIME, blocks, None, held, label.rows - held, known)


def by_time(context: Context, label: Label, time: Time, reported: Column | None) -> Holdout | None:
    """The shortest window at the end that is long enough; None where none is."""
    until = far_dates.last_day(context, reported or time.column) + dt.timedelta(days=1)
    for unit, spans in (("day", DAYS), ("hour", HOURS)):
        if unit == "hour" and time.is_date:
            continue
        periods = counted(context, label, time, unit, until, reported)
        for wanted in WANTED:
            for length in spans:
                held = window(periods, until, length, wanted)
                if held:
                    return described(context, label, time, periods, until, length, unit, held, reported)
    context.told.risk(
        time.name,
        f"no window at the end of {time.name} holds enough rows with a label on {FEWEST_BLOCKS} days or more and "
        "leaves enough for training: rows are split by hash",
    )
    return None


def counted(
    context: Context, label: Label, time: Time, unit: str, until: dt.date, reported: Column | None
) -> list[Period]:
    moment = f"{quoted(time.name)}::TIMESTAMP"
    known = f" AND {quoted(reported.name)}::TIMESTAMP < TIMESTAMP '{until}'" if reported else ""
    labelled = f"{label.sql} IS NOT NULL{known}"
    rarer = f" AND ({label.sql}) = {int(label.positive_share < 0.5)}" if label.task == "binary" else ""
    rows = context.table.all(
        f"date_trunc('{unit}', {moment})::TIMESTAMP AS start, count(*), count(*) FILTER ({labelled}), "
        f"count(*) FILTER ({labelled}{rarer})",
        f"WHERE {moment} < TIMESTAMP '{until}' GROUP BY 1 ORDER BY 1",
    )
    return [Period(*row) for row in rows]


def window(
    periods: Sequence[Period], until: dt.date, length: str, wanted: tuple[int, int, float, int, float]
) -> tuple[list[Period], list[Period]] | None:
    """The periods of the holdout and of training, if they are enough."""
    blocks, rows, share, positives, training = wanted
    end = dt.datetime.combine(until, dt.time())
    start = Span.model_validate(parse_span(length)).before(end)
    inside = [period for period in periods if period.start >= start]
    earlier = [period for period in periods if period.start < start]
    every, held = sum(p.labelled for p in periods), sum(p.labelled for p in inside)
    of_rarer = sum(p.rarer for p in inside)
    enough = (
        sum(1 for p in inside if p.labelled) >= blocks
        and (held >= rows or held >= share * every)
        and (held >= 40)
        and of_rarer >= min(positives, max(5, held // 4))
        and sum(p.labelled for p in earlier) >= training * every
    )
    return (inside, earlier) if enough else None


def described(
    context: Context, label: Label, time: Time, periods: Sequence[Period], until: dt.date, length: str, unit: str,
    held: tuple[list[Period], list[Period]], reported: Column | None,
) -> Holdout:  # fmt: skip
    told = context.told
    inside, earlier = held
    rows, blocks = sum(p.labelled for p in inside), sum(1 for p in inside if p.labelled)
    share = rows / max(1, sum(p.labelled for p in periods))
    told.decide("prepare.time", time.name, time.why, "TIME=another column")
    told.reasons["prepare", "time"] = f"{time.why}: a feature must be known by then"
    why = f"the newest {length} of the table: {rows:,} rows with a label ({share:.0%}) on {blocks} {unit}s"
    told.decide("split", f"by time, holdout {length}", why, "params.yaml: split")
    told.reasons["split", "by"] = "tomorrow's rows are predicted: a random split would flatter the model"
    told.reasons["split", "holdout"] = why
    last = "label is known" if reported else "row"
    told.decide("data.until", str(until), f"the day after the last {last}", "params.yaml: data.until")
    told.reasons["data", "until"] = f"data cutoff (exclusive): the day after the last {last}"
    if not time.is_date and "TIME ZONE" not in time.column.type:
        told.ask(
            time.name,
            f"{time.name} has no time zone and is read as UTC. Which zone is it in? Set data.timezone, and convert it "
            "in the source's query if the hour matters",
        )
    told.decide("data.timezone", "UTC", "nothing says another", "params.yaml: data.timezone")
    told.reasons["data", "timezone"] = "of the midnight at which `until` begins"
    if not reported:
        told.ask(
            label.name,
            f"When is {label.name} known? It is taken as known at {time.name}. If it comes later, set known_after on "
            "the source, or keep the labels in a table of their own (LABELS=…)",
        )
    told.reasons["compare", "blocks"] = f"rows of one {unit} are not independent"
    blocks_column, derived = column_of_blocks(context, time, unit)
    return Holdout(
        "time", length, until, blocks_column, derived, rows, sum(p.labelled for p in earlier), coverage(inside, earlier)
    )


def column_of_blocks(context: Context, time: Time, unit: str) -> tuple[str, Derived | None]:
    if time.is_date:
        return time.name, None
    name = next(
        name
        for name in (unit, f"{unit}_block", f"{time.name}_{unit}_block")
        if name not in context.table.columns and name != "hour"
    )
    column = in_ibis(time.name)
    expression = f"{column}.date()" if unit == "day" else f'{column}.truncate("h")'
    return name, Derived(name, expression, "block", f"rows of one {unit} are resampled together")


def coverage(inside: Sequence[Period], earlier: Sequence[Period]) -> float:
    """The least share of rows with a label, of either side and of each month of training."""
    months: dict[tuple[int, int], list[int]] = {}
    for period in earlier:
        held = months.setdefault((period.start.year, period.start.month), [0, 0])
        held[0] += period.labelled
        held[1] += period.rows
    parts = [*months.values(), [sum(p.labelled for p in inside), sum(p.rows for p in inside)]]
    return min((known / rows for known, rows in parts if rows >= 30), default=1.0)
