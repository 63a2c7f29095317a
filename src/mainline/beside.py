"""A second process for what can be done while the model is fitted: heavy imports, validation, logging.

It speaks JSON, a line a message: jobs on its standard input, one answer on its standard output.
When the run that started it dies, its input ends and it stops.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from typing import Any

from mainline import errors


class Beside:
    """A module of ours at work in a process of its own."""

    def __init__(self, module: str, *arguments: str) -> None:
        self.module = module
        self.messages = tempfile.TemporaryFile(mode="w+")  # noqa: SIM115
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.messages,
            text=True,
        )

    def send(self, job: dict[str, Any]) -> None:
        assert self.process.stdin
        try:
            self.process.stdin.write(json.dumps(job) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # it has stopped: `answer` says why

    def answer(self) -> dict[str, Any]:
        """Wait for its answer; its failure is raised here as what it was there."""
        out, _ = self.process.communicate()
        try:
            message: dict[str, Any] = json.loads(out)
        except ValueError:
            self.messages.seek(0)
            said = self.messages.read().strip()[-2000:]
            raise errors.ExternalError(f"{self.module} stopped (status {self.process.returncode}): {said}") from None
        if "error" in message:
            raise getattr(errors, message["kind"])(message["error"])
        return message

    def stop(self) -> None:
        """End it, whatever it is doing; an error on the way out would hide the one that brought us here."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
        self.messages.close()


def serve(work: Callable[[Iterator[dict[str, Any]]], dict[str, Any]]) -> None:
    """Be such a process: hand the jobs to `work` and answer with what it returns."""
    os.nice(10)  # the training that somebody waits for goes first
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints is no answer
    jobs = (json.loads(line) for line in sys.stdin)
    try:
        answer = work(jobs)
    except errors.MainlineError as error:
        answer = {"error": str(error), "kind": type(error).__name__}
    except Exception:
        traceback.print_exc()
        sys.exit(70)
    answers.write(json.dumps(answer))
    answers.close()
