from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.bounds import HANG
from tests.exports import Export, make
from tests.projects import TOP
from tests.servers import free_port


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def predictions(self) -> Any:
        assert self.status == 200, self.body
        return self.json["predictions"]

    @property
    def message(self) -> str:
        return str(self.json["message"])


@dataclass
class Server:
    """A real server in a process of its own."""

    process: subprocess.Popen[str]
    port: int
    connections: list[http.client.HTTPConnection] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def connect(self) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=HANG)
        self.connections.append(connection)
        return connection

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        connection = self.connect()
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body=body, headers=sent)
        response = connection.getresponse()
        answer = Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        connection.close()
        return answer

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, **headers)

    def post(self, content: Any, kind: str = "application/json", **headers: str) -> Answer:
        """POST to /invocations: bytes as they are, anything else as JSON."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        return self.ask("POST", "/invocations", body, content_type=kind, **headers)

    def label(self, content: Any, **headers: str) -> Answer:
        """POST to /feedback: bytes as they are, anything else as JSON."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        return self.ask("POST", "/feedback", body, content_type="application/json", **headers)

    def metric(self, name: str) -> float:
        """A sample of /metrics by its name with labels; 0 where it is not there."""
        lines = self.get("/metrics").body.decode().splitlines()
        return next((float(line.rpartition(" ")[2]) for line in lines if line.rpartition(" ")[0] == name), 0.0)

    def stop(self, number: int = signal.SIGTERM) -> str:
        """End it by a signal and return what it said."""
        self.process.send_signal(number)
        return self.process.communicate(timeout=HANG)[1]


@contextlib.contextmanager
def started(folder: Path, program: str | None = None, **variables: Any) -> Iterator[Server]:
    """A server of an exported model; `variables` are MAINLINE_* without their prefix."""
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAINLINE_")}
    environment |= {f"MAINLINE_{name}": str(value) for name, value in variables.items()}
    environment |= {"MAINLINE_MODEL": str(folder), "MAINLINE_PORT": str(port), "PYTHONPATH": str(TOP / "src")}
    words = ["-m", "mainline.serving"] if program is None else ["-c", program]
    process = subprocess.Popen([sys.executable, *words], env=environment, stderr=subprocess.PIPE, text=True)
    server = Server(process, port)
    try:
        until = time.monotonic() + HANG
        while True:
            with contextlib.suppress(OSError):
                if server.get("/ready").status == 200:
                    break
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < until, "the server did not get ready"
        yield server
    finally:
        for connection in server.connections:
            connection.close()
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture(scope="session")
def binary(tmp_path_factory: pytest.TempPathFactory) -> Export:
    return make(tmp_path_factory.mktemp("binary"), version="3")


@pytest.fixture(scope="session")
def multiclass(tmp_path_factory: pytest.TempPathFactory) -> Export:
    return make(tmp_path_factory.mktemp("multiclass"), "multiclass")


@pytest.fixture(scope="session")
def regression(tmp_path_factory: pytest.TempPathFactory) -> Export:
    return make(tmp_path_factory.mktemp("regression"), "regression")


@pytest.fixture(scope="session")
def unconverted(tmp_path_factory: pytest.TempPathFactory) -> Export:
    """A model that is served as the fitted pipeline it is."""
    return make(
        tmp_path_factory.mktemp("unconverted"),
        estimator_params="{max_iter: 20, early_stopping: false, categorical_features: [0, 1]}",
    )


@pytest.fixture(scope="session")
def server(binary: Export) -> Iterator[Server]:
    """One server of the binary model for every test that only asks."""
    with started(binary.folder, MAX_ROWS=2000, MAX_BODY_BYTES=400_000) as running:
        yield running
