"""Whether rows that share a key are the same rows for both models: by key, source, label and inputs.

A key's value alone does not tell: row 17 of one table is not row 17 of another. What is compared is what both
records hold of the rows in both holdouts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mainline.config.schema import CONTENT_KEY
from mainline.data.collect import Collected
from mainline.evaluation.formatting import plural, share
from mainline.training.record import Record, align

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FEWEST = 30  # rows that both hold: with fewer, agreement may be chance
AGREES = 0.5  # of a column: half-way between agreement by chance and full agreement (Cohen's kappa)
ROUNDING = 0.01  # of the label's standard deviation: a number that changes by less is the same label


@dataclass(frozen=True)
class Shared:
    """The rows that both holdouts hold; `place` is the baseline's position of each of the candidate's, or -1."""

    place: NDArray[np.int64]
    relabelled: float | None  # share of the rows labelled in both whose label differs; None with too few
    agreement: float | None  # the best of the label's and the common inputs', 0 is chance; None where unknown

    @property
    def rows(self) -> int:
        return int((self.place >= 0).sum())


def shared(candidate: Record, baseline: Record, was: NDArray[np.float64]) -> Shared:
    """`was` are the baseline's labels of the candidate's holdout rows in the candidate's codes, NaN if unknown."""
    import numpy as np

    place = align(candidate.holdout.row_id, baseline.holdout)
    both, now = place >= 0, candidate.holdout.y
    known = both & ~np.isnan(was) & ~np.isnan(now)
    tolerance = ROUNDING * float(np.std(now[known])) if candidate.facts.task == "regression" and known.any() else 0.0
    relabelled = float((np.abs(was - now)[known] > tolerance).mean()) if known.sum() >= FEWEST else None
    found = []
    if known.sum() >= FEWEST:
        found.append(beyond_chance(was[known], now[known], tolerance))
    if both.sum() >= FEWEST:
        theirs, ours = common_inputs(candidate, baseline)
        found += [
            beyond_chance(theirs[place[both], n].astype(float), ours[both, n].astype(float))
            for n in range(ours.shape[1])
        ]
    measured = [value for value in found if value is not None]
    return Shared(place, relabelled, max(measured) if measured else None)


def beyond_chance(was: NDArray[np.float64], now: NDArray[np.float64], tolerance: float = 0.0) -> float | None:
    """How much more often two columns agree row by row than in another order; None for a column that hardly varies."""
    import numpy as np

    agree = float((np.abs(was - now) <= tolerance).mean())
    moved = np.random.default_rng(0).permutation(now)
    chance = float((np.abs(was - moved) <= tolerance).mean())
    return (agree - chance) / (1 - chance) if chance < 0.99 else None


def common_inputs(candidate: Record, baseline: Record) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """Digests of the features that both models have, the baseline's and the candidate's; none where one kept none."""
    import numpy as np

    theirs, ours = baseline.inputs, candidate.inputs
    names = {name: n for n, name in enumerate(baseline.features)}
    pairs = [(names[name], n) for n, name in enumerate(candidate.features) if name in names]
    if theirs is None or ours is None or not pairs:
        return np.empty((len(baseline.holdout.y), 0), np.uint16), np.empty((len(candidate.holdout.y), 0), np.uint16)
    return theirs[:, [was for was, _ in pairs]], ours[:, [now for _, now in pairs]]


def why_other_rows(candidate: Record, baseline: Record, found: Shared, most_changed: float) -> str | None:
    """Why the rows of both models are not the same although their keys are; None where they are, or share none."""
    was, now = (record.facts.parts.prepare.get("key") for record in (baseline, candidate))
    same = found.agreement is not None and found.agreement >= AGREES
    if was != now and not same:
        return f"main's rows have the key {listed(was)}, this model's {listed(now)}: equal values name other rows"
    made_of = other_key_columns(candidate, baseline) if was == now == [CONTENT_KEY] and not found.rows else None
    if made_of:
        return made_of
    if found.agreement is not None and not same:
        return (
            f"{plural(found.rows, 'row')} share their key with a row of main's, and neither the label nor an input "
            f"agrees more often than by chance: they are other rows{other_tables(candidate, baseline)}"
        )
    if found.relabelled is not None and found.relabelled > most_changed:
        return (
            f"the label differs from main's in {share(found.relabelled)} of the rows that both have: they are other "
            f"rows, or the label means something else (compare.max_changed: {share(most_changed)})"
        )
    return None


def other_key_columns(candidate: Record, baseline: Record) -> str | None:
    """That rows have other keys because the columns that these are made from have changed; None where they have not."""
    for name, table in candidate.facts.tables.items():
        was = baseline.facts.tables[name].columns if name in baseline.facts.tables else table.columns
        changed = [column for column in [*table.columns, *was] if (column in was) != (column in table.columns)]
        if changed:
            return (
                f"the key is made from the columns of {name}, and {listed(changed)} is not in both: main's model may "
                "have been trained on these rows under other keys. Set prepare.key_columns to those columns of the key "
                "that main has as well"
            )
    return None


def why_not_recorded(candidate: Record, baseline: Record, ids: NDArray[np.uint64], most_changed: float) -> str | None:
    """Why the baseline's recorded scores cannot stand for scores of these rows; None where they can."""
    if not same_source(candidate.facts.tables, baseline.facts.tables):
        return f"main's recorded scores are of other tables{other_tables(candidate, baseline)}"
    theirs, _ = common_inputs(candidate, baseline)
    if not theirs.shape[1]:
        return "it cannot be known whether main's recorded scores are of these rows: no input of theirs is kept by both"
    in_both = align(ids, baseline.holdout) >= 0
    changed = in_both & ~unchanged(candidate, baseline, ids)
    if in_both.any() and changed.sum() > most_changed * in_both.sum():
        rows = f"{int(changed.sum()):,} of {plural(int(in_both.sum()), 'row')}"
        return f"main's recorded scores are of other inputs in {rows} (compare.max_changed: {share(most_changed)})"
    return None


def unchanged(candidate: Record, baseline: Record, ids: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """The rows of `ids` whose common inputs are those that the baseline scored."""
    import numpy as np

    theirs, ours = common_inputs(candidate, baseline)
    there, here = align(ids, baseline.holdout), align(ids, candidate.holdout)
    both = (there >= 0) & (here >= 0)
    found = np.zeros(len(ids), dtype=bool)
    found[both] = (theirs[there[both]] == ours[here[both]]).all(axis=1)
    return found


def same_source(now: Mapping[str, Collected], was: Mapping[str, Collected]) -> bool:
    """Whether the models share a table: the same content, or the same name with at least half of its columns."""
    digests = {table.digest for table in was.values()}
    return any(
        table.digest in digests
        or (name in was and 2 * len(table.columns.keys() & was[name].columns.keys()) >= len(was[name].columns))
        for name, table in now.items()
    )


def other_tables(candidate: Record, baseline: Record) -> str:
    now, was = candidate.facts.tables, baseline.facts.tables
    return "" if same_source(now, was) else f" (tables {listed(was)} on main, {listed(now)} here)"


def listed(names: Any) -> str:
    return ", ".join(map(str, names)) if names else "none"
