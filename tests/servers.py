"""Real servers for tests, each its own, on a free port of the loopback and in a temporary folder."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

# Where the tests must not be skipped for want of a server.
REQUIRED = bool(os.environ.get("CI") or os.environ.get("MAINLINE_REQUIRE_SERVERS"))


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
        done = subprocess.run([*other_user, *command], cwd=folder, capture_output=True, text=True, timeout=120)
        log = folder / "log"
        assert done.returncode == 0, done.stdout + done.stderr + (log.read_text() if log.exists() else "")

    try:
        run(programs / "initdb", "-D", folder / "data", "-U", "tester", "--auth=scram-sha-256",
            f"--pwfile={folder / 'password'}", "--encoding=UTF8", "--no-locale", "--no-sync")  # fmt: skip
        settings = f"-c listen_addresses=127.0.0.1 -p {port} -k {folder} -c fsync=off"
        run(programs / "pg_ctl", "-D", folder / "data", "-w", "-l", folder / "log", "-o", settings, "start")
        try:
            yield f"postgresql://tester:se%2Fcret@127.0.0.1:{port}/postgres"
        finally:
            # pg_ctl reads the process id of this cluster from its own folder.
            run(programs / "pg_ctl", "-D", folder / "data", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _postgresql_programs() -> Path:
    found = _newest_programs()
    if found is None and REQUIRED and os.geteuid() == 0:
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "install", "-y", "-qq", "postgresql"], check=True, env=environment)
        found = _newest_programs()
    if found is None and REQUIRED:
        pytest.fail("PostgreSQL is not installed, and these tests must run here: apt-get install postgresql")
    if found is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    return found


def _newest_programs() -> Path | None:
    there = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    return there[-1].parent if there else Path(on_path).resolve().parent if on_path else None
