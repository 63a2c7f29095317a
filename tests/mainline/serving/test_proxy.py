"""The door: connections go where it points when they begin, and what has begun ends where it began."""

from __future__ import annotations

import contextlib
import http.client
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mainline.serving import proxy
from tests.bounds import HANG
from tests.projects import TOP
from tests.servers import free_port


class Named(BaseHTTPRequestHandler):
    """Says which server it is, over connections that are kept."""

    protocol_version = "HTTP/1.1"
    name = ""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-length", str(len(self.name)))
        self.end_headers()
        self.wfile.write(self.name.encode())

    def log_message(self, *arguments: object) -> None:
        pass


@contextlib.contextmanager
def named(name: str) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Named", (Named,), {"name": name}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[int]:
    """A door in a process of its own: its port."""
    port = free_port()
    environment = {**os.environ, "MAINLINE_PORT": str(port), "MAINLINE_HOST": "127.0.0.1"}
    environment |= {"MAINLINE_DOOR_FILE": str(tmp_path / "backend"), "PYTHONPATH": str(TOP / "src")}
    process = subprocess.Popen([sys.executable, "-m", "mainline.serving.proxy"], env=environment)
    try:
        until = time.monotonic() + HANG
        while time.monotonic() < until:
            with contextlib.suppress(OSError):
                http.client.HTTPConnection("127.0.0.1", port, timeout=HANG).connect()
                break
        yield port
    finally:
        process.terminate()
        assert process.wait(HANG) == 0


def ask(connection: http.client.HTTPConnection) -> str:
    connection.request("GET", "/")
    return connection.getresponse().read().decode()


@pytest.mark.slow
def test_new_connections_go_to_the_new_place_and_old_ones_stay(opened: int, tmp_path: Path) -> None:
    with named("old") as old, named("new") as new:
        proxy.point(old, tmp_path / "backend")
        kept = http.client.HTTPConnection("127.0.0.1", opened, timeout=HANG)
        assert ask(kept) == "old"
        proxy.point(new, tmp_path / "backend")
        fresh = http.client.HTTPConnection("127.0.0.1", opened, timeout=HANG)
        assert (ask(fresh), ask(kept)) == ("new", "old")
        for connection in (kept, fresh):
            connection.close()


@pytest.mark.slow
def test_a_connection_waits_for_a_place_that_is_not_there_yet(opened: int, tmp_path: Path) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", opened, timeout=HANG)
    connection.request("GET", "/")
    with named("late") as late:
        proxy.point(late, tmp_path / "backend")
        assert connection.getresponse().read() == b"late"
        connection.close()


def test_it_says_where_it_points(tmp_path: Path) -> None:
    assert proxy.where(tmp_path / "backend") is None
    proxy.point("somewhere:1", tmp_path / "backend")
    assert proxy.where(tmp_path / "backend") == "somewhere:1"
