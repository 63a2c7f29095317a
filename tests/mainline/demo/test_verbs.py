from __future__ import annotations

from pathlib import Path

import pytest

from mainline.cli import main
from mainline.demo.scratch import Scratch
from mainline.demo.service import Process
from pipelines import demo


def test_no_month_at_all_is_refused_before_anything_begins(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--months", "0"]) == 2
    assert "demo --months 0: a number from 1 is needed" in capsys.readouterr().err


def test_without_an_engine_it_is_said_where_the_model_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAINLINE_ENGINE", "no-such-engine")
    where, why = demo.place(Scratch(tmp_path, tmp_path / "log.txt"), tmp_path, local=False)
    assert isinstance(where, Process)
    assert why.startswith("no container: the exported model is served by a process of its own (")
    assert "no-such-engine" in why
