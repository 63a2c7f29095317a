"""The Spark session: by Spark Connect where `SPARK_REMOTE` says so, else on this machine."""

from __future__ import annotations

import functools
import logging
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mainline.config import frameworks
from mainline.config.schema import Settings
from mainline.errors import ConfigurationError, DataError, ExternalError, MainlineError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

REMOTE = "SPARK_REMOTE"
PORT = 15002  # Spark Connect's own
PATIENCE = 10.0  # seconds until a server that does not take the connection counts as absent
RETRIES = 7  # about 20 seconds for a network that is away for a moment; by default 10 minutes
JAVA = 17
OLDEST = (4, 0)  # before it, a division by zero and a value that cannot be converted were null

# What results depend on. `data.spark.conf` may set none of them.
FIXED: Mapping[str, str] = {
    "spark.sql.ansi.enabled": "true",  # an overflow or a wrong value is an error, as in DuckDB
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.parquet.inferTimestampNTZ.enabled": "true",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",  # days before 1582 as they are written
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
    "spark.sql.parquet.int96RebaseModeInRead": "CORRECTED",
    "spark.sql.files.ignoreCorruptFiles": "false",
    "spark.sql.files.ignoreMissingFiles": "false",
}
CLUSTER = "the Spark cluster"
SENTENCE = "Mainline says: "  # of an error in a worker, which brings its whole traceback back
TOO_FEW = "SPARK-24819"  # of a job whose tasks must all run at once


@contextmanager
def running(settings: Settings) -> Iterator[SparkSession]:
    """A session with what results depend on set; it is kept for the next call.

    Raises
    ------
    ConfigurationError
        Where Spark or Java is not installed or too old, or the query is none that Spark can compute.
    DataError
        For a value that cannot be computed with.
    ExternalError
        Where the cluster does not answer, or has failed.
    """
    wrong = sorted(FIXED.keys() & settings.data.spark.conf.keys())
    if wrong:
        raise ConfigurationError(
            f"params.yaml: data.spark.conf: {wrong[0]} changes results, so it is always {FIXED[wrong[0]]}: remove it"
        )
    try:
        import pyspark.sql  # noqa: F401
    except ImportError as error:
        raise ConfigurationError(
            f"params.yaml: data.engine: spark: {error}: {frameworks.install('pyspark')}"
        ) from error
    # It prints each error that is raised, and explained, anyway.
    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL + 1)
    with explained(settings):
        url = os.environ.get(REMOTE)
        session = connected(url) if url else local(settings)
        for name, value in {**settings.data.spark.conf, **FIXED}.items():
            if name.startswith("spark.sql.") or url:
                session.conf.set(name, value)
        yield session


def connected(url: str) -> SparkSession:
    from pyspark.sql import SparkSession
    from pyspark.sql.connect.client.retries import DefaultPolicy

    where = reachable(url)
    session = SparkSession.builder.remote(url).getOrCreate()
    session.client.set_retry_policies([DefaultPolicy(max_retries=RETRIES, max_backoff=5_000)])
    version = tuple(int(part) for part in re.findall(r"\d+", session.version)[:2])
    if version < OLDEST:
        raise ConfigurationError(
            f"{REMOTE}: Spark {session.version} answers at {where}, and {'.'.join(map(str, OLDEST))} is the oldest "
            "whose results are known to be DuckDB's"
        )
    return session


def reachable(url: str) -> str:
    """Host and port of a server that takes a connection. Spark's own client tries for minutes."""
    parts = urlsplit(url)
    try:
        host, port = parts.hostname, parts.port or PORT
    except ValueError:
        host = None
    if parts.scheme != "sc" or not host:
        raise ConfigurationError(f"{REMOTE} is no address of Spark Connect, such as sc://spark.example:{PORT}")
    where = f"{host}:{port}"  # not the whole address: it may hold a token
    try:
        socket.create_connection((host, port), PATIENCE).close()
    except OSError as error:
        raise ExternalError(
            f"{REMOTE}: no Spark Connect server answers at {where} ({error.strerror or error}): start it, or unset "
            f"{REMOTE} to run Spark on this machine"
        ) from error
    return where


@functools.cache
def checked_java() -> str:
    """The program of a Java that Spark runs on."""
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=str(Path(home, "bin"))) if home else shutil.which("java")
    how = f"install Java {JAVA} (on Debian and Ubuntu: openjdk-{JAVA}-jre-headless), or set {REMOTE} to a server"
    if found is None:
        place = f"in JAVA_HOME ({home})" if home else "on the PATH"
        raise ConfigurationError(f"params.yaml: data.engine: spark: there is no java {place}: {how}")
    said = subprocess.run([found, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', said)
    if version is None or int(version[1]) < JAVA:
        told = f"Java {version[1]}" if version else "no Java"
        raise ConfigurationError(f"params.yaml: data.engine: spark: {found} is {told}: {how}")
    return found


def local(settings: Settings) -> SparkSession:
    """Spark in a process of its own on this machine, which ends with this one."""
    from pyspark.sql import SparkSession

    checked_java()
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # Spark's own default is whatever `python3` is
    memory = settings.data.memory_megabytes or a_quarter()
    scratch = tempfile.gettempdir()
    own = {
        "spark.master": f"local[{os.cpu_count() or 1}]",
        "spark.app.name": "mainline",
        "spark.driver.memory": f"{memory}m",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={Path(__file__).with_name('log4j2.properties')}",
        "spark.local.dir": scratch,
        "spark.sql.warehouse.dir": str(Path(scratch, "mainline-spark-warehouse")),  # no table is ever saved in it
        "spark.sql.artifact.isolation.enabled": "false",  # else a folder `artifacts` appears in the checkout
        "spark.sql.shuffle.partitions": str(4 * (os.cpu_count() or 1)),  # of 200, most would be empty
        "spark.log.level": "FATAL",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    builder = SparkSession.builder
    for name, value in {**own, **settings.data.spark.conf, **FIXED}.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def told(sentence: str) -> RuntimeError:
    """What a worker raises to say what is wrong with the configuration."""
    return RuntimeError(f"{SENTENCE}{sentence}")


def check_places(spark: SparkSession, workers: int) -> None:
    """Raise ConfigurationError where Spark on this machine cannot run so many tasks at once: it would wait for ever."""
    if os.environ.get(REMOTE):
        return  # the server alone knows, and says it
    places = spark.sparkContext.defaultParallelism
    if workers > places:
        raise ConfigurationError(
            f"params.yaml: train.spark_workers: {workers} tasks must run at once, and Spark on this machine runs "
            f"{places}: set {places} or fewer, or {REMOTE} to a cluster"
        )


def a_quarter() -> int:
    """Of this machine's memory, in megabytes: Spark keeps it, and the fit needs the rest."""
    return max(1024, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 4_000_000)


@contextmanager
def explained(settings: Settings) -> Iterator[None]:
    """What Spark says, as one of the four kinds of failure."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except MainlineError:
        raise
    except PySparkException as error:
        raise failure(settings, error.getCondition() or "", error.getSqlState() or "", str(error)) from error
    except Py4JError as error:
        raise failure(settings, "", "", str(error)) from error
    except Exception as error:
        if any(kind.__module__.partition(".")[0] == "grpc" for kind in type(error).__mro__):
            raise ExternalError(f"{CLUSTER} does not answer any more: {first_line(str(error))}") from error
        raise


def failure(settings: Settings, condition: str, state: str, said: str) -> MainlineError:
    """The failure by Spark's own error condition, else by the class of its SQLSTATE."""
    if not condition:  # of a job that failed, Java's words alone are left
        found = re.search(r"\[([A-Z_0-9]+(?:\.[A-Z_0-9]+)*)\].*?SQLSTATE: (\w{5})", said, re.DOTALL)
        condition, state = (found[1], found[2]) if found else ("", "")
    sentence = re.search(rf"{SENTENCE}([^\n]+)", said)
    if sentence:
        return ConfigurationError(sentence[1])
    missing = re.search(r"ModuleNotFoundError: No module named '([\w.]+)'", said)
    if missing:
        return ConfigurationError(
            f"params.yaml: data.engine: spark: the Python of {CLUSTER}'s machines has no module {missing[1]}: "
            "give them this project's locked environment (PYSPARK_PYTHON), or compute on this machine"
        )
    absent = re.search(r"FileNotFoundError: [^\n]*'([^'\n]+)'", said)
    if absent:
        return ExternalError(
            f"{CLUSTER} cannot read a file that is here: {absent[1]}. Set data.spark.shared to a folder that this "
            "machine and all of its machines mount under the same path"
        )
    if TOO_FEW in said:
        return ConfigurationError(
            f"params.yaml: train.spark_workers: {CLUSTER} has fewer places for tasks than workers are asked for, and "
            "all must run at once: set fewer, or add machines"
        )
    words = first_line(said)
    function = settings.prepare.function
    if condition in ("PACKAGE_NOT_INSTALLED", "UNSUPPORTED_PACKAGE_VERSION"):
        return ConfigurationError(f"params.yaml: data.engine: spark: {words}: {frameworks.install('pyspark')}")
    if "No space left on device" in said:
        return ExternalError(f"{CLUSTER}: no space left on device: {words}")
    if condition.startswith(("PATH_NOT_FOUND", "FAILED_READ_FILE")):
        return ExternalError(
            f"{CLUSTER} cannot read a file that is here: {words}. Its machines must see the sources and "
            "data.spark.shared under the same paths: put both on a file system that all of them mount"
        )
    if state.startswith("22"):
        return DataError(f"{function}: {words}")
    if state.startswith(("42", "0A")):
        return ConfigurationError(
            f"{function} cannot be computed by Spark: {words}: compute it in another way, or use data.engine: duckdb"
        )
    return ExternalError(f"{CLUSTER} failed: {words}")


def first_line(said: str) -> str:
    """The first line that says something: of an error in a job, the cause that Spark names."""
    lines = [line.strip().removeprefix(": ") for line in said.splitlines() if line.strip()]
    lines = [line for line in lines if not line.startswith(("An error occurred", "at "))] or [said]
    named = next((line for line in lines if re.search(r"\[[A-Z_0-9.]+\]", line)), lines[0])
    return re.sub(r"^(.*?(?=\[[A-Z_0-9.]+\])|(?:[\w$]+\.)+\w+(?:Exception|Error): )", "", named)[:500]
