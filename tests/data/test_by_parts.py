"""The example's model is the same to the bit whether its rows are fitted on at once or by parts."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from example import ROOT

from mainline.config import loader
from mainline.config.schema import Settings
from mainline.data import collect, prepare
from mainline.training import matrix, parts, pipeline
from tests.projects import EXAMPLE

pytestmark = pytest.mark.slow


def test_the_model_by_parts_is_that_of_all_rows(tmp_path: Path) -> None:
    settings = loader.load(EXAMPLE).settings
    few = settings.train.model_copy(update={"params": {**settings.train.params, "max_iter": 4}})
    settings = settings.model_copy(update={"train": few})
    frame = tmp_path / "frame.parquet"
    prepare.build(settings, collect.collect(settings.data, ROOT, tmp_path / "cache"), frame)
    # As a run does, in a process of their own: a pickle's bytes say which of its texts are one object.
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        at_once, by_parts = process.submit(fitted, settings, frame).result()
    assert by_parts == at_once


def fitted(settings: Settings, frame: Path) -> list[str]:
    parts.LOADED = 1_000_000
    return [pipeline.fit(settings, frame).digest, matrix.fit(settings, frame).digest]
