"""Every question that a search asks the holdout is counted, also one whose answer never came."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from mainline.errors import ExternalError
from mainline.search import holdout
from mainline.search.holdout import Question

ASKED = Question("2026-03-02T10:00:00+00:00", "september", "a study", "max_iter: 5", "search/0a1b2c3d")


def test_a_question_counts_from_when_it_is_asked_and_once(tmp_path: Path) -> None:
    holdout.remember(tmp_path, ASKED)
    assert holdout.count(tmp_path, "september") == 1
    assert holdout.same(tmp_path, "a study", "max_iter: 5") is None, "it has no answer yet"
    holdout.remember(tmp_path, dataclasses.replace(ASKED, verdict="better", passed=True))
    assert holdout.count(tmp_path, "september") == 1
    assert holdout.count(tmp_path, "october") == 0
    answered = holdout.same(tmp_path, "a study", "max_iter: 5")
    assert answered is not None
    assert answered.verdict == "better"


def test_a_question_that_is_asked_again_after_a_kill_is_the_same_one(tmp_path: Path) -> None:
    holdout.remember(tmp_path, ASKED)
    again = dataclasses.replace(ASKED, asked="2026-03-02T11:00:00+00:00")
    holdout.remember(tmp_path, again)
    holdout.remember(tmp_path, dataclasses.replace(again, verdict="better", passed=True))
    assert holdout.count(tmp_path, "september") == 1
    holdout.remember(tmp_path, dataclasses.replace(ASKED, values="max_iter: 6"))
    assert holdout.count(tmp_path, "september") == 2, "another winner is another question"


def test_a_damaged_count_does_not_begin_again(tmp_path: Path) -> None:
    (tmp_path / holdout.FILE).write_text("[{", encoding="utf-8")
    with pytest.raises(ExternalError, match="cannot be read"):
        holdout.count(tmp_path, "september")
