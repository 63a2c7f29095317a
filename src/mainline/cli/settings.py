"""The settings of a command, with the number of threads fixed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mainline.config.loader import Params


def configured() -> Params:
    """The settings, with the threads fixed: NumPy counts the cores when it is imported, so this comes first."""
    from mainline.config import loader
    from mainline.training import pipeline

    settings = loader.load()
    pipeline.use_threads(settings.settings.train.threads)
    return settings
