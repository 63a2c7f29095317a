"""A container of the image as production will run it: read-only, without privileges, with a limit on memory."""

from __future__ import annotations

import contextlib
import datetime as dt
import http.client
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mainline.errors import Refused
from mainline.packaging.engine import Engine

START_SECONDS = 60  # after which a container that does not answer has failed
HARDENED = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--pids-limit=256")


@dataclass(frozen=True)
class Running:
    engine: Engine
    id: str
    host: str
    port: int
    started: float  # when its process started, in seconds since 1970, as the engine reports it

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def ask(self, method: str, path: str, content: Any = None, seconds: float = 60) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=seconds)
        try:
            body = None if content is None else json.dumps(content)
            connection.request(method, path, body, {"content-type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def state(self) -> dict[str, Any]:
        return ((self.engine.container(self.id) or {}).get("State")) or {}

    def last_log_lines(self) -> str:
        """The last lines of its own log."""
        done = self.engine.attempt("logs", "--tail", "5", self.id)
        return " / ".join((done.stdout + done.stderr).strip().splitlines()) or "nothing"

    def memory(self) -> float:
        """Resident memory in millions of bytes, as the engine counts it."""
        text = self.engine.run("stats", "--no-stream", "--format", "{{.MemUsage}}", self.id)
        return megabytes(text.partition("/")[0])


@contextlib.contextmanager
def running(engine: Engine, image: str, memory: int, **variables: str) -> Iterator[Running]:
    """Start it on a free port of the loopback, and remove it at the end.

    Raises
    ------
    Refused
        Where it ends by itself or does not listen in time: with its last log lines.
    """
    call = ["create", *HARDENED, f"--memory={memory}m", "--publish=127.0.0.1::8080"]
    for name, value in variables.items():
        call.append(f"--env={name}={value}")
    name = engine.run(*call, image)
    try:
        engine.run("start", name)
        yield started(engine, name)
    finally:
        engine.attempt("rm", "--force", "--volumes", name)


def started(engine: Engine, name: str) -> Running:
    found = engine.container(name) or {}
    port = engine.attempt("port", name, "8080").stdout.strip().splitlines()
    began = timestamp(str(found["State"]["StartedAt"]))
    host, _, number = port[0].rpartition(":") if port else ("127.0.0.1", "", "0")
    made = Running(engine, name, host, int(number), began)
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        with contextlib.suppress(OSError, http.client.HTTPException):
            if port and made.ask("GET", "/ready", seconds=5)[0] == 200:
                return made
        state = made.state()
        if not state.get("Running"):
            why = "it was killed for its memory" if state.get("OOMKilled") else f"exit status {state.get('ExitCode')}"
            raise Refused(f"the container does not start: {why}. Last log lines: {made.last_log_lines()}")
        time.sleep(0.005)
    raise Refused(f"the container does not answer within {START_SECONDS} s. Last log lines: {made.last_log_lines()}")


def timestamp(text: str) -> float:
    """Of an engine's time: nine decimals are three more than Python reads."""
    whole = re.sub(r"(\.\d{6})\d+", r"\1", text.strip().replace("Z", "+00:00"))
    whole = re.sub(r" ([+-]\d\d)(\d\d) .*$", r"\1:\2", whole)
    return dt.datetime.fromisoformat(whole).timestamp()


def megabytes(text: str) -> float:
    """Of `37.92MiB` or `39.8MB`."""
    found = re.fullmatch(r"([\d.]+)\s*([kKMG]?)(i?)B", text.strip())
    if not found:
        raise ValueError(f"{text!r} is not a size")
    power = " KMG".index(found[2].upper() or " ")
    size: float = float(found[1]) * (1024 if found[3] else 1000) ** power / 1e6
    return size
