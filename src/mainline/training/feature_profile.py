"""How features are distributed, small enough to keep with a model: the measure of drift."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from mainline.config.schema import Features
from mainline.data.frame_size import LOADED
from mainline.data.sources.duckdb_scan import parquet_file, reading
from mainline.data.split import quoted
from mainline.training.feature_drift import Drift

if TYPE_CHECKING:
    import numpy as np
    from duckdb import DuckDBPyConnection
    from numpy.typing import NDArray

# Deciles: ten bins hold enough rows each to be compared in a holdout of a few hundred.
DECILES = [n / 10 for n in range(1, 10)]
STEP = 4_000_000  # rows
SMALLEST_SHARE = 1e-4  # an empty bin counts as this share, so that PSI stays finite


def profile(features: Features, frame: Path, condition: str, like: dict[str, Any] | None = None) -> dict[str, Any]:
    """Counts of every feature's values in bins, over the frame's rows that meet `condition`.

    A bin reaches from above one edge up to and including the next; edges are the distinct deciles
    of these rows, or those of the profile `like`, so that two profiles can be compared.
    """
    import numpy as np

    source = f"(SELECT * FROM {parquet_file(frame)} WHERE {condition})"
    with reading() as connection:
        names = [name for name in features.numeric if like is None or name in like["numeric"]]
        numeric = {}
        for name, values in numbers(connection, source, names):
            known = values[~np.isnan(values)]
            edges = like["numeric"][name]["edges"] if like else deciles(known)
            counts = np.zeros(len(edges) + 1, dtype=np.int64)
            for rows in slices(len(known)):
                counts += np.bincount(np.searchsorted(edges, known[rows]), minlength=len(edges) + 1)
            numeric[name] = {"edges": edges, "missing": int(len(values) - len(known)), "counts": counts.tolist()}
        categorical = {
            # Text without a character counts as missing.
            name: dict(
                connection.execute(
                    f"SELECT coalesce({quoted(name)}, ''), count(*) FROM {source} GROUP BY 1 ORDER BY 1"
                ).fetchall()
            )
            for name in features.categorical
        }
    return {"numeric": numeric, "categorical": categorical}


def numbers(
    connection: DuckDBPyConnection, source: str, names: Sequence[str], shown: Mapping[str, str] = MappingProxyType({})
) -> Iterator[tuple[str, NDArray[Any]]]:
    """Each column's numbers in the order of the rows, NaN where one is missing; a few columns are in memory at once.

    `shown` is the SQL of a column where it is not the column itself.
    """
    import numpy as np

    rows = (connection.execute(f"SELECT count(*) FROM {source}").fetchone() or (0,))[0]
    together = max(1, LOADED // max(rows, 1))
    for start in range(0, len(names), together):
        some = names[start : start + together]
        listed = ", ".join(f"{shown.get(name, quoted(name))} AS c{place}" for place, name in enumerate(some))
        found = connection.execute(f"SELECT {listed} FROM {source}").fetchnumpy()
        for place, name in enumerate(some):
            values = np.ma.asarray(found.pop(f"c{place}"))
            floats = values if values.dtype.kind == "f" else values.astype(np.float64)
            yield name, np.ma.filled(floats, np.nan)


def slices(rows: int) -> Iterator[slice]:
    """The rows in steps, so that what is computed of them is never in memory for all."""
    return (slice(start, start + STEP) for start in range(0, rows, STEP))


def deciles(values: NDArray[Any]) -> list[float]:
    """The distinct deciles, each of them one of the values: NumPy's quantiles of the method `inverted_cdf`."""
    import numpy as np

    if not len(values):
        return []
    # NumPy computes places of 32-bit floats in 32 bits, which are not exact, and those of 64 need twice the memory.
    places = [max(math.ceil(len(values) * each - 1), 0) for each in DECILES]
    edges: list[float] = np.unique(np.partition(values, places)[places]).tolist()
    return edges


def comparable(before: dict[str, Any], now: dict[str, Any]) -> bool:
    """Whether two profiles have counted the numeric features that both hold in the same bins."""
    both = before["numeric"].keys() & now["numeric"].keys()
    return all(before["numeric"][name]["edges"] == now["numeric"][name]["edges"] for name in both)


def drift(before: dict[str, Any], now: dict[str, Any]) -> list[Drift]:
    """PSI of every feature that both profiles hold, largest first.

    Population stability index: the sum over bins of (q - p) ln(q / p); missing values are a bin.
    """
    import numpy as np

    found = []
    for name, was in before["numeric"].items():
        if name in now["numeric"]:
            is_ = now["numeric"][name]
            p, q = np.array([was["missing"], *was["counts"]]), np.array([is_["missing"], *is_["counts"]])
            found.append(Drift(name, psi(p, q), _share(p), _share(q)))
    for name, was in before["categorical"].items():
        if name in now["categorical"]:
            is_ = now["categorical"][name]
            values = sorted({"", *was, *is_})
            p, q = (np.array([counts.get(value, 0) for value in values]) for counts in (was, is_))
            new = sorted(set(is_) - set(was) - {""})
            note = f"new: {', '.join(new[:5])}" + (" …" if len(new) > 5 else "") if new else ""
            found.append(Drift(name, psi(p, q), _share(p), _share(q), note))
    return sorted(found, key=lambda d: -d.psi)


def psi(before: NDArray[Any], now: NDArray[Any]) -> float:
    """Population stability index of two vectors of counts; bins empty in both do not count."""
    import numpy as np

    either = (before > 0) | (now > 0)
    p = np.maximum(before[either] / max(before.sum(), 1), SMALLEST_SHARE)
    q = np.maximum(now[either] / max(now.sum(), 1), SMALLEST_SHARE)
    return float(np.sum((q - p) * np.log(q / p)))


def _share(counts: NDArray[np.int64]) -> float:
    return float(counts[0] / max(counts.sum(), 1))
