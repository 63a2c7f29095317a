"""Which study a search goes on with: the one of the same data, code, settings and space."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mainline.config.schema import Settings
from mainline.runtime.atomic_files import remove, write_text
from mainline.search.limits import limits
from mainline.search.study import JOURNAL
from mainline.training.fingerprint import Fingerprint, digest

FORMAT = 1  # of a study: raised where its trials would mean something else
LAST = "last.json"
KEPT = 5  # studies


def parts(settings: Settings, prints: Fingerprint) -> dict[str, str]:
    """A digest of each thing that a study depends on, by what a person calls it."""
    of, search = prints.parts, settings.search
    assert search
    found: dict[str, Any] = {
        "data": [of.tables, of.clock],
        "code": [of.code, of.packages, of.python, FORMAT],
        "settings": [of.task, of.prepare, of.split, of.train],
        "space": search.model_dump(mode="json", exclude={"folds", "processes"}),
        "number of folds": search.folds,
        "metric": [settings.compare.metric, settings.compare.blocks, settings.evaluate.threshold],
        "limits of the gates": [[limit.gate, limit.most] for limit in limits(settings)],
    }
    return {name: digest(value) for name, value in found.items()}


def name(parts: dict[str, str]) -> str:
    """The name of the study; its folder is called so."""
    return digest(parts)[:16]


def changed(folder: Path, now: dict[str, str]) -> list[str]:
    """What is no longer as in the last search of this folder; empty where there was none."""
    try:
        before = json.loads((folder / LAST).read_text(encoding="utf-8"))
        return [part for part in now if before.get(part) != now[part]]
    except (OSError, ValueError, AttributeError):
        return []


def prune(folder: Path, name: str) -> None:
    """Remove the oldest studies but the one of this name: each holds a copy of its frame."""
    others = [path for path in folder.iterdir() if (path / JOURNAL).is_file() and path.name != name]
    newest = sorted(others, key=lambda path: (path / JOURNAL).stat().st_mtime, reverse=True)
    for path in newest[KEPT - 1 :]:
        remove(path)


def remember(folder: Path, now: dict[str, str]) -> None:
    write_text(folder / LAST, json.dumps(now, indent=1) + "\n")
