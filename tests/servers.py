"""Real servers for tests, each its own, on a free port of the loopback and in a temporary folder."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests import warm
from tests.bounds import HANG, happens
from tests.environment import servers_are_required
from tests.projects import TOP

REGISTRY_READER = "reader"  # with the same password
REGISTRY_LOGIN = ("tester", "a registry password")  # pragma: allowlist secret
HASHED = "$2y$04$abcdefghijklmnopqrstuuR6lVkwkiDKkZngycuOqgCcGEpGNxN.u"  # pragma: allowlist secret
# Where the tests must not be skipped for want of a server.
REQUIRED = servers_are_required()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a PostgreSQL cluster that lives as long as the tests; its password is `se/cret`."""
    programs = _postgresql_programs()
    # Not below pytest's own folder: root alone may enter that, and PostgreSQL does not run as root.
    folder = Path(tempfile.mkdtemp(prefix="mainline-postgresql-"))
    other_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    port = free_port()
    (folder / "password").write_text("se/cret")
    if other_user:
        for path in (folder, folder / "password"):
            shutil.chown(path, "postgres", "postgres")

    def run(*command: str | Path) -> None:
        command = (*other_user, *command)
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=HANG, check=False)
        log = folder / "log"
        assert done.returncode == 0, done.stdout + done.stderr + (log.read_text() if log.exists() else "")

    try:
        run(programs / "initdb", "-D", folder / "data", "-U", "tester", "--auth=scram-sha-256",
            f"--pwfile={folder / 'password'}", "--encoding=UTF8", "--no-locale", "--no-sync")  # fmt: skip
        settings = f"-c listen_addresses=127.0.0.1 -p {port} -k {folder} -c fsync=off"
        run(programs / "pg_ctl", "-D", folder / "data", "-w", "-l", folder / "log", "-o", settings, "start")
        try:
            yield f"postgresql://tester:se%2Fcret@127.0.0.1:{port}/postgres"  # pragma: allowlist secret
        finally:
            # pg_ctl reads the process id of this cluster from its own folder.
            run(programs / "pg_ctl", "-D", folder / "data", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def mariadb() -> Iterator[str]:
    """The URL of a MariaDB that lives as long as the tests; its password is `se/cret`."""
    server = str(installed("mariadb-server", lambda: shutil.which("mariadbd")))
    folder = Path(tempfile.mkdtemp(prefix="mainline-mariadb-"))
    port, user = free_port(), [f"--user={pwd.getpwuid(os.geteuid()).pw_name}"]
    try:
        made = ["mariadb-install-db", "--no-defaults", f"--datadir={folder}/data"]
        subprocess.run([*made, *user, "--skip-test-db"], check=True, capture_output=True, timeout=HANG)
        (folder / "init.sql").write_text(
            "CREATE DATABASE shop CHARACTER SET utf8mb4;\nCREATE USER tester@'127.0.0.1' IDENTIFIED BY 'se/cret';\n"
            "GRANT ALL ON shop.* TO tester@'127.0.0.1';\n"
        )
        place = [f"--datadir={folder}/data", f"--socket={folder}/socket", f"--port={port}", "--bind-address=127.0.0.1"]
        options = [f"--init-file={folder}/init.sql", "--skip-name-resolve", "--innodb-flush-log-at-trx-commit=0"]
        with open(folder / "log", "w") as log:
            process = subprocess.Popen([server, "--no-defaults", *place, *options, *user], stdout=log, stderr=log)
        try:
            _wait_for(port, process)
            yield f"mysql://tester:se%2Fcret@127.0.0.1:{port}/shop"  # pragma: allowlist secret
        finally:
            process.terminate()
            process.wait(HANG)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _postgresql_programs() -> Path:
    return installed("postgresql", _newest_programs)


def installed(package: str, find: Callable[[], Any]) -> Any:
    """What `find` finds; where it is nothing, and the tests must run, Debian's package is installed first."""
    found = find()
    if found is None and REQUIRED:
        apt_get(package)
        found = find()
    if found is None and REQUIRED:
        pytest.fail(f"{package} is not installed, and these tests must run here: apt-get install {package}")
    if found is None:
        pytest.skip(f"{package} is not installed: apt-get install {package}")
    return found


def apt_get(package: str) -> None:
    """Install a package where this user may; one test process after the other, as apt wants it."""
    rights = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if rights and not shutil.which("sudo"):
        return
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with open(Path(tempfile.gettempdir()) / f"mainline-apt-{os.geteuid()}.lock", "w") as alone:
        fcntl.flock(alone, fcntl.LOCK_EX)
        for words in (["update"], ["install", "-y", "--no-install-recommends", package]):
            command = [*rights, "apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300", *words]
            subprocess.run(command, check=False, env=environment)


@pytest.fixture(scope="session")
def mlflow_server(postgresql: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A team's MLflow server on PostgreSQL, with authentication on: the variables that a client of it needs."""
    folder = tmp_path_factory.mktemp("mlflow")
    port = free_port()
    password = "a password of twelve"  # pragma: allowlist secret
    (folder / "auth.ini").write_text(
        f"[mlflow]\ndefault_permission = READ\ndatabase_uri = sqlite:///{folder / 'auth.db'}\n"
        f"admin_username = admin\nadmin_password = {password}\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
        "auth_cache_ttl_seconds = 600\n"  # else every request pays a seventh of a second for the password's hash
    )
    environment = {
        **os.environ,
        "MLFLOW_AUTH_CONFIG_PATH": str(folder / "auth.ini"),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "a key for tests",  # pragma: allowlist secret
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # eleven processes that wait for work, loudly
    }
    command = [warm.python(), "-m", "mlflow", "server", "--app-name", "basic-auth", "--workers", "1"]
    options = ["--backend-store-uri", postgresql, "--artifacts-destination", folder / "artifacts"]
    place = ["--host", "127.0.0.1", "--port", str(port)]
    with open(folder / "log", "w") as log:
        server = subprocess.Popen(
            [*command, *options, *place], cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        _wait_for(port, server)
        yield {
            "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{port}",
            "MLFLOW_TRACKING_USERNAME": "admin",
            "MLFLOW_TRACKING_PASSWORD": password,
        }
    except (AssertionError, TimeoutError):
        pytest.fail((folder / "log").read_text()[-2000:])
    finally:
        # The session that was started here: the server and its worker, which takes its time on a busy machine.
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(HANG)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait(HANG)


@contextlib.contextmanager
def mlflow_page(folder: Path, *options: str, **variables: str) -> Iterator[str]:
    """`mainline ui` in a checkout; the page's address, from when it answers."""
    address = f"http://127.0.0.1:{(port := free_port())}/"
    process = subprocess.Popen(
        [warm.python(), "-m", "mainline", "ui", "--port", str(port), *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{TOP / 'src'}{os.pathsep}{TOP}", **variables},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait_until_ready(address, process)
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=HANG)


@pytest.fixture(scope="session")
def oci_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Oci]:
    """A container registry, Debian's docker-registry, that lives as long as the tests."""
    with registry(tmp_path_factory.mktemp("oci")) as found:
        yield found


@pytest.fixture(scope="session")
def locked_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Oci]:
    """The same behind a login: `REGISTRY_LOGIN` is name and password."""
    folder = tmp_path_factory.mktemp("locked")
    # bcrypt, the one that docker-registry takes; the cheapest that it accepts.
    (folder / "htpasswd").write_text(f"{REGISTRY_LOGIN[0]}:{HASHED}\n{REGISTRY_READER}:{HASHED}\n")
    with registry(folder, f"auth: {{htpasswd: {{realm: tests, path: {folder / 'htpasswd'}}}}}\n") as found:
        yield found


@contextlib.contextmanager
def registry(folder: Path, more: str = "") -> Iterator[Oci]:
    program = _docker_registry()
    port = free_port()
    (folder / "config.yml").write_text(
        f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {folder / 'data'}}}}}\n"
        f"http: {{addr: 127.0.0.1:{port}}}\n{more}"
    )
    with open(folder / "log", "w") as log:
        server = subprocess.Popen([program, "serve", folder / "config.yml"], stdout=log, stderr=log)
    try:
        _wait_for(port, server)
        yield Oci(f"127.0.0.1:{port}", folder / "data" / "docker" / "registry" / "v2")
    finally:
        server.terminate()
        server.wait(HANG)


@dataclass(frozen=True)
class Oci:
    """`host` is what a reference begins with; `files` is where the registry keeps its blobs."""

    host: str
    files: Path

    def blob(self, digest: str) -> Path:
        kind, _, value = digest.partition(":")
        return self.files / "blobs" / kind / value[:2] / value / "data"


def _docker_registry() -> str:
    return str(installed("docker-registry", lambda: shutil.which("docker-registry")))


@pytest.fixture(scope="session")
def promtool() -> str:
    """Prometheus' own checker of rules, with Prometheus beside it."""
    return str(installed("prometheus", lambda: shutil.which("promtool")))


@pytest.fixture
def prometheus(promtool: str, tmp_path: Path) -> Iterator[Callable[[int, Path], str]]:
    """Start a Prometheus that scrapes a port of the loopback by the second, with a file of rules; its URL."""
    running: list[subprocess.Popen[bytes]] = []

    def start(port: int, rules: Path) -> str:
        folder = tmp_path / "prometheus"
        folder.mkdir()
        configuration = (
            "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
            f"rule_files: [{rules}]\n"
            f"scrape_configs: [{{job_name: model, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}]\n"
        )
        (folder / "prometheus.yml").write_text(configuration)
        own = free_port()
        options = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
        program = str(Path(promtool).with_name("prometheus"))
        with open(folder / "log", "w") as log:
            command = [program, *options, f"--web.listen-address=127.0.0.1:{own}"]
            running.append(subprocess.Popen(command, cwd=folder, stdout=log, stderr=log))
        _wait_until_ready(f"http://127.0.0.1:{own}/-/ready")
        return f"http://127.0.0.1:{own}"

    try:
        yield start
    finally:
        for process in running:
            process.terminate()
            process.wait(HANG)


def _newest_programs() -> Path | None:
    there = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    return there[-1].parent if there else Path(on_path).resolve().parent if on_path else None


class Site(ThreadingHTTPServer):
    """A web server of the files in a folder, with ETags; `requests` is what it was asked."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), partial(_Pages, directory=str(folder)))
        self.folder = folder
        self.requests: list[str] = []
        self.etags = True
        self.status: int | None = None  # to answer everything with

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Pages(SimpleHTTPRequestHandler):
    server: Site

    def send_head(self) -> Any:
        if self.server.status is not None:
            return self.send_error(self.server.status)
        return super().send_head()

    def end_headers(self) -> None:
        path = Path(self.translate_path(self.path))
        if self.server.etags and path.is_file():
            self.send_header("ETag", f'"{hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"')
        super().end_headers()

    def send_header(self, keyword: str, value: str) -> None:
        if self.server.etags or keyword != "Last-Modified":
            super().send_header(keyword, value)

    def log_request(self, code: object = "-", size: object = "-") -> None:
        self.server.requests.append(f"{self.command} {self.path}")

    def log_error(self, format: str, *args: object) -> None:
        pass


@contextlib.contextmanager
def listening(server: ThreadingHTTPServer) -> Iterator[str]:
    """`host:port` of a server that answers in a thread of its own until the block ends, however it ends."""
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A web server on the loopback, of the folder `site` below the test's own."""
    folder = tmp_path / "site"
    folder.mkdir()
    server = Site(folder)
    with listening(server):
        yield server


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket of moto's S3 server, as `s3://bucket`; the environment says where the server is."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://{}:{}".format(*server.get_host_and_port()))
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "tester")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        # What moto holds outlives its server.
        reset = urllib.request.Request(f"{os.environ['AWS_ENDPOINT_URL']}/moto-api/reset", method="POST")
        urllib.request.urlopen(reset, timeout=HANG).close()
        _fresh("s3").mkdir("s3://bucket")
        yield "s3://bucket"
    finally:
        server.stop()
        forget_connections()


@pytest.fixture
def gcs(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket of gcp-storage-emulator, as `gs://bucket`; the environment says where the server is."""
    from gcp_storage_emulator.server import create_server

    port = free_port()
    server = create_server("127.0.0.1", port, in_memory=True, default_bucket="bucket")
    server.start()
    try:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
        yield "gs://bucket"
    finally:
        server.stop()
        forget_connections()


@pytest.fixture
def abfs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A container of Azurite, as `abfs://container`. It is 360 MB from npm, and so used where it is installed."""
    program = shutil.which("azurite-blob")
    if program is None:
        pytest.skip("Azurite is not installed: npm install --global azurite")
    port = free_port()
    folder = tmp_path / "azurite"
    folder.mkdir()
    command = [program, "--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", str(folder)]
    options = ["--silent", "--disableTelemetry", "--skipApiVersionCheck"]
    server = subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port, server)
        # The account that every Azurite has: it is in its documentation.
        # pragma: allowlist nextline secret
        key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
        account = f"AccountName=devstoreaccount1;AccountKey={key}"
        endpoint = f"BlobEndpoint=http://127.0.0.1:{port}/devstoreaccount1"
        connection = f"DefaultEndpointsProtocol=http;{account};{endpoint};"
        monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", connection)
        _fresh("abfs").mkdir("container")
        yield "abfs://container"
    finally:
        server.terminate()
        server.wait(HANG)
        forget_connections()


def forget_connections() -> None:
    """fsspec keeps a connection for as long as the process lives: here each test has other servers."""
    from fsspec import AbstractFileSystem

    def kinds(kind: type) -> Iterator[Any]:
        yield kind
        for direct in kind.__subclasses__():
            yield from kinds(direct)

    for kind in kinds(AbstractFileSystem):
        kind.clear_instance_cache()


def put(url: str, content: bytes) -> None:
    """Store an object at a URL of one of these servers."""
    import fsspec

    system, path = fsspec.core.url_to_fs(url, skip_instance_cache=True)
    system.pipe_file(path, content)


def _fresh(scheme: str) -> Any:
    import fsspec

    return fsspec.filesystem(scheme, skip_instance_cache=True)


def _wait_until_ready(url: str, process: subprocess.Popen[bytes] | None = None) -> None:
    """Wait for an answer: a port that listens may still say that its server is not ready."""

    def answers() -> bool:
        assert process is None or process.poll() is None, f"it stopped with status {process.returncode}"
        try:
            urllib.request.urlopen(url, timeout=HANG).close()
        except OSError:
            return False
        return True

    if not happens(answers):
        raise TimeoutError(f"{url} does not answer")


def _wait_for(port: int, process: subprocess.Popen[Any]) -> None:
    def listens() -> bool:
        assert process.poll() is None, f"it stopped with status {process.returncode}"
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    if not happens(listens):
        raise TimeoutError(f"nothing listens on port {port}")
