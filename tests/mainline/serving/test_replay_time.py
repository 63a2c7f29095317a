"""A rehearsal's clock: heard where it was asked for, and nowhere else."""

from __future__ import annotations

import datetime as dt
import json
import time
from pathlib import Path

import pytest

from tests.exports import Export
from tests.mainline.serving.conftest import Server, started
from tests.mainline.serving.test_server import ROW, records

JULY = "2013-07-01T08:00:00-04:00"
LATER = "2013-07-02T12:00:00Z"


def times(folder: Path, kind: str) -> list[dt.datetime]:
    """What the log says each request of a kind was received at."""
    lines = [line for path in folder.glob(f"{kind}-*") for line in path.read_text().splitlines()[1:]]
    return [dt.datetime.fromtimestamp(json.loads(line)["time"], dt.UTC) for line in lines]


def asked(server: Server) -> None:
    assert server.post(records(ROW), x_replay_time=JULY, x_request_id="a").status == 200
    assert server.label({"id": "a", "label": True}, x_replay_time=LATER).status == 200


@pytest.mark.slow
def test_in_a_rehearsal_a_request_says_its_time(binary: Export, tmp_path: Path) -> None:
    with started(binary.folder, LOG=tmp_path / "log", REPLAY=1) as server:
        asked(server)
        assert server.post(records(ROW)).status == 200
        server.stop()
    logged = times(tmp_path / "log", "predictions")
    assert logged == [dt.datetime(2013, 7, 1, 12, tzinfo=dt.UTC)], "a request without a time is not part of the replay"
    assert times(tmp_path / "log", "feedback") == [dt.datetime(2013, 7, 2, 12, tzinfo=dt.UTC)]


@pytest.mark.slow
def test_without_the_variable_the_header_is_ignored(binary: Export, tmp_path: Path) -> None:
    begun = time.time()
    with started(binary.folder, LOG=tmp_path / "log") as server:
        asked(server)
        assert server.post(records(ROW), x_replay_time="not a time").status == 200
        server.stop()
    found = times(tmp_path / "log", "predictions") + times(tmp_path / "log", "feedback")
    assert len(found) == 3
    assert all(begun - 1 <= moment.timestamp() <= time.time() for moment in found)


@pytest.mark.slow
@pytest.mark.parametrize("given", ["yesterday", "2013-07-01T08:00:00", "2013-07-01", ""])
def test_a_time_that_is_none_is_refused(binary: Export, tmp_path: Path, given: str) -> None:
    with started(binary.folder, LOG=tmp_path / "log", REPLAY=1) as server:
        answer = server.post(records(ROW), x_replay_time=given)
        assert answer.status == 400
        assert "a time with its zone such as 2013-07-01T12:00:00Z is needed" in answer.message
