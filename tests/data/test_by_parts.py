"""The example's model is the same to the bit whether its rows are fitted on at once or by parts."""

from __future__ import annotations

from pathlib import Path

import pytest
from example import ROOT

from mainline.config import loader
from mainline.data import collect, prepare
from mainline.training import matrix, parts, pipeline
from tests.projects import EXAMPLE

pytestmark = pytest.mark.slow


def test_the_model_by_parts_is_that_of_all_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = loader.load(EXAMPLE).settings
    few = settings.train.model_copy(update={"params": {**settings.train.params, "max_iter": 20}})
    settings = settings.model_copy(update={"train": few})
    frame = tmp_path / "frame.parquet"
    prepare.build(settings, collect.collect(settings.data, ROOT, tmp_path / "cache"), frame)
    whole = pipeline.fit(settings, frame)
    monkeypatch.setattr(parts, "LOADED", 1_000_000)
    assert matrix.fit(settings, frame).digest == whole.digest
