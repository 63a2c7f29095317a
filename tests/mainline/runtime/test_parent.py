"""Processes that end with the one that started them, also where the system does not see to it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from tests.bounds import HANG

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(1000)"]
# Starts a sleeper in the way of a platform that does not end processes with their parent, then is killed.
STARTER = """
import os, subprocess, sys
from mainline.runtime import parent
parent.LINUX = False
OWN, SLEEPER = {own!r}, {sleeper!r}
{program}
os.kill(os.getpid(), 9)
"""
WRAPPED = "subprocess.Popen(parent.ending_with_parent(SLEEPER), stdout=int(sys.argv[1])); sys.stdin.readline()"
OWN = """
import time
from mainline.runtime import parent
from tests.bounds import HANG
parent.LINUX = False
parent.die_with_parent()
print("up", flush=True)
time.sleep(1000)
"""
WATCHING = "subprocess.Popen([sys.executable, '-c', OWN], stdout=int(sys.argv[1])); sys.stdin.readline()"


@pytest.mark.parametrize("program", [WRAPPED, WATCHING], ids=["any command", "our own"])
def test_a_child_of_a_killed_process_ends_on_every_platform(program: str) -> None:
    read, write = os.pipe()
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER.format(program=program, own=OWN, sleeper=SLEEPER), str(write)],
        stdin=subprocess.PIPE, pass_fds=[write], text=True,
    )  # fmt: skip
    os.close(write)
    with os.fdopen(read) as said:
        assert said.readline() == "up\n"
        starter.communicate("die\n")
        assert starter.returncode == -signal.SIGKILL
        # The pipe ends when the last process that could write to it has: a child that stays would block here.
        assert said.read() == ""


def test_a_wrapped_command_gets_the_signals_and_ends_as_it_ends() -> None:
    wrapper = subprocess.Popen(
        [sys.executable, "-m", "mainline.runtime.parent", *SLEEPER], stdout=subprocess.PIPE, text=True
    )
    assert wrapper.stdout
    assert wrapper.stdout.readline() == "up\n"
    wrapper.terminate()
    assert wrapper.wait(timeout=HANG) == -signal.SIGTERM
    wrapper.stdout.close()
    status = [sys.executable, "-m", "mainline.runtime.parent", sys.executable, "-c", "raise SystemExit(3)"]
    assert subprocess.run(status, check=False).returncode == 3
