"""The past as requests, to a real server in a rehearsal."""

from __future__ import annotations

import datetime as dt
import itertools
import json
from pathlib import Path

import pandas as pd
import pytest

from mainline.config.schema import Settings
from mainline.demo import measure, replay
from mainline.errors import ExternalError
from mainline.serving import scorer
from tests.exports import Export, make
from tests.mainline.serving.conftest import started

pytestmark = pytest.mark.slow  # each has a model exported

START, END = (dt.datetime(2026, 3, day, tzinfo=dt.UTC) for day in (1, 4))


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Export:
    return make(tmp_path_factory.mktemp("replay"))


@pytest.fixture(scope="module")
def settings(export: Export) -> Settings:
    """The model's, with a time."""
    prepare = export.settings.prepare.model_copy(update={"time": "at"})
    return export.settings.model_copy(update={"prepare": prepare})


@pytest.fixture(scope="module")
def frame(export: Export, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A visit every half hour for four days; of every tenth it is not known whether it ended in a purchase."""
    rows = pd.read_parquet(export.frame).head(192).copy()
    rows["at"] = [START + dt.timedelta(minutes=30 * number) for number in range(len(rows))]
    rows["bought"] = rows["bought"].astype(object).where(rows.index % 10 != 0, None).astype("boolean")
    file = tmp_path_factory.mktemp("frame") / "frame.parquet"
    rows.to_parquet(file)
    return file


def test_an_hours_rows_are_a_request_and_a_days_labels_follow_on_the_next_day(
    frame: Path, settings: Settings, export: Export
) -> None:
    sent = list(replay.batches(frame, settings, export.signature, START, END))
    asked = [batch for batch in sent if batch.path == "/invocations"]
    assert len(asked) == 72
    assert [batch.time for batch in asked] == [START + dt.timedelta(hours=hour) for hour in range(72)]
    first = asked[0].content["dataframe_records"]
    assert len(first) == 2
    assert set(first[0]) == {"visit", *export.signature.names}
    told = [batch for batch in sent if batch.path == "/feedback"]
    assert [batch.time for batch in told] == [START + dt.timedelta(hours=47 + 24 * day) for day in range(3)]
    assert sent.index(told[0]) == 48, "the first day's labels come behind the second day's requests"
    known = pd.read_parquet(frame).query("at < @END")
    assert sum(len(batch.content) for batch in told) == known["bought"].notna().sum() < len(known)


def test_what_was_served_and_what_the_frozen_model_says_are_of_the_same_rows(
    frame: Path, settings: Settings, export: Export, tmp_path: Path
) -> None:
    frozen = scorer.load(export.signature, export.folder)
    with started(export.folder, LOG=tmp_path / "log", REPLAY=1) as server:
        sent = replay.batches(frame, settings, export.signature, START, END)
        found = replay.play(server.port, sent, export.signature, frozen)
        server.stop()
    assert found.rows == 144
    assert found.labels_sent == len(found.labels) < 144
    assert found.served == found.frozen, "it is the same model"
    month = measure.measured(settings, export.signature.classes, "March", "1", found)
    assert month.metric
    assert month.metric.delta
    assert month.metric.delta.value == 0
    assert month.metric.candidate.value > 0.6
    lines = itertools.chain.from_iterable(
        path.read_text().splitlines()[1:] for path in (tmp_path / "log").glob("predictions-*")
    )
    assert min(json.loads(line)["time"] for line in lines) == START.timestamp()


def test_a_request_that_is_refused_ends_the_replay_with_the_servers_words(
    frame: Path, settings: Settings, export: Export
) -> None:
    frozen = scorer.load(export.signature, export.folder)
    sent = replay.batches(frame, settings, export.signature, START, END)
    refused = pytest.raises(ExternalError, match=r"/feedback returned status 404: .*log")
    with started(export.folder, REPLAY=1) as server, refused:
        replay.play(server.port, sent, export.signature, frozen)
