"""Processes that end with the one that started them, also when that is killed, on every platform.

Linux ends them itself. Elsewhere a process watches its parent: a thread of its own does in Mainline's own processes,
and `python -m mainline.runtime.parent COMMAND …` does for any other.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence

LINUX = sys.platform == "linux"
EVERY = 0.2  # seconds between two looks at the parent


def die_with_parent() -> None:
    """End this process when the one that started it ends."""
    if LINUX:
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    else:
        watch(lambda: os.kill(os.getpid(), signal.SIGKILL))


def watch(end: Callable[[], object]) -> None:
    """Call `end` from a thread of its own as soon as the parent is gone."""
    parent = os.getppid()

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(EVERY)
        end()

    threading.Thread(target=look, daemon=True).start()


def ending_with_parent(command: Sequence[str]) -> list[str]:
    """The command as a process that ends with this one, where `die_with_parent` is its `preexec_fn` too."""
    return list(command) if LINUX else [sys.executable, "-m", "mainline.runtime.parent", *command]


def main(command: Sequence[str]) -> int:
    """Run a command, hand signals on to it, end as it ends, and end it when the parent is gone."""
    with subprocess.Popen(command) as child:

        def end() -> None:
            child.kill()
            os._exit(1)

        watch(end)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, frame: child.send_signal(number))
        status = child.wait()
    if status < 0:
        signal.signal(-status, signal.SIG_DFL) if -status != signal.SIGKILL else None
        os.kill(os.getpid(), -status)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
