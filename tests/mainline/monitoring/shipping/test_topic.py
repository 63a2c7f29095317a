"""The log by way of a Kafka topic: shipped as messages, and read by the monitor as the files that they were."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from mainline.errors import ConfigurationError, ExternalError
from mainline.monitoring.prediction_log import located
from mainline.monitoring.shipping import destination, ship, topic
from mainline.monitoring.shipping.destination import Folder
from tests.exports import Export
from tests.mainline.data.sources.kafka_broker import Broker
from tests.mainline.monitoring.shipping.test_ship import fill

pytestmark = pytest.mark.slow

LOG = "kafka://$BROKERS/shop-log"


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Broker]:
    pytest.importorskip("confluent_kafka", reason="Kafka's client is not installed: make install GROUPS=kafka")
    started = Broker()
    monkeypatch.setenv("BROKERS", started.address)
    yield started
    started.kill()


def rows(paths: list[Path]) -> list[dict[str, object]]:
    return [row for path in paths for row in pq.read_table(path).to_pylist()]


def test_what_is_shipped_to_a_topic_is_read_from_it_row_by_row(binary: Export, broker: Broker, tmp_path: Path) -> None:
    fill(binary, tmp_path / "spool", ["a", "b"])
    fill(binary, tmp_path / "spool", ["c"])
    (tmp_path / "again").mkdir()
    for path in (tmp_path / "spool").iterdir():
        (tmp_path / "again" / path.name).write_bytes(path.read_bytes())
    ship.ship_once(tmp_path / "again", Folder(tmp_path / "folder"))
    for path in (tmp_path / "spool").iterdir():
        (tmp_path / "again" / path.name).write_bytes(path.read_bytes())

    assert (
        str(ship.ship_once(tmp_path / "spool", destination.at(LOG, tmp_path))) == "3 requests and 0 labels in 2 files"
    )
    assert not list((tmp_path / "spool").iterdir())
    ship.ship_once(tmp_path / "again", destination.at(LOG, tmp_path))  # as after a kill between landing and removing
    read = located(LOG, "predictions", tmp_path, tmp_path / "cache")
    expected = sorted((tmp_path / "folder" / "predictions").iterdir())
    assert rows(read) == rows(expected)
    assert [pq.read_schema(path) for path in read] == [pq.read_schema(path) for path in expected]
    assert located(LOG, "feedback", tmp_path, tmp_path / "cache") == []

    fill(binary, tmp_path / "spool", ["d"])
    ship.ship_once(tmp_path / "spool", destination.at(LOG, tmp_path))
    read = located(LOG, "predictions", tmp_path, tmp_path / "cache")
    assert [row["_request"] for row in rows(read)] == ["a", "b", "c", "d"]


def test_a_file_of_which_a_row_is_missing_is_not_read_and_that_is_said(
    binary: Export, broker: Broker, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    fill(binary, tmp_path / "spool", ["a", "b"])
    ship.ship_once(tmp_path / "spool", Folder(tmp_path / "folder"))
    (file,) = (tmp_path / "folder" / "predictions").iterdir()
    sent = list(topic.messages_of(file, "predictions/one.parquet"))
    first, rest = sent[:2], sent[2:]
    broker.produce([(0, 1, json.dumps(each).encode()) for each in first] + [(0, 1, b"stray")], topic="shop-log")
    assert located(LOG, "predictions", tmp_path, tmp_path / "cache") == []
    said = capfd.readouterr().err
    assert "topic shop-log at BROKERS: 1 of 1 files of predictions not read, because rows are missing" in said
    assert "/cache/log-topic/" in said and ": 1 message that no shipper sent" in said
    broker.produce([(0, 1, json.dumps(each).encode()) for each in rest], topic="shop-log")
    assert rows(located(LOG, "predictions", tmp_path, tmp_path / "cache")) == rows([file])
    assert "rows are missing" not in capfd.readouterr().err


def test_while_the_broker_is_away_the_files_stay_in_the_spool(
    binary: Export, broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(binary, tmp_path / "spool", ["a"])
    monkeypatch.setattr(topic, "DELIVERY_SECONDS", 0.5)
    to = destination.at(LOG, tmp_path)
    broker.kill()
    with pytest.raises(ExternalError, match=r"monitor\.log: topic shop-log at BROKERS cannot be written"):
        ship.ship_once(tmp_path / "spool", to)
    assert len(list((tmp_path / "spool").iterdir())) == 1
    again = Broker()
    try:
        monkeypatch.setenv("BROKERS", again.address)
        monkeypatch.setattr(topic, "DELIVERY_SECONDS", 30.0)
        ship.ship_once(tmp_path / "spool", destination.at(LOG, tmp_path))
        assert len(rows(located(LOG, "predictions", tmp_path, tmp_path / "cache"))) == 1
    finally:
        again.kill()


def test_an_address_with_the_brokers_in_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"a topic is written kafka://\$BROKERS/topic"):
        destination.at("kafka://host:9092/log", tmp_path)
    with pytest.raises(ConfigurationError, match="the environment variable NOT_SET_HERE is not set"):
        destination.at("kafka://$NOT_SET_HERE/log", tmp_path)
