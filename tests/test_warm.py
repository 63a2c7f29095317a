"""What is started by the program of `tests/warm.py` is as it would be in a new interpreter."""

from __future__ import annotations

import json
import marshal
import os
import select
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import forks, warm
from tests.bounds import HANG

pytestmark = pytest.mark.slow

MAIN = """\
import json, os, signal, sys
print(json.dumps({"arguments": sys.argv[1:], "folder": os.getcwd(), "said": os.environ.get("SAID"),
                  "given": sys.stdin.read(), "warm": "mlflow" in sys.modules, "pid": os.getpid()}), flush=True)
print("a complaint", file=sys.stderr)
if sys.argv[1] == "wait":
    signal.pause()
if sys.argv[1] == "die":
    os.kill(os.getpid(), signal.SIGKILL)
sys.exit(int(sys.argv[1]))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of another `mainline`, which says how it was started."""
    (tmp_path / "mainline").mkdir()
    (tmp_path / "mainline" / "__init__.py").touch()
    (tmp_path / "mainline" / "__main__.py").write_text(MAIN)
    return tmp_path


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(params=["by its program", "as a fork"])
def started(request: pytest.FixtureRequest) -> Start:
    """What starts `-m mainline`: as others do, and as tests do."""

    def start(folder: Path, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        options: dict[str, Any] = {"cwd": folder.parent, "text": True, **pipes}
        options["env"] = {**os.environ, "PYTHONPATH": str(folder), **variables}
        if request.param == "as a fork":
            return forks.start("mainline", *arguments, **options)
        return subprocess.Popen([warm.python(), "-m", "mainline", *arguments], **options)

    return start


def test_arguments_folder_variables_files_and_status_are_those_of_the_call(started: Start, folder: Path) -> None:
    process = started(folder, "3", "--more", SAID="something")
    out, err = process.communicate("some lines\n", timeout=HANG)
    said = json.loads(out)
    del said["pid"]
    assert said == {
        "arguments": ["3", "--more"],
        "folder": str(folder.parent),
        "said": "something",
        "given": "some lines\n",
        "warm": True,
    }
    assert (process.returncode, err) == (3, "a complaint\n")


def test_a_copy_of_this_code_is_where_it_is_and_a_changed_one_is_imported(started: Start, tmp_path: Path) -> None:
    package = tmp_path / "src" / "mainline"
    shutil.copytree(warm.OURS_AT["mainline"], package, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "9.9.9"\n')
    said = [started(package.parent, "--version").communicate("", timeout=HANG)[0]]
    with open(package / "errors.py", "a") as errors:
        errors.write('print("changed")\n')
    said.append(started(package.parent, "--version").communicate("", timeout=HANG)[0])
    assert said == ["mainline 9.9.9\n", "changed\nmainline 9.9.9\n"]


@pytest.mark.parametrize("variable", ["PYTHONHASHSEED", "OMP_NUM_THREADS"])
def test_a_variable_that_is_read_at_the_start_is_a_new_interpreters(
    started: Start, folder: Path, variable: str
) -> None:
    process = started(folder, "0", **{variable: "4"})
    out, _ = process.communicate("", timeout=HANG)
    assert process.returncode == 0
    assert json.loads(out)["warm"] is False


def test_what_ends_the_work_ends_the_program_the_same_way(started: Start, folder: Path) -> None:
    process = started(folder, "die")
    process.communicate("", timeout=HANG)
    assert process.returncode == -signal.SIGKILL


def test_what_nobody_reads_any_more_ends_as_with_a_new_interpreter(started: Start, folder: Path) -> None:
    statuses = []
    for variables in ({}, {"PYTHONHASHSEED": "4"}):
        process = started(folder, "0", **variables)
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        process.stdin.close()
        assert "BrokenPipeError" in process.stderr.read()
        process.stderr.close()
        statuses.append(process.wait(HANG))
    assert statuses == [1, 1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_signal_to_the_program_ends_the_work(started: Start, folder: Path, number: signal.Signals) -> None:
    process = started(folder, "wait")
    assert process.stdin
    assert process.stdout
    process.stdin.close()
    work = os.pidfd_open(json.loads(process.stdout.readline())["pid"])
    process.send_signal(number)
    assert process.wait(HANG) == -number
    assert select.select([work], [], [], HANG)[0], "it goes on"
    os.close(work)
    for pipe in (process.stdout, process.stderr):
        assert pipe
        pipe.close()


@pytest.mark.parametrize("said", ["nothing", "a part", "all, and it hears no answer"])
def test_who_is_killed_while_asking_leaves_no_work_behind(folder: Path, said: str) -> None:
    """Its files end, so that whoever reads them does not wait for ever."""
    request = marshal.dumps(["python", ["mainline", "wait"], str(folder), {**os.environ, "PYTHONPATH": str(folder)}])
    reader, writer = os.pipe()
    nothing = os.open(os.devnull, os.O_RDWR)
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(str(Path(warm.python()).parents[1] / "socket"))
        if said != "nothing":
            socket.send_fds(asking, [len(request).to_bytes(4, "big")], [nothing, writer, writer])
            asking.sendall(request[: 10 if said == "a part" else None])
    for file in (nothing, writer):
        os.close(file)
    output = b"some"
    while output:
        assert select.select([reader], [], [], HANG)[0], "it goes on"
        output = os.read(reader, 1 << 16)
    os.close(reader)
