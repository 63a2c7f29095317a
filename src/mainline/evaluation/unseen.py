"""Values in the baseline's inputs that its training did not have: its scores there say nothing about the model.

A file in another format (`true` for `yes`, seconds for minutes) looks like a better candidate otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.data.sources.duckdb_scan import parquet_file
from mainline.data.split import ROW_ID, quoted
from mainline.evaluation.formatting import plain, plural, share
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


def unseen_in(baseline: Record, frame: Path, ids: NDArray[np.uint64], limit: float) -> Unseen | None:
    """The rows of `ids` in a frame that the baseline's code prepared; None where no feature exceeds the `limit`.

    A category that no training row has, a missing value where none was missing, a number far outside the range.
    """
    import numpy as np

    if not frame.exists() or not baseline.profile:
        return None
    rows = read(frame, baseline.features, ids)
    place = align(rows[ROW_ID].to_numpy(), Holdout(ids, np.empty(0), np.empty(0)))
    found = []
    either = np.zeros(len(ids), dtype=bool)
    for name in baseline.features:
        new = new_values(baseline.profile, name, rows[name])
        if new is not None and len(new) and new.mean() > limit:
            either[place[new]] = True
            found.append((name, float(new.mean()), example(rows[name][new])))
    return Unseen(either, sorted(found, key=lambda each: -each[1])) if found else None


def read(frame: Path, features: list[str], ids: NDArray[np.uint64]) -> pd.DataFrame:
    """The features of those rows of `ids` that the frame has."""
    import duckdb
    import pandas as pd

    with duckdb.connect() as connection:
        connection.register("wanted", pd.DataFrame({ROW_ID: ids}))
        columns = ", ".join(quoted(name) for name in features)
        rows: pd.DataFrame = connection.execute(
            f"SELECT {ROW_ID}, {columns} FROM {parquet_file(frame)} WHERE {ROW_ID} IN (SELECT {ROW_ID} FROM wanted)"
        ).df()
    return rows


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


def example(values: pd.Series[Any]) -> str:
    """The most frequent of them."""
    counted = values.value_counts(dropna=True)
    return repr(plain(counted.index[0], 40)) if len(counted) else "a missing value"
