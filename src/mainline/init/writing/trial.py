"""What would be written is tried before it is: the settings are read, the tables collected, the frame prepared."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mainline.config import loader
from mainline.config.schema import Settings
from mainline.data.collect import Collected, collect
from mainline.data.feature_patterns import resolved
from mainline.data.prepare import build
from mainline.runtime import models


@dataclass(frozen=True)
class Trial:
    """The settings as the loader reads them, with the columns that patterns stand for, and what they give."""

    settings: Settings
    tables: Mapping[str, Collected]
    frame: Path


def tried(name: str, texts: Mapping[str, str], root: Path, cache: Path, folder: Path) -> Trial:
    """Prepare the frame from files that are not written yet: their texts by path, below `folder`.

    Raises
    ------
    MainlineError
        As a run would, for what is wrong with the settings, the tables or the preparation.
    """
    settings = loader.parse(texts[str(models.selected().params)]).settings
    tables = collect(settings.data, root, cache)
    for path, text in texts.items():
        if path.startswith("src/"):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
    frame = folder / "frame.parquet"
    with importable(folder / "src", name):
        settings = resolved(settings, tables)
        build(settings, tables, frame)
    return Trial(settings, tables, frame)


@contextmanager
def importable(folder: Path, package: str) -> Iterator[None]:
    """Have `package` imported from `folder`, and from where it was afterwards."""
    sys.path.insert(0, str(folder))
    forget(package)
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        forget(package)


def forget(package: str) -> None:
    for module in [name for name in sys.modules if name == package or name.startswith(f"{package}.")]:
        del sys.modules[module]
    importlib.invalidate_caches()
