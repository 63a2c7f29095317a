from __future__ import annotations

from pathlib import Path

import pytest

from mainline.demo import scene
from mainline.demo.scratch import Scratch
from mainline.demo.service import Process


def test_without_an_engine_it_is_said_where_the_model_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAINLINE_ENGINE", "no-such-engine")
    where, why = scene.place(Scratch(tmp_path, tmp_path / "log.txt"), tmp_path, local=False)
    assert isinstance(where, Process)
    assert why.startswith("no container: a local process serves the exported model (")
    assert "no-such-engine" in why
