"""A terminal whose encoding lacks the characters of a report."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import pytest

from mainline.runtime import terminal_text
from mainline.runtime.progress import Progress


@pytest.mark.parametrize("encoding", ["iso-8859-1", "iso-8859-9", "ascii", "cp1252", "utf-8"])
def test_a_command_prints_in_every_encoding(encoding: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mainline", "--help"],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    ellipsis = "…" if encoding in ("utf-8", "cp1252") else "..."
    assert f"COMMAND {ellipsis}" in done.stdout.decode(encoding)


def test_marks_have_a_plain_form_and_what_has_none_is_a_question_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), "iso-8859-1")
    monkeypatch.setattr(sys, "stderr", stream)
    terminal_text.never_fail()
    with Progress.on_terminal().stage("prepare") as detail:
        detail.text = "ROC AUC −0.010, margin ≥ 0.7, Größe, Łódź"
    stream.flush()
    assert stream.buffer.getvalue().decode("iso-8859-1").endswith("ROC AUC -0.010, margin >= 0.7, Größe, ?ód?\n")  # type: ignore[attr-defined]


def test_a_terminal_that_is_gone_costs_no_run() -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w", closefd=True, buffering=1) as stream:
        with Progress(stream).stage("train"):
            pass
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
