"""How closely two columns are tied, as a number from 0 (not at all) to 1 (one follows from the other).

- classes by bins: Cramér's V, corrected for bias (Bergsma 2013, J. Korean Stat. Soc. 42)
- a number by bins: the correlation ratio, corrected for bias (Kelley 1935: epsilon squared)
- two numbers: the larger of Spearman's rank correlation and the correlation ratio of either's ranks by the other's
  bins, so that a curve with a turning point counts as well as a line

Without the corrections a column of fifty rare values would seem to predict any label.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from mainline.init.column_bins import MISSING, Bins, numbers
from mainline.init.label_target import Target
from mainline.init.table_counts import Cells

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MONOTONE = 0.7  # of the strength: a rank correlation below it is no direction


@dataclass(frozen=True)
class Pair:
    one: str
    other: str
    strength: float
    sign: int  # of two numbers that rise or fall together; 0 where neither


def with_label(cells: Cells, target: Target) -> float:
    """How closely the label is tied to the bins of a column, over all rows with a label."""
    return cramers_v(cells.sums) if target.names else correlation_ratio(cells.known, cells.sums)


def cramers_v(table: NDArray[np.float64]) -> float:
    """Of a table of counts, bins by classes."""
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    rows, columns = table.shape
    n = float(table.sum())
    if rows < 2 or columns < 2 or n < 2:
        return 0.0
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / n
    phi = float(((table - expected) ** 2 / expected).sum()) / n
    phi = max(0.0, phi - (rows - 1) * (columns - 1) / (n - 1))
    rows_, columns_ = rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)
    smaller = min(rows_, columns_) - 1
    return min(1.0, (phi / smaller) ** 0.5) if smaller > 0 else 0.0


def correlation_ratio(rows: NDArray[np.int64], sums: NDArray[np.float64]) -> float:
    """Of a number's rows, sums and sums of squares by bin."""
    used = rows > 0
    n, bins = int(rows.sum()), int(used.sum())
    if bins < 2 or n <= bins:
        return 0.0
    total = float(sums[:, 1].sum() - sums[:, 0].sum() ** 2 / n)
    within = float((sums[used, 1] - sums[used, 0] ** 2 / rows[used]).sum())
    if total <= 0:
        return 0.0
    return float(min(1.0, max(0.0, 1 - (within / (n - bins)) / (total / (n - 1)))) ** 0.5)


def pairs(
    names: Sequence[str], bins: Mapping[str, Bins], sample: Mapping[str, Any], codes: Mapping[str, Any]
) -> list[Pair]:
    """Every two of the columns, the closest first; rows in which either is missing are left out.

    Parameters
    ----------
    sample, codes
        By column: the values of the same rows, and the codes of their bins.
    """
    import numpy as np

    ordered = [name for name in names if bins[name].kind in ("numbers", "times")]
    rank = {name: ranks(sample[name]) for name in ordered}
    ratios = {name: by_bins(rank, codes[name], len(bins[name].names)) for name in names}
    rho = spearman(rank)
    place = {name: number for number, name in enumerate(ordered)}
    found = []
    for one, other in combinations(names, 2):
        sign = 0
        if one in place and other in place:
            line = float(rho[place[one], place[other]])
            strength = max(abs(line), ratios[one][other], ratios[other][one])
            sign = int(np.sign(line)) if abs(line) >= MONOTONE * strength else 0
        elif one in place or other in place:
            number, group = (one, other) if one in place else (other, one)
            strength = ratios[group][number]
        else:
            wide = len(bins[other].names) + 1
            both = np.bincount(codes[one] * wide + codes[other], minlength=(len(bins[one].names) + 1) * wide)
            strength = cramers_v(both.reshape(-1, wide)[1:, 1:].astype(np.float64))
        found.append(Pair(one, other, min(1.0, strength), sign))
    return sorted(found, key=lambda pair: (-round(pair.strength, 6), pair.one, pair.other))


def by_bins(rank: Mapping[str, NDArray[np.float64]], codes: Any, bins: int) -> dict[str, float]:
    """The correlation ratio of each number's ranks by the bins of one column."""
    import numpy as np

    found = {}
    for name, values in rank.items():
        known = ~np.isnan(values) & (codes != MISSING)
        group, value = codes[known], values[known]
        rows = np.bincount(group, minlength=bins + 1)
        powers = [np.bincount(group, value**power, bins + 1) for power in (1, 2)]
        sums = np.stack(powers, axis=1).astype(np.float64)
        found[name] = correlation_ratio(rows, sums)
    return found


def spearman(ranked: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    """Rank correlations, each over the rows in which both are known."""
    import numpy as np

    if not ranked:
        return np.zeros((0, 0))
    rank = np.stack(list(ranked.values()), axis=1)
    known = ~np.isnan(rank)
    centred = np.where(known, rank, 0.0)
    squares, known_ = centred**2, known.astype(np.float64)
    scale = np.sqrt((squares.T @ known_) * (known_.T @ squares))
    with np.errstate(invalid="ignore", divide="ignore"):
        found: NDArray[np.float64] = np.nan_to_num(np.where(scale > 0, centred.T @ centred / scale, 0.0))
    return found


def ranks(column: Any) -> NDArray[np.float64]:
    """Ranks around zero, from −1 to 1, equal values with one rank; NaN where the value is missing."""
    import numpy as np

    number = numbers(column)
    rank = np.full(len(number), np.nan)
    known = ~np.isnan(number)
    _, place, rows = np.unique(number[known], return_inverse=True, return_counts=True)
    middle = np.cumsum(rows) - (rows - 1) / 2
    rank[known] = middle[place]
    rank -= np.nanmean(rank) if known.any() else 0.0
    return rank / max(1.0, len(number) / 2)
