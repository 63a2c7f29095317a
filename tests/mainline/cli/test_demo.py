from __future__ import annotations

import pytest

from mainline.cli.main import main


def test_no_month_at_all_is_refused_before_anything_begins(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--months", "0"]) == 2
    assert "demo --months 0: a number from 1 is needed" in capsys.readouterr().err
