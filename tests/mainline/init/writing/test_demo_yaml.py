"""The script of `make demo` for a table with a time."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path

import pytest

from mainline.config import loader
from mainline.demo import script
from mainline.init.proposal import Proposal
from mainline.init.writing import demo_yaml, params_yaml
from mainline.init.writing.demo_yaml import Played
from tests.mainline.init.writing.proposals import bookings, churn, with_rows
from tests.mainline.init.writing.test_suites import trial_of

pytestmark = pytest.mark.slow


def played(root: Path, proposal: Proposal) -> Played:
    with_rows(root, proposal)
    return demo_yaml.render(proposal, trial_of(proposal, root), params_yaml.render(proposal))


def test_the_script_fits_the_settings_and_spoils_the_table(tmp_path: Path) -> None:
    file = tmp_path / "demo.yaml"
    file.write_text(played(tmp_path, bookings()).text, encoding="utf-8")
    told = script.read(file)
    assert told.spans() == [
        (dt.date(2025, 10, 1), dt.date(2025, 11, 1)),
        (dt.date(2025, 11, 1), dt.date(2025, 12, 1)),
        (dt.date(2025, 12, 1), dt.date(2026, 1, 1)),
    ]
    text = script.edited(params_yaml.render(bookings()), told.settings)
    settings = loader.parse(script.edited(text, told.worse.edits)).settings
    assert (settings.train.params["max_iter"], settings.stage.load_seconds) == (1, 0.5)
    assert told.bad_data
    told.bad_data.spoil(tmp_path, told.bad_data.at)


@pytest.mark.parametrize(
    ("proposal", "why"),
    [
        (churn(), "no time"),
        (
            dataclasses.replace(
                bookings(), settings={**bookings().settings, "compare": {"metric": "roc_auc", "min_rows": 2000}}
            ),
            "too few rows",
        ),
        (
            dataclasses.replace(
                bookings(),
                settings={**bookings().settings, "train": {"estimator": "sklearn.naive_bayes.GaussianNB"}},
            ),
            "write data/demo.yaml for sklearn.naive_bayes.GaussianNB",
        ),
    ],
)
def test_where_there_is_nothing_to_play_it_is_said_why(tmp_path: Path, proposal: Proposal, why: str) -> None:
    found = played(tmp_path, proposal)
    assert found.text == ""
    assert why in found.why
