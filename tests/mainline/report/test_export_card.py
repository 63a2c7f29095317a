from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from mainline.report import export_card
from tests.exports import Export, make

pytestmark = pytest.mark.slow  # each has a model exported


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Export:
    return make(tmp_path_factory.mktemp("export"))


def few(made: Export) -> Export:
    compare = made.settings.compare.model_copy(update={"resamples": 50})
    return dataclasses.replace(made, settings=made.settings.model_copy(update={"compare": compare}))


def test_the_card_of_a_record_says_what_it_is_worth_on_its_holdout(made: Export, tmp_path: Path) -> None:
    given = few(made)
    review = export_card.measured(given.settings, made.record, made.frame, tmp_path)
    text = export_card.of_record(given.settings, made.record, made.frame, "7", tmp_path)
    area = next(metric for metric in review.metrics if metric.name == "roc_auc")
    assert 0.6 < area.candidate.value < 1
    assert f"| roc_auc | {area.candidate.value:.4f} | [" in text
    assert f"| model, SHA-256 | `{made.record.digest}` |" in text
    assert f"- holdout: {made.record.facts.rows['holdout']:,} rows" in text


def test_it_is_the_same_whenever_it_is_written(made: Export, tmp_path: Path) -> None:
    given = few(made)
    slower = dataclasses.replace(
        made.record.facts, model=dataclasses.replace(made.record.facts.model, seconds=99.0), created="2031-01-01"
    )
    again = dataclasses.replace(made.record, facts=slower)
    first, second = (
        export_card.of_record(given.settings, one, made.frame, "7", tmp_path) for one in (made.record, again)
    )
    assert first == second


def test_a_holdout_too_small_to_measure_leaves_the_metrics_out(made: Export, tmp_path: Path) -> None:
    compare = made.settings.compare.model_copy(update={"min_rows": 10**6})
    settings = made.settings.model_copy(update={"compare": compare})
    text = export_card.of_record(settings, made.record, made.frame, "7", tmp_path)
    assert "| roc_auc |" not in text
