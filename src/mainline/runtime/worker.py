"""A second process for what can be done while the model is fitted: validation, logging, importance.

One process for all of it, since these jobs share their heavy imports. It speaks JSON, a line a
message: jobs on its standard input, done in their order, and an answer to each on its standard
output. When the run that started it dies, it ends too.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import IO, Any

from mainline import errors

# Large arrays come and go: without this the allocator hands each back to the system and asks anew.
MEMORY = {"MALLOC_MMAP_THRESHOLD_": "33554432", "MALLOC_TRIM_THRESHOLD_": "4294967296"}
OBJECTS = 100_000  # libraries make hundreds of thousands of objects that stay: look for garbage less often


class Beside:
    """The process; `ask` hands it a job and returns at once."""

    def __init__(self) -> None:
        self.messages = tempfile.TemporaryFile(mode="w+")  # noqa: SIM115
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mainline.runtime.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.messages,
            text=True,
            env={**os.environ, **MEMORY},
        )
        self.open: deque[Future[Any]] = deque()
        # Answers are taken as they come: a full pipe would stop the work behind it.
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def ask(self, function: Callable[..., Any], **arguments: Any) -> Future[Any]:
        """Have a module's function called there, with arguments and an answer that JSON can hold.

        Its failure is raised by `result` as what it was there.
        """
        future: Future[Any] = Future()
        self.open.append(future)
        assert self.process.stdin
        try:
            self.process.stdin.write(json.dumps({"function": name_of(function), "arguments": arguments}) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            self.reader.join()  # it takes the answers that were given before the end
            self._fail()
        return future

    def stop(self) -> None:
        """End it, whatever it is doing; an error on the way out would hide the one that brought us here."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.reader.join()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe
            with contextlib.suppress(BrokenPipeError):  # a job that it did not live to read
                pipe.close()
        self.messages.close()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            message = json.loads(line)
            future = self.open.popleft()
            if "error" in message:
                future.set_exception(getattr(errors, message["kind"])(message["error"]))
            else:
                future.set_result(message["answer"])
        self._fail()

    def _fail(self) -> None:
        """It has ended: whoever still waits for an answer is told what it said last."""
        status = self.process.wait()
        while self.open:
            self.messages.seek(0)
            said = self.messages.read().strip()[-2000:]
            self.open.popleft().set_exception(
                errors.ExternalError(f"a helper process stopped (status {status}): {said}")
            )


def name_of(function: Callable[..., Any]) -> str:
    """`module:function`, as the other process finds it."""
    found = f"{function.__module__}:{function.__qualname__}"
    if function.__module__ == "__main__" or not function.__qualname__.isidentifier():
        raise ValueError(f"{found} is not a function of a module: another process cannot import it")
    return found


def serve(jobs: Iterator[str], answers: IO[str]) -> None:
    for line in jobs:
        job = json.loads(line)
        try:
            module, _, name = job["function"].partition(":")
            answer = getattr(importlib.import_module(module), name)(**job["arguments"])
            message = {"answer": answer}
        except errors.MainlineError as error:
            message = {"error": str(error), "kind": type(error).__name__}
        except Exception as error:
            traceback.print_exc()
            found = traceback.extract_tb(error.__traceback__)[-1]
            said = f"{job['function']} failed: {type(error).__name__}: {error} ({found.filename}:{found.lineno})"
            message = {"error": said, "kind": "ExternalError"}
        answers.write(json.dumps(message) + "\n")
        answers.flush()


def die_with_parent() -> None:
    """Linux ends this process with the run that started it, also when that is killed."""
    import ctypes
    import signal

    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def main() -> None:
    die_with_parent()
    os.nice(10)  # the training that somebody waits for goes first
    gc.set_threshold(OBJECTS, 20, 100)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints is no answer
    serve(at_once(sys.stdin), answers)


def at_once(lines: IO[str]) -> Iterator[str]:
    """The lines, read as they come: whoever writes them must not wait until a job is done."""
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()

    def read() -> None:
        for line in lines:
            waiting.put(line)
        waiting.put("")

    threading.Thread(target=read, daemon=True).start()
    return iter(waiting.get, "")


if __name__ == "__main__":
    main()
