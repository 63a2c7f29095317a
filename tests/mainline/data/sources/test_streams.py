from __future__ import annotations

import base64
import datetime as dt
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mainline.config import loader
from mainline.data.collect import from_json, to_json
from mainline.data.messages import Messages
from mainline.data.sources.streams import message, segments
from mainline.errors import ConfigurationError, DataError, ExternalError
from tests.bounds import HANG
from tests.mainline.data.sources.kafka_broker import Broker
from tests.mainline.data.sources.killable import Server, jetstream_at, publish
from tests.servers import free_port, installed
from tests.tables import collected, rows

pytestmark = pytest.mark.slow

START = dt.datetime(2013, 1, 1, tzinfo=dt.UTC)
SOURCE = {"topic": "clicks", "brokers": "$STREAM", "time": "at"}


def click(n: int, **more: Any) -> dict[str, Any]:
    return {"at": f"{START + dt.timedelta(hours=n):%Y-%m-%dT%H:%M:%SZ}", "n": n, "page": f"p{n}", **more}


def millis(n: int) -> int:
    return int((START + dt.timedelta(hours=n)).timestamp() * 1000)


def messages(numbers: range) -> list[tuple[int, int, bytes]]:
    return [(n % 3, millis(n), json.dumps(click(n)).encode()) for n in numbers]


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Broker]:
    pytest.importorskip("confluent_kafka", reason="Kafka's client is not installed: make install GROUPS=kafka")
    started = Broker()
    monkeypatch.setenv("STREAM", started.address)
    yield started
    started.kill()


def numbers(root: Path, **source: Any) -> list[int]:
    return [n for (n,) in rows(collected(root, **{**SOURCE, **source}), "n")]


def state(root: Path) -> dict[str, Any]:
    (file,) = (root / ".cache" / "streams").rglob("offsets.json")
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def test_exactly_the_messages_that_were_sent_are_rows_and_only_new_ones_are_read(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker.produce(messages(range(50)))
    first = collected(tmp_path, **SOURCE)
    assert [n for (n,) in rows(first, "n")] == list(range(50))
    assert first.columns == {"at": "TIMESTAMP WITH TIME ZONE", "n": "BIGINT", "page": "VARCHAR"}
    assert sum(map(int, state(tmp_path)["positions"].values())) == 50
    broker.produce(messages(range(50, 60)))
    assert numbers(tmp_path) == list(range(60))
    assert len(state(tmp_path)["segments"]) == 2, "what was read before is not read again"
    assert numbers(tmp_path, until="2013-01-02") == list(range(24))
    assert collected(tmp_path / "other", **SOURCE).digest == collected(tmp_path, **SOURCE).digest


def test_a_run_that_is_killed_reads_every_message_exactly_once(broker: Broker, tmp_path: Path) -> None:
    broker.produce(messages(range(600)))
    program = f"""
import os, signal, sys
from pathlib import Path
from mainline.data.sources.streams import segments
from tests.tables import collected
segments.ROWS = 100
written = segments.write_text
def killed(path, text):
    if "000000000300" in text and path.name == "offsets.json":
        os.kill(os.getpid(), signal.SIGKILL)  # the segment is whole, and nothing names it
    written(path, text)
segments.write_text = killed
collected(Path(sys.argv[1]), **{SOURCE!r})
"""
    top = Path(__file__).parents[4]
    run = subprocess.run([sys.executable, "-c", program, str(tmp_path)], cwd=top, timeout=HANG, check=False)
    assert run.returncode == -signal.SIGKILL
    assert (state(tmp_path)["messages"], len(list((tmp_path / ".cache").rglob("0*.parquet")))) == (200, 3)
    assert numbers(tmp_path) == list(range(600))


def test_a_broker_that_dies_in_the_middle_is_named_and_the_next_run_goes_on(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(message, "STALL_SECONDS", 3.0)
    monkeypatch.setattr(segments, "ROWS", 100)
    long = [(n % 3, millis(n), json.dumps(click(n, more="x" * 20_000)).encode()) for n in range(300)]
    broker.produce(long)
    # The client must still have to ask when the broker is gone: it may hold few of the messages in advance.
    monkeypatch.setenv("STREAM", json.dumps({"bootstrap.servers": broker.address, **SLOW}))
    taken = segments.Writer.take

    def kill_at(writer: segments.Writer, found: message.Message) -> None:
        taken(writer, found)
        if writer.draft.messages == 150:
            broker.kill()

    with monkeypatch.context() as patched:
        patched.setattr(segments.Writer, "take", kill_at)
        with pytest.raises(ExternalError, match=r"events: topic clicks at STREAM: the broker has gone"):
            collected(tmp_path, **SOURCE)
    read = state(tmp_path)["messages"]
    assert 150 <= read < 300
    with pytest.raises(ExternalError, match="topic clicks at STREAM: the broker cannot be reached"):
        collected(tmp_path, **SOURCE)
    again = Broker()  # with the same log
    try:
        again.produce(long)
        monkeypatch.setenv("STREAM", again.address)
        assert numbers(tmp_path) == list(range(300))
    finally:
        again.kill()


SLOW = {"fetch.message.max.bytes": 50_000, "queued.min.messages": 1, "queued.max.messages.kbytes": 50}


def test_malformed_and_late_messages_are_counted_and_put_aside(
    broker: Broker, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    late = (0, millis(100), json.dumps(click(30)).encode())
    broker.produce([*messages(range(20)), (0, millis(20), b"{broken"), (1, millis(21), b"[1]"), late])
    with pytest.raises(DataError, match=r"2 malformed, 1 late of 23 messages were put aside .* is 0\.01"):
        numbers(tmp_path, late="2 days")
    table = collected(tmp_path, **SOURCE, late="2 days", aside_at_most=0.1)
    assert [n for (n,) in rows(table, "n")] == list(range(20))
    assert "2 malformed, 1 late of 23 messages are no rows; they are put aside in .cache/" in capfd.readouterr().err
    (aside,) = (tmp_path / ".cache").rglob("*-aside.jsonl")
    assert table.messages == Messages(23, 2, 0, 1, str(aside.parent.relative_to(tmp_path)))
    assert from_json(to_json({"events": table})) == {"events": table}, "what another process and a record are given"
    kept = [json.loads(line) for line in aside.read_text().splitlines()]
    assert {base64.b64decode(line["base64"]) for line in kept} == {b"{broken", b"[1]", late[2]}


def test_a_type_that_moved_between_two_messages_is_named(broker: Broker, tmp_path: Path) -> None:
    odd = json.dumps({**click(7), "n": "seven"}).encode()
    broker.produce([*[(0, at, value) for _, at, value in messages(range(7))], (0, millis(7), odd)])
    moved = r"message 7 of partition 0: column n is string, before it was int64; correct the producer, or set `odd: as"
    for _ in range(2):  # the second run goes on where the first stopped
        with pytest.raises(DataError, match=moved):
            collected(tmp_path, **SOURCE)
        assert state(tmp_path)["messages"] == 7
    assert numbers(tmp_path, odd="aside", aside_at_most=0.5) == list(range(7))
    broker.produce([(1, millis(8), json.dumps(click(8, price=1)).encode())])
    broker.produce([(1, millis(9), json.dumps(click(9, price=1.5)).encode())])
    table = collected(tmp_path, **SOURCE, odd="aside", aside_at_most=0.5)
    assert rows(table, "n, price")[-2:] == [(8, 1.0), (9, 1.5)], "a new column is null before"


def test_an_offset_that_the_broker_no_longer_has_is_named(broker: Broker, tmp_path: Path) -> None:
    broker.produce(messages(range(9)))
    collected(tmp_path, **SOURCE)
    (file,) = (tmp_path / ".cache" / "streams").rglob("offsets.json")
    held = json.loads(file.read_text())
    file.write_text(json.dumps({**held, "positions": {**held["positions"], "0": "50"}}))
    with pytest.raises(DataError, match="partition 0 ends at offset 3, 50 was read before: the topic was made again"):
        collected(tmp_path, **SOURCE)
    file.write_text(json.dumps({**held, "positions": {**held["positions"], "0": "-2"}}))
    with pytest.raises(DataError, match="messages -2 to -1 of partition 0 are gone: the broker no longer has them"):
        collected(tmp_path, **SOURCE)


def test_avro_and_protobuf_messages_are_decoded(broker: Broker, tmp_path: Path) -> None:
    import fastavro

    fields = [{"name": "n", "type": "long"}, {"name": "page", "type": ["null", "string"]}]
    moment = {"type": "long", "logicalType": "timestamp-millis"}
    schema = {"type": "record", "name": "Click", "fields": [{"name": "at", "type": moment}, *fields]}
    (tmp_path / "click.avsc").write_text(json.dumps(schema))
    values = []
    for n in range(6):
        body = io.BytesIO()
        fastavro.schemaless_writer(body, fastavro.parse_schema(schema), {"at": START, "n": n, "page": None})
        prefix = b"\0\0\0\0\x07" if n % 2 else b""  # as a schema registry's clients write it
        values.append((0, millis(n), prefix + body.getvalue()))
    broker.produce([*values, (0, millis(9), b"\x01")], topic="avro")
    avro = {"topic": "avro", "format": "avro", "message_schema": "click.avsc", "aside_at_most": 0.2}
    assert numbers(tmp_path, **avro) == list(range(6))

    (tmp_path / "click.desc").write_bytes(descriptor())
    made = protobuf_class()
    broker.produce([(0, millis(n), made(n=n, page=f"p{n}").SerializeToString()) for n in range(6)], topic="proto")
    source = {**SOURCE, "topic": "proto", "format": "protobuf", "message_schema": "click.desc", "message": "shop.Click"}
    table = collected(tmp_path, **{**source, "time": None})
    assert rows(table, "n, page") == [(n, f"p{n}") for n in range(6)]
    with pytest.raises(ConfigurationError, match=r"click\.avsc is no schema for protobuf"):
        collected(tmp_path, **{**source, "message_schema": "click.avsc"})


def descriptor() -> bytes:
    from google.protobuf import descriptor_pb2

    file = descriptor_pb2.FileDescriptorProto(name="click.proto", package="shop", syntax="proto3")
    click = file.message_type.add(name="Click")
    click.field.add(name="n", number=1, type=3, label=1)
    click.field.add(name="page", number=2, type=9, label=1)
    return bytes(descriptor_pb2.FileDescriptorSet(file=[file]).SerializeToString())


def protobuf_class() -> Any:
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    pool = descriptor_pool.DescriptorPool()
    pool.Add(descriptor_pb2.FileDescriptorSet.FromString(descriptor()).file[0])
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("shop.Click"))


def test_a_topic_that_is_not_there_and_a_variable_that_is_not_set_are_named(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STREAM", f"127.0.0.1:{free_port()}")
    monkeypatch.setattr("mainline.data.sources.streams.kafka.CONNECT_SECONDS", 0.5)
    with pytest.raises(ExternalError, match="the broker cannot be reached"):
        collected(tmp_path, **SOURCE)
    monkeypatch.delenv("STREAM")
    with pytest.raises(ConfigurationError, match="the environment variable STREAM is not set"):
        collected(tmp_path, **SOURCE)
    assert not list((tmp_path / ".cache").rglob("*.parquet"))
    for wrong, said in (
        ("{topic: a}", "`topic` and `brokers` must be set together"),
        ("{topic: a, brokers: $B, format: avro}", "need `message_schema`"),
        ("{topic: a, brokers: $B, format: csv}", "format is one of json, avro, protobuf here, not csv"),
        ("{path: a, format: avro}", "format is one of parquet, csv, jsonl here, not avro"),
        ("{topic: a, brokers: 'host:9092'}", "write the name of an environment variable"),
    ):
        text = f"task: binary\ndata:\n  until: 2013-01-01\n  sources:\n    a: {wrong}\n"
        with pytest.raises(ConfigurationError, match=said):
            loader.parse(text)


@pytest.fixture
def jetstream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    server = jetstream_at(tmp_path / "jetstream")
    monkeypatch.setenv("STREAM", f"nats://127.0.0.1:{server.port}")
    yield server
    server.kill()


@pytest.fixture
def redis_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    pytest.importorskip("redis", reason="the client of Redis is not installed: make install GROUPS=redis")
    program = installed("redis-server", lambda: shutil.which("redis-server"))
    port = free_port()
    monkeypatch.setenv("STREAM", f"redis://127.0.0.1:{port}/0")
    (tmp_path / "redis").mkdir()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(tmp_path / "redis"), "--save", ""]
    server = Server([program, *options, "--appendonly", "yes", "--appendfsync", "always"], port)
    yield server
    server.kill()


def sent(numbers: range, purge: int = 0) -> None:
    publish(os.environ["STREAM"], "clicks", (json.dumps(click(n)).encode() for n in numbers), purge)


def add(numbers: range) -> Any:
    import redis

    client = redis.Redis.from_url(os.environ["STREAM"])
    for n in numbers:
        client.xadd("clicks", {"value": json.dumps(click(n))})
    return client


def killed_in_the_middle(server: Server, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server dies after 150 of 2,000 messages; started again, the next run goes on and has every row once."""
    taken = segments.Writer.take

    def kill_at(writer: segments.Writer, found: message.Message) -> None:
        taken(writer, found)
        if writer.draft.messages == 150:
            server.kill()

    with monkeypatch.context() as patched:
        patched.setattr(segments.Writer, "take", kill_at)
        patched.setattr(message, "STALL_SECONDS", 2.0)
        with pytest.raises(ExternalError, match="topic clicks at STREAM: the broker"):
            collected(root, **SOURCE, until="2014-01-01")
    assert 150 <= state(root)["messages"] < 2000
    server.start()
    assert numbers(root, until="2014-01-01") == list(range(2000))


def test_a_jetstream_that_dies_and_comes_back_loses_and_repeats_nothing(
    jetstream: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent(range(2000))
    killed_in_the_middle(jetstream, tmp_path, monkeypatch)
    sent(range(2000, 2010), purge=2006)
    with pytest.raises(DataError, match="messages 2001 to 2005 of partition 0 are gone: the broker no longer has them"):
        collected(tmp_path, **SOURCE, until="2014-01-01")
    with pytest.raises(DataError, match="topic other at STREAM: there is no such stream"):
        collected(tmp_path, **{**SOURCE, "topic": "other"})


def test_a_redis_that_dies_and_comes_back_loses_and_repeats_nothing(
    redis_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(range(2000))
    killed_in_the_middle(redis_server, tmp_path, monkeypatch)
    client = add(range(2000, 2010))
    client.xtrim("clicks", maxlen=3, approximate=False)
    with pytest.raises(DataError, match=r"events: .*: 7 entries behind \S+ are gone: the broker no longer has them"):
        collected(tmp_path, **SOURCE, until="2014-01-01")
    client.delete("clicks")
    with pytest.raises(DataError, match="there is no such stream"):
        collected(tmp_path, **SOURCE)
