"""What the data gate cannot see: tables that cannot be rolled back, the features from them, tables without a suite."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mainline.config.schema import Settings
from mainline.data import lineage
from mainline.data.collect import Collected
from mainline.data.validation.results import Unchecked


def unchecked(settings: Settings, root: Path, tables: Mapping[str, Collected], frame: Path) -> list[Unchecked]:
    """The tables that miss one of both checks."""
    columns = lineage.of_frame(frame)
    labelled = columns.get(settings.prepare.label, [])
    found = []
    for name, table in tables.items():
        features = [each for each in settings.prepare.features.names if name in columns.get(each, [])]
        others = {column for other in labelled if other in tables and other != name for column in tables[other].columns}
        checked = bool(settings.prepare.time and settings.prepare.time_travel_checks)
        rolled_back = checked and table.time is not None and not table.known_ahead
        has_suite = (root / settings.data.expectations / f"{name}.yaml").exists()
        if not (rolled_back and has_suite):
            shares = sorted(set(table.columns) & others)
            found.append(Unchecked(name, rolled_back, table.known_ahead, has_suite, features, shares))
    return found
