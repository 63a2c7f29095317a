from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mainline.errors import ExternalError
from mainline.runtime import file_digests
from mainline.runtime.file_digests import digests, stamp, unchanged

OPENED: list[str] | None = None


def _note(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and OPENED is not None:
        OPENED.append(str(arguments[0]))


sys.addaudithook(_note)


@pytest.fixture
def opened() -> Iterator[list[str]]:
    """The files that are opened during the test."""
    global OPENED
    OPENED = []
    yield OPENED
    OPENED = None


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that were written just now count as written long ago, so that no test has to wait."""
    monkeypatch.setattr(file_digests, "RACY_NS", 0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text(name)
    return tmp_path


def test_files_that_nobody_touched_are_unchanged_and_not_read(folder: Path, settled: None, opened: list[str]) -> None:
    stamps = stamp(["*.csv"], folder, folder / "index.json")
    opened.clear()
    assert unchanged(stamps)
    assert opened == []


def test_known_digests_are_not_computed_again(folder: Path, settled: None, opened: list[str]) -> None:
    paths = [folder / "a.csv", folder / "b.csv"]
    first = digests(paths, folder / "index.json")
    opened.clear()
    assert digests(paths, folder / "index.json") == first
    assert opened == [str(folder / "index.json")]


def test_a_file_written_again_within_the_clock_s_tick_is_noticed(folder: Path) -> None:
    stamps = stamp(["*.csv"], folder, folder / "index.json")
    path = folder / "a.csv"
    path.write_text("z")
    status = path.stat()
    # The same size and, as on a clock that has not ticked since, the same times.
    stamps["files"][str(path)]["facts"] = [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
    assert not unchanged(stamps)


def test_a_file_with_its_old_time_put_back_is_noticed(folder: Path, settled: None) -> None:
    path = folder / "a.csv"
    before = path.stat()
    stamps = stamp(["*.csv"], folder, folder / "index.json")
    path.write_text("z")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert not unchanged(stamps)


def test_a_touched_file_with_the_same_content_is_unchanged(folder: Path, settled: None) -> None:
    stamps = stamp(["*.csv"], folder, folder / "index.json")
    os.utime(folder / "a.csv", (0, 0))
    assert unchanged(stamps)


@pytest.mark.parametrize("change", ["added", "removed", "renamed", "edited"])
def test_a_change_of_the_files_is_noticed(folder: Path, settled: None, change: str) -> None:
    stamps = stamp(["*.csv"], folder, folder / "index.json")
    if change == "added":
        (folder / "c.csv").write_text("c")
    elif change == "removed":
        (folder / "a.csv").unlink()
    elif change == "renamed":
        (folder / "a.csv").rename(folder / "c.csv")
    else:
        (folder / "a.csv").write_text("longer")
    assert not unchanged(stamps)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"version": 99, "files": {}}'])
def test_an_index_that_cannot_be_read_is_started_anew(folder: Path, content: str) -> None:
    index = folder / "index.json"
    expected = digests([folder / "a.csv"], folder / "other.json")
    index.write_text(content)
    assert digests([folder / "a.csv"], index) == expected


def test_stamps_of_another_version_say_nothing(folder: Path) -> None:
    assert not unchanged({**stamp(["*.csv"], folder, folder / "index.json"), "version": 99})


def test_of_a_url_nothing_is_said(folder: Path) -> None:
    assert not unchanged(stamp(["*.csv", "http://127.0.0.1/a.csv"], folder, folder / "index.json"))


def test_a_file_that_is_gone_is_named(folder: Path) -> None:
    with pytest.raises(ExternalError, match=r"gone\.csv could not be read: No such file"):
        digests([folder / "gone.csv"], folder / "index.json")


def test_the_check_imports_the_standard_library_alone() -> None:
    program = """
import sys
import mainline.runtime.file_digests
print(sorted({name.partition(".")[0] for name in sys.modules} - sys.stdlib_module_names - {"mainline", "__main__"}))
"""
    alone = [sys.executable, "-S", "-c", program]
    source = Path(file_digests.__file__).parents[2]
    done = subprocess.run(alone, env={"PYTHONPATH": str(source)}, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
