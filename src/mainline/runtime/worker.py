"""A worker process for what can be done while the model is fitted: validation, logging, importance.

One process for all of it, since these jobs share their heavy imports. It speaks JSON, one message per line: jobs on its
standard input, done in the order of their submission, and one result per job on its standard output. When the run that
started it dies, it ends too. (`concurrent.futures` has no executor whose process ends with a parent that is killed.)
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
from mainline.runtime.parent import die_with_parent

# Large arrays come and go: without this the allocator returns each to the system and requests it again.
MEMORY = {"MALLOC_MMAP_THRESHOLD_": "33554432", "MALLOC_TRIM_THRESHOLD_": "4294967296"}
NICE = 10
OBJECTS = 100_000  # libraries create hundreds of thousands of long-lived objects: collect garbage less often


class Worker:
    """The worker process; `submit` gives it a job and returns a future at once.

    `nice` is how much it gives way to others: as usual to the training, for which somebody waits.
    """

    def __init__(self, nice: int = NICE) -> None:
        self.messages = tempfile.TemporaryFile(mode="w+")  # noqa: SIM115
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mainline.runtime.worker", str(nice)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.messages,
            text=True,
            env={**os.environ, **MEMORY},
        )
        self.pending: deque[Future[Any]] = deque()
        # Results are read as they come: a full pipe would block the worker.
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def submit(self, function: Callable[..., Any], **arguments: Any) -> Future[Any]:
        """Call a module's function in the worker; arguments and result must be JSON.

        An error in the function is raised by the future's `result`: a `MainlineError` as the same class, any other
        exception as `ExternalError` with its file and line.
        """
        future: Future[Any] = Future()
        self.pending.append(future)
        assert self.process.stdin
        try:
            self.process.stdin.write(json.dumps({"function": name_of(function), "arguments": arguments}) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            self.reader.join()  # it reads the results that were written before the end
            self._fail()
        return future

    def stop(self) -> None:
        """End the process at once, in the middle of a job too; raises nothing, so that it hides no other error."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.reader.join()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe
            with contextlib.suppress(BrokenPipeError):  # a job that it did not read
                pipe.close()
        self.messages.close()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            message = json.loads(line)
            future = self.pending.popleft()
            if "error" in message:
                future.set_exception(getattr(errors, message["kind"])(message["error"]))
            else:
                future.set_result(message["result"])
        self._fail()

    def _fail(self) -> None:
        """The process has ended: every pending job fails with the last lines of its standard error."""
        status = self.process.wait()
        while self.pending:
            self.messages.seek(0)
            output = self.messages.read().strip()[-2000:]
            self.pending.popleft().set_exception(
                errors.ExternalError(f"the worker process stopped (status {status}): {output}")
            )


def name_of(function: Callable[..., Any]) -> str:
    """`module:function`, by which the worker imports it."""
    found = f"{function.__module__}:{function.__qualname__}"
    if function.__module__ == "__main__" or not function.__qualname__.isidentifier():
        raise ValueError(f"{found} is not a top-level function of a module, so the worker cannot import it")
    return found


def work(jobs: Iterator[str], results: IO[str]) -> None:
    """Do the jobs, one JSON message per line, and write one result per job."""
    for line in jobs:
        job = json.loads(line)
        try:
            module, _, name = job["function"].partition(":")
            result = getattr(importlib.import_module(module), name)(**job["arguments"])
            message = {"result": result}
        except errors.MainlineError as error:
            message = {"error": str(error), "kind": type(error).__name__}
        except Exception as error:
            traceback.print_exc()
            found = traceback.extract_tb(error.__traceback__)[-1]
            text = f"{job['function']} failed: {type(error).__name__}: {error} ({found.filename}:{found.lineno})"
            message = {"error": text, "kind": "ExternalError"}
        results.write(json.dumps(message) + "\n")
        results.flush()


def main() -> None:
    die_with_parent()
    os.nice(int(sys.argv[1]) if len(sys.argv) > 1 else NICE)
    gc.set_threshold(OBJECTS, 20, 100)
    results = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is not a result
    work(read_ahead(sys.stdin), results)


def read_ahead(lines: IO[str]) -> Iterator[str]:
    """The lines, read as they come, so that a submission never waits until a job is done."""
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()

    def read() -> None:
        for line in lines:
            waiting.put(line)
        waiting.put("")

    threading.Thread(target=read, daemon=True).start()
    return iter(waiting.get, "")


if __name__ == "__main__":
    main()
