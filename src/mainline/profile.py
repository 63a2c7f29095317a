"""How features are distributed, small enough to keep with a model: the measure of drift."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.results import Drift
from mainline.rows import quoted
from mainline.settings import Features

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Deciles: ten bins hold enough rows each to be compared in a holdout of a few hundred.
DECILES = [n / 10 for n in range(1, 10)]
SMALLEST_SHARE = 1e-4  # an empty bin counts as this share, so that PSI stays finite


def profile(features: Features, frame: Path, condition: str, like: dict[str, Any] | None = None) -> dict[str, Any]:
    """Counts of every feature's values in bins, over the frame's rows that meet `condition`.

    A bin reaches from above one edge up to and including the next; edges are the distinct deciles
    of these rows, or those of the profile `like`, so that two profiles can be compared.
    """
    import duckdb

    source = f"(SELECT * FROM read_parquet('{frame}') WHERE {condition})"
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")

        def one(sql: str) -> tuple[Any, ...]:
            return connection.execute(sql).fetchone() or ()

        numeric: dict[str, Any] = {}
        if features.numeric:
            deciles = ", ".join(f"quantile_disc({quoted(name)}, {DECILES})" for name in features.numeric)
            edges = (
                [like["numeric"].get(name, {}).get("edges") for name in features.numeric]
                if like
                else [sorted(set(found or [])) for found in one(f"SELECT {deciles} FROM {source}")]
            )
            known = [(name, cut) for name, cut in zip(features.numeric, edges, strict=True) if cut is not None]
            parts = [
                f"count(*) FILTER ({quoted(name)} IS NULL), {', '.join(_bins(name, cut))}" for name, cut in known
            ]
            counts = iter(one(f"SELECT {', '.join(parts)} FROM {source}") if parts else ())
            for name, cut in known:
                missing = next(counts)
                numeric[name] = {"edges": cut, "missing": missing, "counts": [next(counts) for _ in range(len(cut) + 1)]}
        categorical = {
            name: {
                ("" if value is None else str(value)): count
                for value, count in connection.execute(
                    f"SELECT {quoted(name)}, count(*) FROM {source} GROUP BY 1 ORDER BY 1 NULLS FIRST"
                ).fetchall()
            }
            for name in features.categorical
        }
    return {"numeric": numeric, "categorical": categorical}


def _bins(name: str, edges: list[float]) -> list[str]:
    column = quoted(name)
    lows = [None, *edges]
    highs = [*edges, None]
    conditions = []
    for low, high in zip(lows, highs, strict=True):
        sides = [f"{column} > {low!r}::FLOAT" if low is not None else "", f"{column} <= {high!r}::FLOAT" if high is not None else ""]
        met = " AND ".join(side for side in sides if side) or f"{column} IS NOT NULL"
        conditions.append(f"count(*) FILTER ({met})")
    return conditions


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
