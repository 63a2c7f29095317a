"""The whole run on 100 million rows of 20 columns, which are made here and deleted afterwards, and on 6.7 million.

`python -m benchmarks.large 6.7` measures one size, in millions of rows.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from benchmarks import cost, job, monitor
from benchmarks.scale import TOP, by_stage
from benchmarks.table import Row

FEW, MANY = 6.7, 100.0  # millions of rows
FILES = 24
MOST = 12_000  # megabytes
DISK = 400  # bytes a row: table, frame, what sorting spills, matrix

NUMBERS = [f"x{place}" for place in range(13)]
TEXTS = {"store": 200, "product": 50, "channel": 5}

PARAMS = """\
task: binary
data:
  until: 2026-01-01
  sources:
    events: {path: data/events/*.parquet, time: at}
prepare:
  function: events.frame:prepare
  key: [id]
  time: at
  label: bought
  features:
    numeric: [clicks, NUMBERS]
    categorical: [store, product, channel]
split:
  by: time
  holdout: 1 month
train:
TRAIN
evaluate:
  slices: [channel]
compare:
  metric: roc_auc
  blocks: day
gates:
  margins:
    roc_auc: 0.01   # of no interest here
"""

SAMPLE = """\
  estimator: sklearn.ensemble.HistGradientBoostingClassifier
  params: {max_iter: 100, early_stopping: false, learning_rate: 0.1}
  rows: 2000000
"""
OUT_OF_CORE = """\
  estimator: xgboost.XGBClassifier
  params: {n_estimators: 10, max_depth: 6, learning_rate: 0.3}
  out_of_core: true
"""

FRAME = '''\
"""An event as it is known when it happens."""


def prepare(tables):
    events = tables["events"]
    return events.mutate(day=events.at.date())
'''


def measure(folder: Path) -> list[Row]:
    needed, free = int(MANY * DISK), shutil.disk_usage(tempfile.gettempdir()).free // 10**6
    if free < needed:
        return [Row("100 M rows", f"≤ {MOST:,} MB", f"left out: {needed:,} MB of disk are needed, {free:,} are free")]
    ways = {"train.rows: 2000000": SAMPLE}
    if find_spec("xgboost"):
        ways["XGBoost out of core"] = OUT_OF_CORE
    rows = []
    for name, train in ways.items():
        few, more = whole_run(folder / "few", FEW, train)
        many, stages = whole_run(folder / "many", MANY, train)
        said = f"{many.seconds:.0f} s, {many.megabytes:,.0f} MB"
        rows.append(Row(f"100 M rows, {name}", f"ends, ≤ {MOST:,} MB", said, many.megabytes <= MOST))
        longer, computed = many.seconds / few.seconds, many.processor / few.processor
        said = f"{longer:.1f} ×, of the processor {computed:.1f} × ({few.seconds:.0f} s, {few.megabytes:,.0f} MB)"
        # Neighbours make the clock run on, but not what the cores have computed.
        rows.append(Row("against 6.7 M rows", f"≤ {MANY / FEW:.0f} ×", said, min(longer, computed) <= MANY / FEW))
        rows += [Row("seconds by stage, 6.7 M", "", more), Row("seconds by stage, 100 M", "", stages)]
        shutil.rmtree(folder)
    rows += monitor.measure(folder / "monitor", (10, 100))
    shutil.rmtree(folder)
    return rows


def whole_run(folder: Path, millions: float, train: str) -> tuple[cost.Cost, str]:
    """A project without a baseline: collect, validate, prepare, fit, metrics, report."""
    if not folder.exists():
        project(folder, millions, train)
    environment = {**os.environ, "PYTHONPATH": str(folder / "src")}
    done = cost.of([sys.executable, "-m", "mainline", "run", "--base", "main"], folder, environment, passes=(0, 1))
    print(f"  {millions:g} M rows: {described(done)}; {by_stage(folder)}", file=sys.stderr, flush=True)
    return done, by_stage(folder)


def described(done: cost.Cost) -> str:
    return f"{done.seconds:.1f} s, {done.processor:.1f} s of the processor, {done.megabytes:,.0f} MB"


def project(folder: Path, millions: float, train: str) -> None:
    shutil.copytree(TOP / "src" / "mainline", folder / "src" / "mainline")
    shutil.copytree(TOP / "pipelines", folder / "src" / "pipelines")
    for name in ("pyproject.toml", "uv.lock"):
        shutil.copy(TOP / name, folder / name)
    files = {
        "params.yaml": PARAMS.replace("NUMBERS", ", ".join(NUMBERS)).replace("TRAIN\n", train),
        "src/events/__init__.py": "",
        "src/events/frame.py": FRAME,
        "data/expectations/events.yaml": suite(),
        ".gitignore": ".mainline/\nreports/\n__pycache__/\ndata/events/\n",
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (folder / "data" / "events").mkdir()
    make(folder / "data" / "events", int(millions * 1e6))
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main"], cwd=folder, check=True)
    subprocess.run(["git", "add", "."], cwd=folder, check=True)
    job.commit(folder, "A table")


def make(folder: Path, rows: int) -> None:
    """Two years of events in files, each column a function of the row's number: the same rows every time."""
    import duckdb

    numbers = ", ".join(
        f"((hash(id, {place}) % 1000) / 1000 + (hash(id, {place + 100}) % 1000) / 1000)::FLOAT AS {name}"
        for place, name in enumerate(NUMBERS)
    )
    texts = ", ".join(
        f"'{name} ' || (hash(id, {place}) % {count}) AS {name}" for place, (name, count) in enumerate(TEXTS.items(), 50)
    )
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'; SET memory_limit = '1GB'; SET preserve_insertion_order = false")
        for number in range(FILES):
            first, last = rows * number // FILES, rows * (number + 1) // FILES
            connection.execute(
                f"COPY (SELECT *, (hash(id, 999) % 10000) / 10000 < 1 / (1 + exp(3 - x0 - 2 * x1 * x2)) AS bought FROM "
                f"(SELECT id, TIMESTAMPTZ '2024-01-01' + to_microseconds((id * {63158400000000 / rows!r})::BIGINT) "
                f"AS at, {texts}, {numbers}, (hash(id, 70) % 100)::INTEGER AS clicks "
                f"FROM range({first}, {last}) AS numbers(id))) "
                f"TO '{folder}/{number:02}.parquet' (FORMAT parquet, COMPRESSION zstd)"
            )


def suite() -> str:
    """What a table like this one has: its columns, their ranges, a key, categories, rows of every day and month."""
    columns = ["id", "at", *TEXTS, *NUMBERS, "clicks", "bought"]
    rules = [
        f"expect_table_columns_to_match_set\n    kwargs: {{column_set: [{', '.join(columns)}], exact_match: true}}"
    ]
    rules += [f"expect_column_values_to_not_be_null\n    kwargs: {{column: {name}}}" for name in columns]
    rules += ["expect_column_values_to_be_unique\n    kwargs: {column: id}"]
    between = "expect_column_values_to_be_between\n    kwargs: {column: %s, min_value: 0, max_value: %d}"
    rules += [between % (name, 2) for name in NUMBERS] + [between % ("clicks", 100)]
    for name, count in TEXTS.items():
        values = ", ".join(f"{name} {number}" for number in range(count))
        rules.append(f"expect_column_values_to_be_in_set\n    kwargs: {{column: {name}, value_set: [{values}]}}")
    each = "expect_column_statistic_in_every_period_to_be_between\n    kwargs: {time: at, period: month, "
    rules.append(f"{each}column: bought, statistic: mean, min_value: 0.05, max_value: 0.95}}")
    rules.append(f"{each}column: x0, statistic: median, min_value: 0.5, max_value: 1.5}}")
    rules.append("expect_column_values_to_leave_no_gap\n    kwargs: {column: at, longest: 1 day}")
    return "expectations:\n" + "".join(f"  - type: {rule}\n" for rule in rules)


if __name__ == "__main__":
    size = float(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="mainline-large-") as place:
        made, stages = whole_run(Path(place, "run"), size, OUT_OF_CORE if "out_of_core" in sys.argv else SAMPLE)
    print(f"{size:g} M rows: {described(made)}; {stages}")
