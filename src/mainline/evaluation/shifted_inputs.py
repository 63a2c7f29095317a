"""The holdout's inputs compared with the training's, by the monitor's own measures and thresholds.

Where only the holdout is broken, both models score the same broken rows: a difference of zero says nothing then.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from mainline.config.schema import Monitor, Settings
from mainline.data.sources.duckdb_scan import parquet_file, reading
from mainline.data.split import sides
from mainline.evaluation.formatting import score, share
from mainline.training import drift, fingerprint, reference_profile
from mainline.training.feature_drift import FeatureDrift
from mainline.training.frame_cache import FrameCache
from mainline.training.record import Record


def cached(cache: FrameCache, record: Record, frame: Path) -> list[FeatureDrift] | None:
    """As `drifted`, once for all models of the frame that have the record's profile."""

    def compute() -> list[dict[str, Any]] | None:
        outside = drifted(cache.settings, record, frame)
        return None if outside is None else [asdict(feature) for feature in outside]

    outside = cache.get("shifted", compute, given=fingerprint.digest(record.profile))
    return None if outside is None else [FeatureDrift(**feature) for feature in outside]


def drifted(settings: Settings, record: Record, frame: Path) -> list[FeatureDrift] | None:
    """The features whose holdout lies outside training; None where that is not measured."""
    reference = record.profile.get("monitor")
    if reference is None or record.facts.rows.get("holdout", 0) < settings.monitor.min_rows:
        return None
    source = f"(SELECT * FROM {parquet_file(frame)} WHERE {sides(settings).holdout})"
    with reading() as connection:
        day = reference_profile.day_of(settings, connection, source)
        found = drift.measure(connection, source, day, reference, settings.monitor)
    return [feature for feature in found if reasons(feature, settings.monitor)]


def reasons(found: FeatureDrift, settings: Monitor) -> list[str]:
    """What lies outside, with its limit; the same rules as the monitor's checks."""
    said = []
    if found.missing_now > found.missing_threshold:
        said.append(f"{share(found.missing_now)} missing, at most {share(found.missing_threshold)}")
    elif found.missing_days:
        said.append(f"nearly all missing on {', '.join(found.missing_days[:3])}")
    if found.new_share > settings.new_categories:
        said.append(f"{share(found.new_share)} new values, at most {share(settings.new_categories)}")
    if found.drifted:
        said.append(f"PSI {score(found.psi)}, at most {score(found.threshold)} by the {found.why}")
    return said


def warning(found: list[FeatureDrift], settings: Monitor) -> str:
    shown = "; ".join(f"{feature.feature}: {', '.join(reasons(feature, settings))}" for feature in found[:5])
    more = f"; and {len(found) - 5} more" if found[5:] else ""
    return (
        f"the holdout's inputs lie outside the training's ({shown}{more}): every model scores these rows, so a "
        "difference between two models may say little about them"
    )
