"""No test fails because the machine is busy: what it waits for may take as long as a hang does."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import bounds
from tests.projects import TOP

# What waits: a call of one of these with a number, of which nothing else is the meaning.
WAITS = {"wait", "join", "communicate", "result", "select"}
SECOND = 1  # a shorter one is a step between two looks, or a time-out that the test is about
CLOCKS = {"monotonic", "perf_counter", "time"}
# The time-outs that the program itself has there: what must not answer is asked.
MEANT = {"tests/mainline/registry/test_runs.py"}
# Text without any of these has neither such a call nor such a comparison: most files need no parsing.
SUSPECT = re.compile(
    r"timeout|\.\s*(wait|communicate|result|select|monotonic|perf_counter|time)\b|\.\s*join\s*\(\s*[\d.(]"
)


def bounded(source: str) -> Iterator[int]:
    """The lines on which a call gives up after a number of seconds, or a time that passed is compared with one."""
    for node in ast.walk(ast.parse(source)) if SUSPECT.search(source) else ():
        if isinstance(node, ast.Call):
            named = [word.value for word in node.keywords if word.arg == "timeout"]
            waits = isinstance(node.func, ast.Attribute) and node.func.attr in WAITS
            if any(number(value) >= SECOND for value in [*named, *(node.args if waits else [])]):
                yield node.lineno
        elif isinstance(node, ast.Compare) and clocked(node.left) and any(map(number, node.comparators)):
            yield node.lineno


def number(node: ast.expr) -> float:
    is_one = isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool)
    return float(node.value) if is_one else 0.0  # type: ignore[attr-defined]


def clocked(node: ast.expr) -> bool:
    return any(isinstance(each, ast.Attribute) and each.attr in CLOCKS for each in ast.walk(node))


def test_no_test_gives_up_before_a_hang() -> None:
    files = {path.relative_to(TOP).as_posix(): path for path in Path(TOP, "tests").rglob("*.py")}
    early = [
        f"{name}:{line}"
        for name in sorted(files.keys() - MEANT)
        for line in bounded(files[name].read_text(encoding="utf-8"))
    ]
    assert early == [], "tests.bounds.HANG"


@pytest.mark.parametrize(
    "line",
    ["run(timeout=240)", "thread.join(5)", "process.wait(20.0)", "assert time.monotonic() - begun < 90"],
)
def test_a_bound_is_seen(line: str) -> None:
    assert list(bounded(line)) == [1]


def test_what_happens_late_is_waited_for_and_what_never_does_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = iter([0, 0, 1])
    assert bounds.happens(lambda: next(looks), every=0.0)
    monkeypatch.setattr(bounds, "HANG", 0)
    assert not bounds.happens(lambda: False, every=0.0)
