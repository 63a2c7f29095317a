"""The service of the demo: a container or, without a container engine, a process."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mainline.demo.scratch import Scratch
from mainline.errors import ExternalError
from mainline.packaging.container_commands import python_module
from mainline.packaging.engine import Engine
from mainline.runtime.parent import die_with_parent, ending_with_parent

READY_SECONDS = 60
FINISH_SECONDS = 60


@dataclass
class Service:
    """The common part: an address, and releases of the clone."""

    scratch: Scratch
    folder: Path
    port: int
    version: str = ""

    def release(self) -> int:
        """Promote the clone's commit; return the exit status."""
        raise NotImplementedError

    def rollback(self) -> None:
        raise NotImplementedError

    def ship(self) -> str:
        """Ship the log to the clone's `monitor.log`; return the output of the command."""
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    @property
    def spool(self) -> Path:
        return self.folder / "spool"

    def model(self, version: str) -> Path:
        """The export of a version."""
        return self.folder / "models" / version

    def ask(self, method: str, path: str) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path)
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def answering(self) -> str:
        return str(self.ask("GET", "/version")["version"])

    def promoted(self, target: str) -> int:
        result = self.scratch.call("promote", "--target", target, check=(0, 1))
        if result.status == 0:
            released = json.loads((self.scratch.reports / "release.json").read_text(encoding="utf-8"))
            self.version = str(released["version"])
        return result.status


@dataclass
class Containers(Service):
    """`name` is the prefix of all its containers, its network and its volumes."""

    engine: Engine = field(default_factory=lambda: Engine("docker"))
    name: str = "mainline-demo"

    def __post_init__(self) -> None:
        self.close()  # the remains of a killed demo
        self.scratch.variables |= {
            "MAINLINE_SERVICE": self.name,
            "MAINLINE_PUBLISH": f"127.0.0.1:{self.port}",
            "MAINLINE_REPLAY": "1",
            "MAINLINE_LOG_FILE_SECONDS": "1",
        }

    def release(self) -> int:
        status = self.promoted("docker")
        if status == 0:
            shutil.copytree(self.scratch.state / "model", self.model(self.version), dirs_exist_ok=True)
        return status

    def rollback(self) -> None:
        self.scratch.call("rollback", "--target", "docker")
        self.version = self.answering()

    def ship(self) -> str:
        """Every file in the volume lands under its own name; files that were shipped before are skipped."""
        behind = self.engine.run("exec", f"{self.name}-door", *python_module("mainline.serving.proxy", "where"))
        until = time.monotonic() + FINISH_SECONDS
        while True:
            shutil.rmtree(self.spool, ignore_errors=True)
            self.spool.mkdir(parents=True)
            self.engine.run("cp", f"{behind}:/state/predictions/.", str(self.spool))
            if not list(self.spool.glob("*.part")):
                break
            if time.monotonic() > until:
                raise ExternalError(f"the server did not finish its log within {FINISH_SECONDS} s")
            time.sleep(0.3)
        done = self.folder / "shipped"
        done.mkdir(exist_ok=True)
        for file in self.spool.iterdir():
            if (done / file.name).exists():
                file.unlink()
        names = [file.name for file in self.spool.iterdir()]
        summary = self.scratch.call("ship", "--spool", str(self.spool)).out.strip()
        for name in names:
            (done / name).touch()
        return summary

    def close(self) -> None:
        found = self.engine.attempt("ps", "--all", "--filter", f"name=^{self.name}-", "--format", "{{.ID}}")
        for container in found.stdout.split():
            self.engine.attempt("rm", "--force", container)
        self.engine.attempt("network", "rm", self.name)
        self.engine.attempt("volume", "rm", f"{self.name}-log", f"{self.name}-door")


@dataclass
class Process(Service):
    """The exported model behind `mainline serve`."""

    process: subprocess.Popen[bytes] | None = None

    def release(self) -> int:
        status = self.promoted("none")
        if status == 0:
            folder = self.model(self.version)
            self.scratch.call("export", "--to", str(folder), "--version", self.version)
            self.serve(folder)
        return status

    def rollback(self) -> None:
        result = self.scratch.call("rollback")
        self.version = result.line("version").split()[1]
        self.serve(self.model(self.version))

    def serve(self, folder: Path) -> None:
        self.close()
        variables = {"MODEL": folder, "PORT": self.port, "LOG": self.spool, "LOG_FILE_SECONDS": 1, "REPLAY": 1}
        environment = self.scratch.environment() | {f"MAINLINE_{name}": str(v) for name, v in variables.items()}
        with (self.folder / "server.txt").open("ab") as log:
            self.process = subprocess.Popen(
                ending_with_parent([sys.executable, "-m", "mainline.serving"]), cwd=self.scratch.root, env=environment,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, preexec_fn=die_with_parent,
            )  # fmt: skip
        until = time.monotonic() + READY_SECONDS
        while self.process.poll() is None and time.monotonic() < until:
            with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
                if self.ask("GET", "/ready")["status"] == "ready":
                    return
            time.sleep(0.02)
        raise ExternalError(f"the server did not become ready: {(self.folder / 'server.txt').read_text()[-500:]}")

    def ship(self) -> str:
        until = time.monotonic() + FINISH_SECONDS
        while list(self.spool.glob("*.part")):
            if time.monotonic() > until:
                raise ExternalError(f"the server did not finish its log within {FINISH_SECONDS} s")
            time.sleep(0.1)
        return self.scratch.call("ship", "--spool", str(self.spool)).out.strip()

    def close(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def name_of(folder: Path) -> str:
    """A name for the containers of the demo in this folder, different for each checkout."""
    import hashlib

    return f"mainline-demo-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:8]}"
