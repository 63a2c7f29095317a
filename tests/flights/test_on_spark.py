"""The example's preparation on Spark: nothing in it depends on the engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from mainline.config import loader
from mainline.data import prepare
from mainline.data.collect import collect
from mainline.data.spark import differences
from tests.projects import TOP


def test_the_example_passes_on_tables_of_any_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(TOP)
    settings = loader.load(TOP / "params.yaml").settings
    made = prepare.prepared(settings, collect(settings.data, TOP, tmp_path))
    differences.refuse(settings, made.expression, all_compared=False)
