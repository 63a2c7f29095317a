"""From the spool to where `monitor.log` says: each request once, whoever is killed and whatever is away."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from msgspec.structs import replace

from mainline.cli.main import main
from mainline.errors import ConfigurationError, DataError, ExternalError
from mainline.monitoring.shipping import destination, ship
from mainline.monitoring.shipping.destination import Folder, Store
from mainline.serving.prediction_log import PredictionLog
from mainline.serving.settings import Configuration
from mainline.serving.spool_files import claimed
from tests.bounds import HANG, happens
from tests.exports import Export
from tests.mainline.serving.conftest import started
from tests.mainline.serving.test_prediction_log import logged
from tests.mainline.serving.test_server import ROW, records
from tests.projects import TOP

CELLS = ("north", "phone", 12.5, 3.0)


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool"


def fill(made: Export, spool: Path, names: list[str]) -> None:
    """A finished file of these requests."""
    log = PredictionLog(spool, Configuration(), made.signature, "1")
    for name in names:
        log.put(logged(log, name, [CELLS], [[0.25, 0.75]]))
    log.start()
    log.stop()


def landed(folder: Path, kind: str = "predictions") -> list[str]:
    """The requests of everything that landed."""
    return [name for path in sorted(folder.glob(f"{kind}/*")) for name in pq.read_table(path)["_request"].to_pylist()]


def test_finished_files_land_under_their_own_names_and_leave_the_spool(
    binary: Export, spool: Path, tmp_path: Path
) -> None:
    fill(binary, spool, ["a", "b"])
    fill(binary, spool, ["c"])
    names = {path.stem.removeprefix("predictions-") for path in spool.iterdir()}
    found = ship.ship_once(spool, Folder(tmp_path / "log"))
    assert str(found) == "3 requests and 0 labels in 2 files"
    assert landed(tmp_path / "log") == ["a", "b", "c"]
    assert {path.stem for path in (tmp_path / "log" / "predictions").iterdir()} == names
    assert not list(spool.iterdir())
    assert [path.name for path in (tmp_path / "log").iterdir()] == ["predictions"]


# Each file's unfinished Parquet is looked for before it is removed from the spool: twice, then, a file.
@pytest.mark.slow
@pytest.mark.parametrize(("where", "nth"), [("convert", 2), ("land", 2), ("unlink", 4)])
def test_killed_at_any_step_and_started_again_each_request_is_there_once(
    binary: Export, spool: Path, tmp_path: Path, where: str, nth: int
) -> None:
    for number in range(3):
        fill(binary, spool, [f"r{number}"])
    # A process of its own, which kills itself before a step of the second file.
    program = f"""
import os, signal, sys
from pathlib import Path
from mainline.monitoring.shipping import destination as landing, ship as shipping, parquet as tables
count = 0
def dies(function):
    def wrapped(*given, **named):
        global count
        count += 1
        if count == {nth}:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*given, **named)
    return wrapped
shipping.convert = dies(shipping.convert) if "{where}" == "convert" else shipping.convert
if "{where}" == "land":
    os.replace = dies(os.replace)
if "{where}" == "unlink":
    Path.unlink = dies(Path.unlink)
shipping.ship(Path(sys.argv[1]), landing.Folder(Path(sys.argv[2])))
"""
    done = subprocess.run([sys.executable, "-c", program, spool, tmp_path / "log"], timeout=HANG, check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(list(spool.iterdir())) == 2
    assert ship.ship_once(spool, Folder(tmp_path / "log")).files == 2
    assert landed(tmp_path / "log") == ["r0", "r1", "r2"]
    assert not list(spool.iterdir())


def test_two_that_ship_at_once_do_not_share_a_file(binary: Export, spool: Path, tmp_path: Path) -> None:
    fill(binary, spool, ["a"])
    (path,) = spool.iterdir()
    with claimed(path) as held:
        assert held is not None
        assert ship.ship_once(spool, Folder(tmp_path / "log")).files == 0
    assert ship.ship_once(spool, Folder(tmp_path / "log")).files == 1


def test_a_file_that_is_being_shipped_is_not_dropped_for_room(binary: Export, spool: Path) -> None:
    for number in range(3):
        fill(binary, spool, [f"r{number}"])
    oldest, *_ = sorted(spool.iterdir())
    from mainline.serving.spool_files import make_room

    with claimed(oldest):
        assert make_room(spool, "predictions", 0) == 2
    assert list(spool.iterdir()) == [oldest]


@pytest.mark.slow
def test_what_a_killed_server_was_writing_is_shipped_to_the_last_whole_line(
    binary: Export, spool: Path, tmp_path: Path
) -> None:
    with started(binary.folder, LOG=spool) as server:
        for number in range(20):
            server.post(records(ROW), x_request_id=f"r{number}")
        assert happens(lambda: server.metric("mainline_log_written_total") == 20)
        # Its writer lives: nobody else takes it.
        assert ship.ship(spool, Folder(tmp_path / "log")).files == 0
        server.process.kill()
        server.process.wait()
    ship.ship_once(spool, Folder(tmp_path / "log"))
    assert landed(tmp_path / "log") == [f"r{number}" for number in range(20)]


@pytest.mark.slow
def test_a_quiet_servers_predictions_and_labels_land_without_its_end(
    binary: Export, spool: Path, tmp_path: Path
) -> None:
    to = tmp_path / "log"
    command = [sys.executable, "-c", "import sys; from mainline.cli.main import main; sys.exit(main(sys.argv[1:]))"]
    call = ["ship", "--spool", spool, "--to", to, "--every", "0.1"]
    environment = {**os.environ, "PYTHONPATH": str(TOP / "src")}
    with started(binary.folder, LOG=spool, LOG_FILE_SECONDS=1) as server:
        shipper = subprocess.Popen([*command, *call], env=environment, stderr=subprocess.PIPE, text=True)
        try:
            server.post(records(ROW), x_request_id="one")
            server.label({"id": "one", "label": True})
            assert happens(lambda: landed(to) == ["one"] and landed(to, "feedback") == ["one"])
            server.post(records(ROW), x_request_id="two")
            server.stop()
            shipper.terminate()
            said = shipper.communicate(timeout=HANG)[1]
        finally:
            if shipper.poll() is None:
                shipper.kill()
    assert shipper.returncode == 0
    assert sorted(landed(to)) == ["one", "two"]
    assert "1 requests and 1 labels" in said or "1 requests and 0 labels" in said
    assert not list(spool.iterdir())


def test_a_broken_line_is_reported_and_the_rest_lands(
    binary: Export, spool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    fill(binary, spool, ["a", "b"])
    fill(binary, spool, ["c"])
    first, second = sorted(spool.iterdir())
    lines = first.read_bytes().splitlines(keepends=True)
    first.write_bytes(b"".join([lines[0], b"{broken\n", *lines[1:]]))
    second.write_bytes(b"no header\n" + second.read_bytes())
    status = main(["ship", "--spool", str(spool), "--to", str(tmp_path / "log")])
    said = capsys.readouterr().err
    assert status == DataError.status
    assert f"{first.name}: 1 lines cannot be read (line 2)" in said
    assert f"{second.name}: the first line is not a header" in said
    assert landed(tmp_path / "log") == ["a", "b"]
    # What cannot be read is kept for a look, and not tried again.
    assert sorted(path.suffix for path in spool.iterdir()) == [".corrupt", ".corrupt"]
    assert main(["ship", "--spool", str(spool), "--to", str(tmp_path / "log")]) == 0


def test_what_is_kept_for_a_look_is_bounded_too(spool: Path) -> None:
    from mainline.serving.spool_files import make_room

    spool.mkdir()
    (spool / "predictions-1-a.jsonl.corrupt").write_bytes(b"x" * 1000)
    assert make_room(spool, "predictions", 500) == 0
    assert not list(spool.iterdir())


def test_a_folder_that_cannot_be_written_keeps_the_spool_as_it_is(binary: Export, spool: Path, tmp_path: Path) -> None:
    fill(binary, spool, ["a"])
    (tmp_path / "file").write_text("")
    with pytest.raises(ExternalError, match=r"cannot write to .*file/log"):
        ship.ship_once(spool, Folder(tmp_path / "file" / "log"))
    assert len(list(spool.glob("*.jsonl"))) == 1


@pytest.mark.slow
def test_a_full_disk_leaves_nothing_half_written(binary: Export, spool: Path, tmp_path: Path) -> None:
    fill(binary, spool, [f"r{number}" for number in range(2000)])
    program = f"""
import resource, sys
from pathlib import Path
from mainline.errors import ExternalError
from mainline.monitoring.shipping import destination as landing, ship as shipping
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
try:
    shipping.ship(Path({str(spool)!r}), landing.Folder(Path({str(tmp_path / "log")!r})))
except ExternalError as error:
    sys.exit(error.status)
"""
    done = subprocess.run([sys.executable, "-c", program], timeout=HANG, check=False, capture_output=True, text=True)
    assert done.returncode == 4, done.stderr
    assert not [path for path in (tmp_path / "log").rglob("*") if path.is_file()]
    ship.ship_once(spool, Folder(tmp_path / "log"))
    assert len(landed(tmp_path / "log")) == 2000


def test_the_log_lands_in_an_object_store(binary: Export, spool: Path, s3: str) -> None:
    fill(binary, spool, ["a", "b"])
    (path,) = spool.iterdir()
    name = path.stem.removeprefix("predictions-")
    store = destination.at(f"{s3}/team/log/", Path())
    assert isinstance(store, Store)
    ship.ship_once(spool, store)
    with store.system.open(f"{s3}/team/log/predictions/{name}.parquet") as file:
        assert pq.read_table(file)["_request"].to_pylist() == ["a", "b"]
    assert not list(spool.iterdir())


@pytest.mark.slow
def test_with_the_store_away_the_spool_is_kept_bounded_and_counted_and_lands_later(
    binary: Export, spool: Path, tmp_path: Path, s3: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = os.environ["AWS_ENDPOINT_URL"]
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    away = destination.at(f"{s3}/log", Path())
    log = PredictionLog(spool, replace(Configuration(), log_bytes=40_000, log_file_bytes=5_000), binary.signature, "1")
    log.start()
    for number in range(500):
        log.put(logged(log, f"r{number}", [CELLS], [[0.25, 0.75]]))
        if number % 50 == 49:
            assert happens(lambda: log.put_bytes == log.taken_bytes)
    log.stop()
    assert (log.written, log.dropped["queue"], log.dropped["disk"]) == (500, 0, 0)
    assert log.dropped["rotated"] > 0
    with pytest.raises(ExternalError, match=r"monitor\.log: s3://bucket/log cannot be written"):
        ship.ship_once(spool, away)
    assert sum(path.stat().st_size for path in spool.iterdir()) <= 40_000
    monkeypatch.setenv("AWS_ENDPOINT_URL", there)
    back = Store(f"{s3}/log")
    assert ship.ship_once(spool, back).lines["predictions"] + log.dropped["rotated"] == 500


def test_a_prefix_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(
        ConfigurationError, match=r"monitor\.log: ftp:// is not supported; use a folder or one of s3, gs"
    ):
        destination.at("ftp://host/log", Path())


def test_a_missing_spool_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["ship", "--spool", str(tmp_path / "no"), "--to", str(tmp_path)]) == 2
    assert "MAINLINE_LOG" in capsys.readouterr().err


def test_following_says_once_that_it_cannot_and_goes_on(
    binary: Export, spool: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(binary, spool, ["a"])
    blocked = tmp_path / "log"
    blocked.write_text("")
    rounds: list[Folder] = []

    def place() -> Folder:
        rounds.append(Folder(blocked))
        if len(rounds) == 4:
            blocked.unlink()
            # Arrives in the round that succeeds, or after it: then comes one more.
            os.kill(os.getpid(), signal.SIGTERM)
        return rounds[-1]

    assert ship.follow(spool, place, 0.01) == 0
    said = capsys.readouterr().err
    assert said.count("1 files wait in") == 1
    assert landed(blocked) == ["a"]


def test_the_image_that_ships_has_every_package_that_ship_imports(tmp_path: Path) -> None:
    """pydantic, DuckDB or pandas, which are not in the group `ship`, would only be missed in the container."""
    code = (
        "import sys; from mainline.cli.main import main; status = main(sys.argv[1:]); "
        "import mainline.monitoring.shipping.parquet, mainline.monitoring.shipping.topic; "
        "print('IMPORTED', *sorted({name.partition('.')[0] for name in sys.modules})); sys.exit(status)"
    )
    words = ["ship", "--spool", str(tmp_path), "--to", str(tmp_path / "to")]
    done = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    imported = {*done.stdout.partition("IMPORTED ")[2].split()}
    assert not imported & {"pydantic", "yaml", "duckdb", "pandas", "ibis", "sklearn", "requests"}
