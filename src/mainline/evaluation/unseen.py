"""Values in the baseline's inputs that its training did not have: its scores there say nothing about the model.

A file in another format (`true` for `yes`, seconds for minutes) looks like a better candidate otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.config.schema import Settings
from mainline.data.split import ROW_ID
from mainline.evaluation.formatting import plain, plural, share
from mainline.training import parts
from mainline.training.record import Holdout, Record, align

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

BEYOND = 0.5  # of the training's range, on either side: a trend goes on, another unit does not
SHOWN = 3


@dataclass(frozen=True)
class Unseen:
    """`rows` (n,) have such a value; `features` say which, with their share of the rows and an example."""

    rows: NDArray[np.bool_]
    features: list[tuple[str, float, str]]

    def said(self, of: int) -> str:
        shown = "; ".join(f"{name} in {share(part)}, such as {value}" for name, part, value in self.features[:SHOWN])
        more = f"; and {plural(len(self.features) - SHOWN, 'more feature')}" if self.features[SHOWN:] else ""
        return (
            f"main's model is fed values that it never saw in training in {int(self.rows.sum()):,} of {of:,} holdout "
            f"rows ({shown}{more}): these rows are left out of the comparison, since its scores there say nothing "
            "about the model"
        )


def unseen_in(
    settings: Settings, baseline: Record, frame: Path, ids: NDArray[np.uint64], limit: float
) -> Unseen | None:
    """The rows of `ids` in a frame that the baseline's code prepared; None where no feature exceeds the `limit`.

    A category that no training row has, a missing value where none was missing, a number far outside the range.
    """
    import numpy as np

    if not frame.exists() or not baseline.profile:
        return None
    seen = 0
    either = {name: np.zeros(len(ids), dtype=bool) for name in baseline.features}
    examples: dict[str, list[pd.Series[int]]] = {}
    for rows in parts.read(settings, frame, "true", ROW_ID, *baseline.features, ids=ids):
        place = align(rows[ROW_ID].to_numpy(), Holdout(ids, np.empty(0), np.empty(0)))
        seen += len(rows)
        for name in baseline.features:
            new = new_values(baseline.profile, name, rows[name])
            if new is not None and new.any():
                either[name][place[new]] = True
                examples.setdefault(name, []).append(rows[name][new].value_counts(dropna=True))
    found = [(name, int(either[name].sum()) / seen, example(counts)) for name, counts in examples.items()]
    found = [each for each in found if each[1] > limit]
    if not found:
        return None
    several: NDArray[np.bool_] = np.logical_or.reduce([either[name] for name, *_ in found])
    return Unseen(several, sorted(found, key=lambda each: -each[1]))


def new_values(profile: dict[str, Any], name: str, values: pd.Series[Any]) -> NDArray[np.bool_] | None:
    import numpy as np

    missing = values.isna().to_numpy()
    if name in profile.get("categorical", {}):
        known = profile["categorical"][name]
        missing = missing | (values == "").to_numpy()
        new = ~values.isin(known).to_numpy() & ~missing
        return new | missing if not known.get("") else new
    if name not in profile.get("numeric", {}):
        return None
    new = np.zeros(len(values), dtype=bool)
    ends = profile.get("monitor", {}).get("numeric", {}).get(name, {}).get("range")  # older records have none
    if ends and ends[0] < ends[1]:
        margin = BEYOND * (ends[1] - ends[0])
        new = ((values < ends[0] - margin) | (values > ends[1] + margin)).to_numpy()
    return new | missing if not profile["numeric"][name]["missing"] else new


def example(counts: list[pd.Series[int]]) -> str:
    """The most frequent of the values that are counted, part by part."""
    import pandas as pd

    counted = pd.concat(counts).groupby(level=0, sort=False).sum().sort_values(ascending=False, kind="stable")
    return repr(plain(counted.index[0], 40)) if len(counted) else "a missing value"
