from __future__ import annotations

import base64
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from mainline.errors import ConfigurationError
from mainline.serving import spool
from mainline.serving.json_input import with_keys
from mainline.serving.prediction_log import PredictionLog
from mainline.serving.settings import Configuration
from tests.bounds import happens
from tests.exports import Export
from tests.mainline.serving.conftest import Server, started
from tests.mainline.serving.test_server import ROW, records, without
from tests.platforms import linux
from tests.projects import TOP

CELLS = ("north", "phone", 12.5, 3.0)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Times of a test: written at once, tried again at once."""
    monkeypatch.setattr(spool, "EVERY", 0.001)
    monkeypatch.setattr(spool, "RETRY", 0.0)


def log_of(made: Export, folder: Path, **limits: Any) -> PredictionLog:
    return PredictionLog(folder, replace(Configuration(), **limits), made.signature, "3")


def write(log: PredictionLog, count: int, start: int = 0) -> None:
    for number in range(start, start + count):
        log.put(logged(log, f"r{number}", [CELLS], [[0.25, 0.75]]))


def lines(folder: Path) -> list[Any]:
    """Every request of the log, oldest first, without the headers."""
    found = []
    for path in sorted(folder.glob("predictions-*")):
        first, *rest = path.read_text(encoding="utf-8").splitlines()
        header = json.loads(first)
        assert header["format"] == 2
        found += [by_values(json.loads(line), header) for line in rest]
    return found


def by_values(line: Any, header: Any) -> Any:
    """A line with its numbers as numbers."""
    numeric = np.frombuffer(base64.b64decode(line.pop("numeric")), "<f4").reshape(line["rows"], -1).tolist()
    text = line.pop("categorical") or [[]] * line["rows"]
    answers = np.frombuffer(base64.b64decode(line["predictions"]), "<f8").reshape(line["rows"], -1).tolist()
    assert len(header["columns"]) == len(text[0]) + len(numeric[0])
    rows = [[*cells, *numbers] for cells, numbers in zip(text, numeric, strict=True)]
    return {**line, "rows": rows, "predictions": answers}


def logged(
    log: PredictionLog, request: str, rows: list[Any], answers: list[Any], keys: list[Any] | None = None
) -> bytes:
    """The line of a request whose rows have two categories and then two numbers."""
    return log.line(request, with_keys(rows, keys), answers)


@pytest.mark.slow
def test_what_was_asked_and_answered_is_logged_once_with_the_model(binary: Export, tmp_path: Path) -> None:
    with started(binary.folder, LOG=tmp_path / "log", VERSION="17") as server:
        (first,) = server.post(records(ROW), x_request_id="a").predictions
        second = server.post({"inputs": {**{name: [value] * 300 for name, value in ROW.items()}}}, x_request_id="b")
        server.post(records(without("pages")), x_request_id="refused")
        server.stop()
    (file,) = (tmp_path / "log").iterdir()
    header = json.loads(file.read_text().splitlines()[0])
    assert header["columns"] == ["shop", "device", "minutes", "pages"]
    assert (header["version"], header["model_digest"]) == ("17", binary.signature.digest)
    one, many = lines(tmp_path / "log")
    assert (one["id"], one["rows"], one["predictions"]) == ("a", [["north", "phone", 12.5, 3]], [first])
    assert (many["id"], len(many["rows"]), many["predictions"]) == ("b", 300, second.predictions)
    assert one["time"] <= many["time"]


@pytest.mark.slow
def test_a_deployments_own_check_is_no_traffic(binary: Export, tmp_path: Path) -> None:
    with started(binary.folder, LOG=tmp_path / "log") as server:
        assert server.post(records(ROW)).status == 200
        checked = subprocess.run(
            [sys.executable, "-m", "mainline.serving.healthcheck", str(binary.folder)],
            env={**os.environ, "MAINLINE_PORT": str(server.port), "PYTHONPATH": str(TOP / "src")},
            check=False,
        )
        assert checked.returncode == 0
        server.stop()
    assert len(lines(tmp_path / "log")) == 1


@pytest.mark.slow
def test_columns_are_left_out_of_the_log_by_name(binary: Export, tmp_path: Path) -> None:
    with started(binary.folder, LOG=tmp_path / "log", LOG_LEAVE_OUT="device, minutes") as server:
        server.post(records(ROW))
        server.stop()
    text = next((tmp_path / "log").iterdir()).read_text()
    assert json.loads(text.splitlines()[0])["columns"] == ["shop", "pages"]
    assert lines(tmp_path / "log")[0]["rows"] == [["north", 3]]
    assert "phone" not in text


def test_a_name_to_leave_out_that_is_no_column_is_refused(binary: Export, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="the model has no column devise"):
        log_of(binary, tmp_path, log_leave_out=("devise",))


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
def test_files_are_rotated_and_the_oldest_removed_and_counted(binary: Export, tmp_path: Path) -> None:
    log = log_of(binary, tmp_path, log_bytes=40_000, log_file_bytes=10_000)
    log.start()
    for start in range(0, 2000, 50):
        write(log, 50, start)
        assert happens(lambda: log.put_bytes == log.taken_bytes)
        assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 50_000
    log.stop()
    kept = [line["id"] for line in lines(tmp_path)]
    assert kept == [f"r{n}" for n in range(2000 - len(kept), 2000)]
    assert len(kept) >= 100
    assert log.dropped["rotated"] == 2000 - len(kept)
    assert log.written == 2000
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 40_000


@pytest.mark.slow
def test_a_queue_that_is_full_drops_and_counts_and_does_not_wait(binary: Export, tmp_path: Path) -> None:
    log = log_of(binary, tmp_path)  # nobody writes
    line = logged(log, "r", [CELLS] * 1000, [[0.25, 0.75]] * 1000)
    fits = spool.QUEUE_BYTES // len(line)
    for _ in range(fits + 7):
        log.put(line)
    assert log.dropped["queue"] == 7
    assert sum(map(len, log.queue)) <= spool.QUEUE_BYTES
    log.start()
    log.stop()
    assert len(lines(tmp_path)) == fits


@pytest.fixture
def small_disk() -> Iterator[Any]:
    """A function that makes every file of this process end at so many bytes: the kernel refuses the rest."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("quick")
def test_a_disk_that_refuses_loses_and_counts_but_keeps_whole_lines(
    binary: Export, tmp_path: Path, small_disk: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    log = log_of(binary, tmp_path)
    log.start()
    write(log, 10)
    assert happens(lambda: log.written == 10)
    small_disk(next(tmp_path.iterdir()).stat().st_size + 150)
    write(log, 100, start=10)
    assert happens(lambda: log.written + log.dropped["disk"] == 110)
    assert log.dropped["disk"] > 0
    small_disk(resource.RLIM_INFINITY)
    write(log, 10, start=200)
    assert happens(lambda: log.written + log.dropped["disk"] == 120)
    log.stop()
    kept = [line["id"] for line in lines(tmp_path)]
    assert len(kept) == len(set(kept)) == log.written
    assert [f"r{n}" for n in range(10)] == kept[:10]
    assert [f"r{n}" for n in range(200, 210)] == kept[-10:]
    assert capfd.readouterr().err.count("File too large") >= 1


@pytest.mark.slow
@linux
def test_the_server_answers_on_although_the_disk_refuses(binary: Export, tmp_path: Path) -> None:
    with started(binary.folder, LOG=tmp_path / "log") as server:
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (10_000, 10_000))
        for _ in range(300):
            assert server.post(records(ROW)).status == 200
        lost = 'mainline_log_dropped_total{reason="disk"}'
        assert happens(lambda: server.metric(lost) + server.metric("mainline_log_written_total") == 300)
        assert server.metric(lost) > 0
        assert server.stop().count("predictions are not logged") == 1
    assert sum(path.stat().st_size for path in (tmp_path / "log").iterdir()) <= 10_000


@pytest.mark.slow
def test_a_folder_that_cannot_be_made_stops_no_answer(binary: Export, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with started(binary.folder, LOG=tmp_path / "file" / "log") as server:
        assert server.post(records(ROW)).status == 200
        assert happens(lambda: server.metric('mainline_log_dropped_total{reason="disk"}') == 1)
        assert "Not a directory" in server.stop()


def killed(server: Server) -> None:
    server.process.send_signal(signal.SIGKILL)
    server.process.wait()


@pytest.mark.slow
def test_after_a_sigkill_the_file_is_finished_by_the_next_server_and_holds_whole_lines(
    binary: Export, tmp_path: Path
) -> None:
    folder = tmp_path / "log"
    with started(binary.folder, LOG=folder) as server:
        for _ in range(50):
            server.post(records(ROW))
        assert happens(lambda: server.metric("mainline_log_written_total") == 50)
        killed(server)
    assert [path.suffix for path in folder.iterdir()] == [".part"]
    with started(binary.folder, LOG=folder):
        assert happens(lambda: [path.suffix for path in folder.iterdir()] == [".jsonl"])
    assert len(lines(folder)) == 50


@pytest.mark.slow
def test_a_server_leaves_the_files_of_another_that_lives_alone(binary: Export, tmp_path: Path) -> None:
    folder = tmp_path / "log"
    with started(binary.folder, LOG=folder) as first:
        first.post(records(ROW))
        assert happens(lambda: first.metric("mainline_log_written_total") == 1)
        with started(binary.folder, LOG=folder) as second:
            second.post(records(ROW))
            second.stop()
        first.post(records(ROW))
        first.stop()
    assert [path.suffix for path in folder.iterdir()] == [".jsonl"] * 2
    assert len(lines(folder)) == 3


def test_nobody_else_may_read_what_was_asked(binary: Export, tmp_path: Path) -> None:
    log = log_of(binary, tmp_path)
    log.start()
    write(log, 1)
    log.stop()
    assert os.stat(next(tmp_path.iterdir())).st_mode & 0o007 == 0
