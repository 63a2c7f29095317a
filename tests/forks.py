"""A program of the warm process that a test starts itself: as `subprocess.Popen`, without a program between the two."""

from __future__ import annotations

import functools
import marshal
import os
import select
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests import warm


class Fork(subprocess.Popen[str]):
    """`Popen` of `-m module …`: the process is a fork of the warm one, and so no child of this one.

    The socket by which it was asked for says how it ended, and ends it where this process is gone.
    """

    def _execute_child(self, args: Any, *given: Any) -> None:
        cwd, env, files = given[4], given[5], given[9:15]  # of each file what is read and what is written
        theirs = [own if file == -1 else file for own, file in enumerate((files[0], files[3], files[5]))]
        program, _, *arguments = args
        self.asked = socket.socket(socket.AF_UNIX)
        self.asked.connect(str(Path(program).parents[1] / "socket"))
        request = marshal.dumps([program, arguments, str(cwd or Path.cwd()), dict(os.environ if env is None else env)])
        socket.send_fds(self.asked, [len(request).to_bytes(4, "big")], theirs)
        self.asked.sendall(request)
        self.pid = int.from_bytes(self.asked.recv(4), "big")
        self._child_created = True
        self._close_pipe_fds(*files)  # type: ignore[attr-defined]

    def _internal_poll(self, _deadstate: Any = None, **functions: Any) -> int | None:
        with self._waitpid_lock:  # type: ignore[attr-defined]
            if self.returncode is None:
                process, status = self._try_wait(os.WNOHANG)
                if process:
                    self._handle_exitstatus(status)  # type: ignore[attr-defined]
        return self.returncode

    def _try_wait(self, wait_flags: int) -> tuple[int, int]:
        if wait_flags == os.WNOHANG and not select.select([self.asked], [], [], 0)[0]:
            return 0, 0
        status = int.from_bytes(self.asked.recv(4), "big", signed=True)
        self.asked.close()
        return self.pid, -status if status < 0 else status << 8  # as `waitpid` gives it


def start(module: str, *arguments: str, env: dict[str, str], **options: Any) -> subprocess.Popen[str]:
    """A process of this module: a fork of the warm one, where that can be what an interpreter would be."""
    program = warm.python()
    kind = Fork if program != sys.executable and takes(program, module, env) else subprocess.Popen
    return kind([program, "-m", module, *arguments], env=env, **options)


def takes(program: str, module: str, env: dict[str, str]) -> bool:
    """Whether the program would ask for a fork."""
    at_start = {each for each in env.items() if each[0].startswith(warm.AT_START) and each[0] != "PYTHONPATH"}
    return module in warm.MODULES and at_start <= given(program)


@functools.cache
def given(program: str) -> set[tuple[str, str]]:
    return set(marshal.loads(Path(program).with_name("given").read_bytes()))
