"""What was started elsewhere ends with its caller, also when that is killed: a process of its own waits for it."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence

# The pipe on its standard input closes when the caller ends, however it ends.
WAIT = "import subprocess, sys; sys.stdin.buffer.read(); sys.exit(subprocess.run(sys.argv[1:]).returncode)"


@contextlib.contextmanager
def removed_at_end(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[None]:
    """Run `command` when the block ends, or when this process does."""
    with subprocess.Popen(
        [sys.executable, "-IS", "-c", WAIT, *command],
        env=dict(environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for the caller
    ) as waiting:
        try:
            yield
        finally:
            assert waiting.stdin
            waiting.stdin.close()
            waiting.wait()
