"""SIGTERM loses no request: neither those under way nor those of clients that have not heard of it yet."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from pathlib import Path

import pytest

from tests.bounds import HANG
from tests.exports import Export
from tests.mainline.serving.conftest import Server, started
from tests.mainline.serving.test_server import ROW, records

ONE = json.dumps(records(ROW)).encode()


class Client(threading.Thread):
    """Asks over one kept connection until it is told to close it, as a balancer's pool does."""

    def __init__(self, server: Server, name: str, body: bytes, first: threading.Semaphore) -> None:
        super().__init__(name=name)
        self.server, self.body, self.first = server, body, first
        self.sent: list[str] = []
        self.answered: list[str] = []
        self.error: Exception | None = None

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=HANG)
        try:
            while True:
                request = f"{self.name}-{len(self.sent)}"
                self.sent.append(request)
                headers = {"content-type": "application/json", "x-request-id": request}
                connection.request("POST", "/invocations", self.body, headers)
                response = connection.getresponse()
                assert len(json.loads(response.read())["predictions"]) >= 1
                self.answered.append(response.headers["x-request-id"])
                self.first.release()
                if response.headers.get("connection") == "close":
                    return
        except Exception as error:
            self.error = error
        finally:
            self.first.release()
            connection.close()


def load(server: Server, count: int, body: bytes) -> list[Client]:
    """Clients of which each has had an answer."""
    first = threading.Semaphore(0)
    clients = [Client(server, f"client{i}", body, first) for i in range(count)]
    for client in clients:
        client.start()
    for _ in range(3 * count):
        first.acquire(timeout=HANG)
    return clients


@pytest.mark.slow
@pytest.mark.parametrize(("body", "seconds"), [(ONE, 1), (json.dumps(records(*[ROW] * 2000)).encode(), 2)])
def test_sigterm_under_load_loses_no_request_and_each_is_logged_once(
    binary: Export, tmp_path: Path, body: bytes, seconds: int
) -> None:
    with started(binary.folder, DRAIN_SECONDS=seconds, LOG=tmp_path / "log") as server:
        clients = load(server, 8, body)
        said = server.stop()
        for client in clients:
            client.join(timeout=HANG)
        assert server.process.returncode == 0, said
    assert [client.error for client in clients] == [None] * 8
    assert all(client.sent == client.answered for client in clients)
    (file,) = (tmp_path / "log").iterdir()
    assert file.suffix == ".jsonl"
    logged = [json.loads(line)["id"] for line in file.read_text().splitlines()[1:]]
    assert sorted(logged) == sorted(request for client in clients for request in client.sent)


@pytest.mark.slow
def test_a_request_under_way_is_answered_although_nothing_is_drained(binary: Export) -> None:
    body = json.dumps(records(*[ROW] * 9000)).encode()
    with started(binary.folder) as server:
        connections = [server.connect() for _ in range(6)]
        for connection in connections:
            connection.request("POST", "/invocations", body, {"content-type": "application/json"})
        # One answer shows that the others' bodies, sent before, are in the server too.
        first = connections[-1].getresponse()
        assert len(json.loads(first.read())["predictions"]) == 9000
        server.process.terminate()
        for connection in connections[:-1]:
            assert len(json.loads(connection.getresponse().read())["predictions"]) == 9000
        assert server.process.wait(timeout=HANG) == 0


@pytest.mark.slow
def test_while_it_drains_it_is_not_ready_but_answers(binary: Export) -> None:
    with started(binary.folder, DRAIN_SECONDS=10 * HANG) as server:
        server.process.terminate()
        while server.get("/ready").status == 200:
            pass
        answer = server.post(records(ROW))
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert server.get("/ready").headers["retry-after"] == "1"
        assert server.get("/ping").status == 200
        # A second signal ends the waiting.
        server.process.terminate()
        assert server.process.wait(timeout=HANG) == 0


@pytest.mark.slow
def test_an_idle_connection_does_not_hold_the_server(binary: Export) -> None:
    with started(binary.folder) as server:
        idle = server.connect()
        idle.request("GET", "/ping")
        idle.getresponse().read()
        server.process.terminate()
        assert server.process.wait(timeout=HANG) == 0


def patched(name: str, value: int) -> str:
    return f"import sys\nfrom mainline.serving import server\nserver.{name} = {value}\nsys.exit(server.main())"


@pytest.mark.slow
def test_a_client_that_never_says_all_of_its_head_does_not_hold_the_server(binary: Export) -> None:
    with started(binary.folder, program=patched("STOP_SECONDS", 1)) as server, connected(server) as client:
        client.sendall(b"GET /ping HTTP/1.1\r\nho")
        server.get("/ping")  # answered after the other's bytes were read
        assert "a client is still connected after 1 s: stopping anyway" in server.stop()
        assert server.process.returncode == 0


@pytest.mark.slow
def test_a_client_that_says_nothing_is_not_waited_for(binary: Export) -> None:
    with started(binary.folder, program=patched("IDLE_SECONDS", 1)) as server:
        for sent in (b"", b"P"):
            with connected(server) as client:
                client.sendall(sent)
                assert not client.recv(1000)


@pytest.mark.slow
def test_http_2_is_not_spoken_and_whoever_begins_it_is_told(binary: Export) -> None:
    with started(binary.folder) as server, connected(server) as client:
        client.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        assert client.recv(1000)[:12] in (b"", b"HTTP/1.1 400")


def connected(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=HANG)
