"""From the collected table to a proposal: every guess in its order, and the settings that follow."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mainline.data.collect import Collected
from mainline.errors import DataError
from mainline.init import joint_leaks, leaks
from mainline.init.guesses import (
    copies,
    dates_in_text,
    derive,
    duplicates,
    estimator,
    far_dates,
    features,
    gates,
    groups,
    holdout,
    join,
    key,
    label,
    label_words,
    metric,
    numbers_in_text,
    patterns,
    protected,
    sentinels,
    settings,
    single,
    slices,
    times,
    weights,
)
from mainline.init.guesses.table import Context, Told, load, sampled
from mainline.init.proposal import Column, Decision, Derived, Proposal, Use, Wishes

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def propose(
    con: DuckDBPyConnection, collected: Mapping[str, Collected], wishes: Wishes,
    sources: Mapping[str, Mapping[str, Any]], name: str, reading: Sequence[Decision],
) -> Proposal:  # fmt: skip
    """Everything that `make init` decides about a table.

    Parameters
    ----------
    con
        A connection; the rows of text files are kept in it while they are guessed about.
    collected
        The table of the rows; then, with `wishes.labels`, that of the labels.
    sources
        `data.sources` as it goes to params.yaml; the times are added.
    name
        Of the project: the package below `src/`.
    reading
        What was decided while the tables were read.

    Raises
    ------
    ConfigurationError
        Where a wish does not fit the table, such as a label that it does not have.
    DataError
        Where nothing can be learnt from the table: a constant label, too few rows, no usable feature.
    """
    con.execute("SET TimeZone = 'UTC'")
    told = Told(list(reading))
    tables = [load(con, table, f"_init_{place}") for place, table in enumerate(collected.values())]
    rows, more = tables[0], tables[1:]
    holder = label.find(tables, wishes)
    joined, known = None, None
    by: tuple[str, ...] = ()
    if more and holder is not rows:
        rows, by, joined = join.guess(rows, holder, wishes, told)
        known = join.reported(holder, by)
    as_written = rows.columns  # what a suite holds of the source
    rows, absent = label_words.without_absent(rows, wishes.label, told)
    target = label.guess(rows, wishes, told, absent)
    holdout.check_size(target)
    context = Context(rows, sampled(rows, "_init_sample"), wishes, told)
    if joined is None:
        by = key.guess(rows, wishes, told)
    else:
        told.reasons["prepare", "key"] = f"unique in {rows.name} and in {holder.name}: it joins the labels"
    time = times.guess(context)
    side = holdout.by_time(context, target, time, known) if time and labels_have_time(context, joined, known) else None
    time = time if side else None
    by, counted = copies.keyed(context, by, time)

    out = protected.guess(context, target, by)
    with_labels = [name for name in rows.columns if joined is not None and name not in tables[0].columns]
    elsewhere = {**times.after(context, time, with_labels), **times.as_numbers(context, time), **out}
    elsewhere |= dict.fromkeys(counted, "it counts the rows")
    elsewhere |= dict.fromkeys(with_labels, f"it comes with the labels of {holder.name}: after the outcome")
    uses = patterns.with_constants(rows.columns, features.guess(rows, target, by, time, elsewhere))
    uses = left_out(uses, derive.parts_of_time(context, time, uses))
    uses = left_out(uses, dates_in_text.find(context, without(uses, elsewhere), split_by_time=time is not None))
    written, numbers = numbers_in_text.find(context, without(uses, elsewhere))
    uses = left_out(uses, written)
    sentinels.warn(context, uses)
    weights.ask(context, uses)
    far_dates.warn(context, time.name if time else None, uses)
    uses = duplicates.of_columns(context, uses)
    singles = single.scores(context, target, used(uses))
    uses = left_out(uses, leaks.find(context, target, uses, singles))
    uses = left_out(uses, joint_leaks.find(context, target, used(uses), singles))
    dated = joint_leaks.of_dates(context, target, uses, elsewhere)
    uses = left_out(uses, dated)
    derived = (*derive.features(context, time, uses, {**elsewhere, **dated}), *numbers)
    check_features(rows.name, uses, derived)
    group = None
    if side is None:
        group = groups.guess(context, target, uses, by)
        side = holdout.by_hash(context, target, by, group)
    chosen = metric.guess(context, target, side)
    sliced = slices.guess(context, target, uses, out, side)
    content = {
        "task": target.task,
        "data": settings.data(context, sources, side, time, known, holder.name),
        "prepare": settings.prepare(name, context, target, by, counted, time, uses, derived),
        "split": {"by": side.by, "holdout": side.length, **({"group": group} if group else {})},
        "train": estimator.guess(context, target, side, len(used(uses)) + len(derived)),
        "evaluate": settings.evaluate(side, chosen, sliced),
        "compare": {"metric": chosen.name, "blocks": side.blocks, "min_rows": metric.fewest_rows(side)},
        "gates": gates.guess(context, target, chosen, side, uses, derived, singles, [c for c in sliced if c in out]),
        **settings.monitor(context, target, joined, holder.name),
    }
    for column, use in uses.items():
        if use.role == "left out":
            told.decide(f"column {column}", "left out", use.reason, "params.yaml: prepare.features")
    return Proposal(
        name=name, table=rows.name, settings=content, reasons=told.reasons, label=target.name,
        label_expression=target.expression, columns=tuple(as_written.values()), uses=uses,
        derived=(*derived, *([side.derived] if side.derived else [])), protected=tuple(out), slices=sliced,
        groups=group, join=joined, decisions=tuple(told.decisions), findings=tuple(told.findings),
    )  # fmt: skip


def used(uses: Mapping[str, Use]) -> list[str]:
    return [name for name, use in uses.items() if use.role in ("numeric", "categorical")]


def without(uses: Mapping[str, Use], names: Container[str]) -> dict[str, Use]:
    return {name: use for name, use in uses.items() if name not in names}


def left_out(uses: Mapping[str, Use], reasons: Mapping[str, str]) -> dict[str, Use]:
    return {name: Use("left out", reasons[name]) if name in reasons else use for name, use in uses.items()}


def labels_have_time(context: Context, joined: str | None, known: Column | None) -> bool:
    """By time, a table of labels must say since when each is known: else those from after the cutoff are used."""
    if joined is None or known is not None:
        return True
    context.told.ask(
        None,
        "The table of the labels has no time that says since when each is known: rows are split by hash. With such a "
        "column, init splits by time",
    )
    return False


def check_features(table: str, uses: Mapping[str, Use], derived: Sequence[Derived]) -> None:
    if used(uses) or derived:
        return
    reasons = "; ".join(f"{name}: {use.reason}" for name, use in list(uses.items())[:8] if use.role == "left out")
    raise DataError(f"{table}: no column can be a feature. {reasons}")
