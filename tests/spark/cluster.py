"""A standalone Spark cluster on the loopback: a master, workers that can be killed, and a Spark Connect server."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyspark

from tests.bounds import happens
from tests.servers import free_port

HOME = Path(pyspark.__file__).parent
MEMORY = "700m"  # of an executor


WORKERS = ("worker-0", "worker-1")
LOOPBACK = ("--host", "127.0.0.1", "--port")


@dataclass
class Cluster:
    """Its folder (with a log a process), the ports of master and Connect, and the processes by name."""

    folder: Path
    master: int
    connect: int
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"sc://127.0.0.1:{self.connect}"

    def complete(self) -> None:
        """Start what is not running, side by side, and wait for it."""
        missing = {*WORKERS, "connect"} - self.processes.keys()
        for name in missing:
            self.start_server() if name == "connect" else self.start_worker(name)
        for name in missing:
            self.says(name, "Connect server started at" if name == "connect" else "Successfully registered with master")

    def start_worker(self, name: str) -> None:
        own = ("--webui-port", "0", "--cores", "1", "--memory", "1g", f"spark://127.0.0.1:{self.master}")
        self.start(name, "deploy.worker.Worker", *LOOPBACK, "0", *own)

    def start_server(self) -> None:
        settings = {
            "spark.executor.memory": MEMORY,
            "spark.executor.cores": "1",
            "spark.driver.host": "127.0.0.1",
            "spark.connect.grpc.binding.address": "127.0.0.1",
            "spark.connect.grpc.binding.port": str(self.connect),
            "spark.sql.shuffle.partitions": "4",
            "spark.ui.enabled": "false",
            "spark.scheduler.minRegisteredResourcesRatio": "1.0",  # both workers have a share
            "spark.sql.warehouse.dir": str(self.folder / "warehouse"),
        }
        self.start(
            "connect", "deploy.SparkSubmit", "--master", f"spark://127.0.0.1:{self.master}",
            "--class", "org.apache.spark.sql.connect.service.SparkConnectServer",
            *(part for name, value in settings.items() for part in ("--conf", f"{name}={value}")), "spark-internal",
        )  # fmt: skip

    def kill(self, name: str) -> None:
        """Kill a process and what it has started: a worker with its executors."""
        process = self.processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def shuffled(self) -> list[Path]:
        """What the executors have written for each other."""
        return [path for name in WORKERS for path in (self.folder / name).glob("**/shuffle_*.data")]

    def signal(self, name: str, what: signal.Signals) -> None:
        os.killpg(self.processes[name].pid, what)

    def log(self, name: str) -> str:
        path = self.folder / f"{name}.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def says(self, name: str, words: str) -> None:
        """Wait for the words in the log of a process, as long as it lives."""
        process = self.processes[name]
        happens(lambda: words in self.log(name) or process.poll() is not None)
        assert words in self.log(name), self.log(name)[-3000:]

    def start(self, name: str, program: str, *arguments: str) -> None:
        """Start a process of Spark in a group of its own."""
        environment = {
            **os.environ,
            "SPARK_HOME": str(HOME),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_WORKER_DIR": str(self.folder / name),
            "SPARK_LOCAL_DIRS": str(self.folder / name),
            "SPARK_NO_DAEMONIZE": "1",
            "PYSPARK_PYTHON": sys.executable,
            "SPARK_DAEMON_MEMORY": "700m",
        }
        with open(self.folder / f"{name}.log", "wb") as log:
            self.processes[name] = subprocess.Popen(
                [str(HOME / "bin" / "spark-class"), f"org.apache.spark.{program}", *arguments],
                cwd=self.folder, env=environment, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def stop(self) -> None:
        for name in list(self.processes):
            with contextlib.suppress(ProcessLookupError):
                self.kill(name)


@contextlib.contextmanager
def started() -> Iterator[Cluster]:
    """A cluster that takes queries, with two workers of one core; it ends with the block."""
    folder = Path(tempfile.mkdtemp(prefix="mainline-spark-"))
    cluster = Cluster(folder, free_port(), free_port())
    try:
        cluster.start("master", "deploy.master.Master", *LOOPBACK, str(cluster.master), "--webui-port", "0")
        cluster.says("master", "I have been elected leader")
        cluster.complete()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)
