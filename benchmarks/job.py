"""The main job in a clone of this repository, against a bare script, in alternating rounds.

The example has a script of its own and is measured on a whole year. A project of its own is measured as it is: the
ratios are promised where its bare script takes seconds; the set-up, whose time depends on the table, is only measured.
"""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import yaml

from benchmarks.table import Row

TOP = Path(__file__).resolve().parents[1]
ROUNDS = 3
ENOUGH = 4.0  # seconds of a project's bare script: below, a run's imports and checks are more than the work
YEAR = ("2014-01-01 00:00-05", "2013-12-01 00:00-05")  # the cutoff and the holdout's start
EXAMPLE = (TOP / "data" / "example.txt").is_file()


def measure(folder: Path) -> list[Row]:
    """Nothing cached, one parameter changed, nothing changed."""
    clone(folder)
    command(folder, ["make", "install"])
    changed, first, rows = "l2_regularization: ", 11.0, "337 k rows"
    if EXAMPLE:
        edit(folder, "until: 2013-10-01", "until: 2014-01-01")
        commit(folder, "A year")
    else:
        (changed, first), rows = parameter(folder), "this project"
    run(folder)
    floors, cold, warm, same = [], [], [], []
    for number in range(ROUNDS):
        floors.append(floor(folder))
        edit_number(folder, changed, first * (1 + 0.02 * number))
        forget(folder)
        cold.append(run(folder))
        floors.append(floor(folder))
        edit_number(folder, changed, first * (1.01 + 0.02 * number))
        warm.append(run(folder))
        same += [run(folder) for _ in range(3)]
    bare = statistics.median(floors)
    shown = f"bare script {bare:.1f} s ({min(floors):.1f} to {max(floors):.1f})"
    return [
        ratio(f"make run, nothing cached, baseline known, {rows}", 1.5, cold, bare, shown),
        ratio("make run, one model parameter changed", 1.2, warm, bare, shown),
        Row(
            "make run, nothing changed",
            "≤ 0.5 s",
            f"{statistics.median(same):.2f} s ({min(same):.2f} to {max(same):.2f})",
            statistics.median(same) <= 0.5,
        ),
    ]


def set_up(folder: Path) -> list[Row]:
    """From nothing to the first trained model, with a warm package cache."""
    started = time.perf_counter()
    clone(folder)
    command(folder, ["make", "run"])
    seconds = time.perf_counter() - started
    goal, reached = ("≤ 60 s", seconds <= 60) if EXAMPLE else ("by the table", None)
    return [Row("git clone to the first trained model", goal, f"{seconds:.0f} s", reached)]


def parameter(folder: Path) -> tuple[str, float]:
    """A number of `train.params` that may be another in its last digits, as it is written, and its value."""
    params = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))["train"].get("params", {})
    for name, value in params.items():
        if isinstance(value, float) and value:
            return f"{name}: ", value
    raise SystemExit("benchmarks: train.params has no number with a fraction, such as learning_rate: 0.1, to change")


def ratio(what: str, goal: float, seconds: Sequence[float], bare: float, shown: str) -> Row:
    taken = statistics.median(seconds)
    said = f"{taken / bare:.2f} × ({taken:.1f} s, {min(seconds):.1f} to {max(seconds):.1f}); {shown}"
    if not EXAMPLE and bare < ENOUGH:
        return Row(what, f"none: the bare script takes less than {ENOUGH:.0f} s", said)
    return Row(what, f"≤ {goal:.1f} × the bare script", said, taken <= goal * bare)


def clone(folder: Path) -> None:
    subprocess.run(["git", "clone", "--quiet", str(TOP), str(folder)], check=True)
    if commit_of(folder, "main") is None:
        subprocess.run(["git", "branch", "--quiet", "main"], cwd=folder, check=True)


def commit_of(folder: Path, ref: str) -> str | None:
    done = subprocess.run(["git", "rev-parse", "--verify", "-q", ref], cwd=folder, capture_output=True, text=True)
    return done.stdout.strip() or None


def commit(folder: Path, message: str) -> None:
    who = ["-c", "user.name=bench", "-c", "user.email=bench@example.org"]
    subprocess.run(["git", *who, "commit", "--quiet", "--all", "--message", message], cwd=folder, check=True)


def edit(folder: Path, before: str, after: str) -> None:
    params = folder / "params.yaml"
    text = params.read_text(encoding="utf-8")
    assert before in text, before
    params.write_text(text.replace(before, after), encoding="utf-8")


def edit_number(folder: Path, name: str, value: float) -> None:
    text = (folder / "params.yaml").read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if name in line)
    former = re.compile(re.escape(name) + r"[\d.e+-]+")
    edit(folder, line, former.sub(f"{name}{value:g}", line, count=1))


def forget(folder: Path) -> None:
    """Everything but the records and the store: what a run has computed before is gone."""
    for name in ("frames", "checks", "cache", "last.json"):
        path = folder / ".mainline" / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def floor(folder: Path) -> float:
    if not EXAMPLE:
        return command(folder, [".venv/bin/python", "benchmarks/bare.py"])
    return command(folder, [".venv/bin/python", "benchmarks/floor.py", *YEAR])


def run(folder: Path) -> float:
    # December's change of season may be refused: a verdict, too, is the whole work done.
    return command(folder, ["make", "--silent", "run", "BASE=main"], may_refuse=True)


def command(folder: Path, words: Sequence[str], may_refuse: bool = False) -> float:
    """Seconds of a command in the clone, with the clone's own environment and nothing of this one's."""
    unwanted = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYTHONPATH", "VIRTUAL_ENV"}
    environment = {name: value for name, value in os.environ.items() if name not in unwanted}
    started = time.perf_counter()
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    if done.returncode and not (may_refuse and "Error 1" in done.stderr):
        raise SystemExit(f"benchmarks: {' '.join(words)} failed ({done.returncode}):\n{done.stdout}{done.stderr}")
    return seconds
