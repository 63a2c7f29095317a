"""Brokers with their log on the disk, which can be killed and started again: NATS JetStream and Redis."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.bounds import HANG, happens
from tests.servers import free_port


class Server:
    """A real server on a port of the loopback."""

    def __init__(self, command: list[str], port: int) -> None:
        self.command, self.port = command, port
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def listens() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.port)) == 0

        assert happens(listens)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(HANG)


def jetstream_at(folder: Path) -> Server:
    """NATS with JetStream, its log in the folder; the test is skipped where it is not installed."""
    pytest.importorskip("nats", reason="the client of NATS is not installed: make install GROUPS=nats")
    program = Path(sys.executable).with_name("nats-server")
    if not program.exists():
        pytest.skip("nats-server is not installed: make tools")
    port = free_port()
    return Server([str(program), "-js", "-a", "127.0.0.1", "-p", str(port), "-sd", str(folder)], port)


def publish(address: str, stream: str, values: Iterable[bytes], purge: int = 0) -> None:
    """Send messages to a stream of the NATS server; with `purge`, drop those before that sequence."""
    import nats

    async def send() -> None:
        client = await nats.connect(address)
        jetstream = client.jetstream()
        await jetstream.add_stream(name=stream, subjects=[f"{stream}.>"])
        for value in values:
            await jetstream.publish(f"{stream}.web", value)
        if purge:
            await jetstream.purge_stream(stream, seq=purge)
        await client.close()

    asyncio.run(send())
