"""What is kept with a model for watching it: its training rows in bins, and how much their periods differ."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.config.schema import Settings
from mainline.data.sources.duckdb_scan import reading, text
from mainline.data.split import quoted
from mainline.training import sample
from mainline.training.feature_profile import SMALLEST_SHARE, deciles, numbers, slices
from mainline.training.frame_cache import FrameCache

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPANS = {"day": 1, "week": 7, "month": 28}  # the fewest days of a window that is held against such periods
FEWEST = 50  # rows of a period that says something about the others
EPOCH = dt.date(1970, 1, 1)


def cached(cache: FrameCache, frame: Path) -> dict[str, Any]:
    """As `described`, of the labelled training rows, once for all models of the frame."""
    condition = sample.labelled(cache.settings)
    found: dict[str, Any] = cache.get("profile", lambda: described(cache.settings, frame, condition))
    return found


def described(settings: Settings, frame: Path, condition: str) -> dict[str, Any]:
    """`profile.profile` of the frame's rows that meet `condition`, and under `monitor` what watching needs.

    That is, by feature, the bins, the rows in them (the first bin is what is missing), and by span of time the
    largest PSI and the largest share of missing values of one period against all others. Without `prepare.time`
    there are no periods: then only the noise of sampling sets the thresholds.
    """
    import numpy as np

    features = settings.prepare.features
    with reading() as connection:
        source = f"(SELECT * FROM read_parquet({text(str(frame))}) WHERE {condition})"
        since = f"datediff('day', DATE '{EPOCH}', {day_of(settings, connection, source)})::INTEGER"
        found = connection.execute(f"SELECT {since} AS day FROM {source}").fetchnumpy()
        day = np.ma.filled(np.ma.asarray(found.pop("day")), 0)
        of_periods = periods(day)
        profile: dict[str, Any] = {"numeric": {}, "categorical": {}}
        watched: dict[str, Any] = {"numeric": {}, "categorical": {}}
        for name, values in numbers(connection, source, features.numeric):
            known = values[~np.isnan(values)]
            edges = deciles(known)
            ends = [float(known.min()), float(known.max())] if len(known) else None
            kept = over_time(day, values, partial(place_in, edges), len(edges) + 2, of_periods)
            profile["numeric"][name] = {"edges": edges, "missing": kept["counts"][0], "counts": kept["counts"][1:]}
            watched["numeric"][name] = {"edges": edges, "range": ends, **kept}
        listed, shown = {}, {}
        for name in features.categorical:
            value = f"coalesce({quoted(name)}, '')"
            rows = connection.execute(f"SELECT DISTINCT {value} FROM {source} ORDER BY 1").fetchall()
            listed[name] = [each for (each,) in rows if each]
            places = f"list_position([{', '.join(map(text, listed[name]))}]::VARCHAR[], {value})"
            shown[name] = f"(CASE {value} WHEN '' THEN 0 ELSE {places} END)::INTEGER"
        for name, codes in numbers(connection, source, features.categorical, shown):
            kept = over_time(day, codes, lambda some: some, len(listed[name]) + 2, of_periods)
            shown_counts = zip(["", *listed[name]], kept["counts"], strict=False)
            profile["categorical"][name] = {value: count for value, count in shown_counts if count}
            watched["categorical"][name] = {"values": listed[name], **kept}
    return {**profile, "monitor": watched}


def day_of(settings: Settings, connection: Any, source: str) -> str:
    """SQL for a row's day on the project's own calendar."""
    time = settings.prepare.time
    if not time:
        return f"DATE '{EPOCH}'"
    ((kind,),) = connection.execute(f"SELECT typeof({quoted(time)}) FROM {source} LIMIT 1").fetchall() or (("DATE",),)
    if kind == "DATE":
        return quoted(time)
    return f"timezone({text(settings.data.timezone)}, {quoted(time)}::TIMESTAMPTZ)::DATE"


def periods(day: NDArray[Any]) -> dict[str, Callable[[NDArray[Any]], NDArray[Any]]]:
    """For each span a function that adds up a table (days, bins) by its periods."""
    import numpy as np

    first, last = (int(day.min()), int(day.max())) if len(day) else (0, 0)
    dates = [EPOCH + dt.timedelta(days=n) for n in range(first, last + 1)]
    names = {
        "day": list(range(len(dates))),
        "week": [date.isocalendar()[0] * 100 + date.isocalendar()[1] for date in dates],
        "month": [date.year * 100 + date.month for date in dates],
    }
    starts = {span: np.unique(found, return_index=True)[1] for span, found in names.items()}
    return {span: lambda table, at=at: np.add.reduceat(table, at, axis=0) for span, at in starts.items()}  # type: ignore[misc]


def place_in(edges: list[float], values: NDArray[Any]) -> NDArray[Any]:
    """The bin of each value; the first one is of what is missing."""
    import numpy as np

    return np.where(np.isnan(values), 0, 1 + np.searchsorted(edges, values))


def over_time(
    day: NDArray[Any],
    values: NDArray[Any],
    bins: Callable[[NDArray[Any]], NDArray[Any]],
    n: int,
    of_periods: dict[str, Any],
) -> dict[str, Any]:
    """What `described` keeps of a column; `bins` are the numbers of the bins, below `n`, of some of its values."""
    import numpy as np

    first, last = (int(day.min()), int(day.max())) if len(day) else (0, 0)
    cells = (last - first + 1) * n
    table = np.zeros(cells, dtype=np.int64)
    for rows in slices(len(day)):
        place = (day[rows].astype(np.int64) - first) * n + bins(values[rows]).astype(np.int64)
        table += np.bincount(place, minlength=cells)
    by_day = table.reshape(-1, n)
    by_span = {span: large(add(by_day)) for span, add in of_periods.items()}
    return {
        "counts": by_day.sum(axis=0).tolist(),
        "psi": {span: variation(found) for span, found in by_span.items()},
        "missing": {span: most_missing(found) for span, found in by_span.items()},
    }


def large(table: NDArray[Any]) -> NDArray[Any]:
    found: NDArray[Any] = table[table.sum(axis=1) >= FEWEST]
    return found


def variation(table: NDArray[Any]) -> float | None:
    """The largest PSI of one period (a row) against all others; None with fewer than three periods."""
    import numpy as np

    if len(table) < 3:
        return None
    rest = table.sum(axis=0) - table
    p, q = (np.maximum(t / t.sum(axis=1, keepdims=True), SMALLEST_SHARE) for t in (rest, table))
    return float(((q - p) * np.log(q / p)).sum(axis=1).max())


def most_missing(table: NDArray[Any]) -> float | None:
    return float((table[:, 0] / table.sum(axis=1)).max()) if len(table) >= 3 else None


def span_of(days: int) -> str:
    """The longest span that a window of so many days covers."""
    return [span for span, least in SPANS.items() if days >= least or span == "day"][-1]
