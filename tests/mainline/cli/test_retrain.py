"""The call of `mainline retrain`."""

from __future__ import annotations

from pathlib import Path

import pytest

from mainline.cli import main


def test_a_day_that_is_none_is_answered_with_one_that_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main.main(["retrain", "--today", "tomorrow"])
    assert ended.value.code == 2
    assert "--today: tomorrow is not a date such as 2013-11-03" in capsys.readouterr().err
