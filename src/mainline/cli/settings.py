"""The settings of a command, with the number of threads fixed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mainline.config.loader import Params


def configured() -> Params:
    """The settings, with the threads fixed: NumPy counts the cores when it is imported, so this comes first."""
    from mainline.config import extensions, loader
    from mainline.training import pipeline

    settings = loader.load()
    pipeline.use_threads(settings.settings.train.threads)
    extensions.load(settings)
    from mainline.data.sources import check as sources
    from mainline.evaluation.gates import check as gates
    from mainline.evaluation.metrics import check as metrics

    loader.refuse(settings, [*sources.problems(settings), *metrics.problems(settings), *gates.problems(settings)])
    return settings
