"""Collect, validate, prepare and the whole run on the example as it is and on twenty times its rows.

A copy of a flight gets a flight number of its own, so that keys stay keys. The suites' bounds of numbers that grow with
the copies grow with them, so that they hold as on the example itself: invalid data would end the run.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import yaml

from benchmarks import cost, job
from benchmarks.table import Row

TOP = Path(__file__).resolve().parents[1]
TIMES = 20
STAGES = ("collect", "validate", "prepare")


def measure(folder: Path) -> list[Row]:
    once, many = measured(folder / "once", 1), measured(folder / "many", TIMES)
    rows = []
    for stage in STAGES:
        (seconds, processor, memory), (longer, more, larger) = once[stage], many[stage]
        said = f"{seconds:.2f} s, {memory:,.0f} MB → {longer:.2f} s ({longer / seconds:.1f} ×), {larger:,.0f} MB"
        fits = more <= TIMES * processor and larger <= TIMES * memory
        rows.append(Row(f"{stage}, {TIMES} × the rows (6.7 M)", "at most linear", said, fits))
    seconds, processor, memory = many["validate"]
    said = f"{seconds:.2f} s, {processor:.2f} s of the processor, {memory:,.0f} MB"
    # Neighbours make the clock run on; what all cores have computed together is more than a quiet machine needs.
    fits = min(seconds, processor) <= 8 and memory <= 1000
    rows.append(Row("validate 6.7 M rows", "≤ 8 s, ≤ 1,000 MB", said, fits))
    seconds, processor, memory = many["prepare"]
    bare, computed, _ = json.loads(child(folder / "many", "bare"))
    said = f"{seconds:.2f} s ({seconds / bare:.1f} ×, of the processor {processor / computed:.1f} ×), {memory:,.0f} MB"
    goal = f"≤ 2 × a bare script ({bare:.2f} s), ≤ 2,000 MB"
    fits = min(seconds / bare, processor / computed) <= 2 and memory <= 2000
    rows.append(Row("prepare 6.7 M rows", goal, said, fits))
    return [*rows, *whole_run(folder / "run")]


def whole_run(folder: Path) -> list[Row]:
    """Nothing cached but the baseline: validation, preparation, fit, comparison, report; and the bare script."""
    job.clone(folder)
    job.edit(folder, "until: 2013-10-01", "until: 2014-01-01")
    multiply(folder, TIMES)
    job.commit(folder, "A year, twenty times")
    subprocess.run(["git", "update-ref", "refs/heads/main", "HEAD"], cwd=folder, check=True)
    environment = {**os.environ, "PYTHONPATH": str(folder / "src")}
    run = [sys.executable, "-m", "mainline", "run", "--base", "main"]
    cost.of(run, folder, environment, passes=(0, 1))  # the baseline
    job.edit_number(folder, "l2_regularization: ", 11.0)
    job.forget(folder)
    bare = cost.of([sys.executable, "benchmarks/floor.py", *job.YEAR], folder, environment)
    full = cost.of(run, folder, environment, passes=(0, 1))
    said = f"{full.seconds / bare.seconds:.2f} × ({full.seconds:.1f} s, bare script {bare.seconds:.1f} s; "
    said += f"of the processor {full.processor:.1f} and {bare.processor:.1f} s), "
    said += f"{full.megabytes:,.0f} MB (bare script {bare.megabytes:,.0f} MB)"
    fits = full.seconds <= 2 * bare.seconds and full.megabytes <= 6000
    row = Row("the whole run, 6.7 M rows", "≤ 2 × the bare script, ≤ 6,000 MB", said, fits)
    return [row, Row("seconds by stage", "", by_stage(folder))]


def by_stage(folder: Path) -> str:
    """The seconds of each stage of the last run."""
    seconds = json.loads((folder / "reports" / "verdict.json").read_text(encoding="utf-8"))["seconds"]
    return ", ".join(f"{stage} {taken:.1f}" for stage, taken in seconds.items())


def measured(folder: Path, times: int) -> dict[str, tuple[float, float, float]]:
    """Seconds, seconds of the processor and peak megabytes of each stage, each in a process of its own."""
    project(folder, times)
    found = {}
    for stage in STAGES:
        found[stage] = tuple(json.loads(child(folder, stage)))
        print(f"  {times} × the rows, {stage}: {found[stage]}", file=sys.stderr, flush=True)
    return found


def project(folder: Path, times: int) -> None:
    shutil.copytree(TOP / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(TOP / "data", folder / "data")
    params = (TOP / "params.yaml").read_text(encoding="utf-8")
    (folder / "params.yaml").write_text(params.replace("until: 2013-10-01", "until: 2014-01-01"), encoding="utf-8")
    if times > 1:
        multiply(folder, times)


def multiply(folder: Path, times: int) -> None:
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for path in sorted(folder.glob("data/raw/*/*.parquet")):
            more = path.with_suffix(".more")
            connection.execute(
                f"COPY (SELECT * EXCLUDE copy REPLACE ((flight + 10000 * copy)::INTEGER AS flight) "
                f"FROM '{path}', range({times}) AS copies(copy)) TO '{more}' (FORMAT parquet, COMPRESSION zstd)"
            )
            more.replace(path)
    for name in ("schedule", "outcomes", "frame"):
        path = folder / "data" / "expectations" / f"{name}.yaml"
        suite = yaml.safe_load(path.read_text(encoding="utf-8"))
        for rule in suite["expectations"]:
            kwargs = rule["kwargs"]
            if kwargs.get("statistic") == "rows" or kwargs.get("column") == "hour_departures":
                kwargs |= {end: times * kwargs[end] for end in ("min_value", "max_value") if kwargs.get(end, 0) > 1}
            elif kwargs.get("column") == "flight" and "max_value" in kwargs:
                kwargs["max_value"] += 10_000 * times
        path.write_text(yaml.safe_dump(suite, sort_keys=False), encoding="utf-8")


def child(folder: Path, stage: str) -> str:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder / "src"), str(TOP)])}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.scale", stage], cwd=folder, env=environment, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"benchmarks: {stage} failed:\n{done.stderr}")
    return done.stdout.splitlines()[-1]


def bare() -> tuple[float, float, float]:
    """As `stage_here`, of the example's own SQL, sorted and written by DuckDB, with nothing around it."""
    from mainline.config import loader as params
    from mainline.data import collect, prepare
    from mainline.runtime.workspace import Workspace

    settings, workspace = params.load().settings, Workspace.at(Path.cwd())
    made = prepare.prepared(settings, collect.collect(settings.data, workspace.root, workspace.cache))
    key = ", ".join(f'"{name}"' for name in settings.prepare.key)
    target = workspace.frames / "bare.parquet"
    target.parent.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter(), time.process_time()
    made.connection.execute(f"COPY ({made.unconverted} ORDER BY {key}) TO '{target}' (FORMAT parquet)")
    return since(started)


def since(started: tuple[float, float]) -> tuple[float, float, float]:
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return time.perf_counter() - started[0], time.process_time() - started[1], peak


def stage_here(stage: str) -> tuple[float, float, float]:
    """One stage in this process: its seconds after imports, by the clock and of all cores, and its peak megabytes."""
    import duckdb  # noqa: F401
    import ibis  # noqa: F401
    import pandas  # noqa: F401

    from mainline.config import loader as params
    from mainline.data import collect, prepare
    from mainline.data.validation import run
    from mainline.data.validation import table as examined_tables
    from mainline.runtime.workspace import Workspace

    settings = params.load().settings
    workspace = Workspace.at(Path.cwd())
    if stage == "validate":
        import great_expectations  # noqa: F401
    if stage != "collect":
        tables = collect.collect(settings.data, workspace.root, workspace.cache)
    started = time.perf_counter(), time.process_time()
    if stage == "collect":
        collect.collect(settings.data, workspace.root, workspace.cache)
    elif stage == "prepare":
        prepare.build(settings, tables, workspace.frames / "bench.parquet")
    else:
        for name, table in tables.items():
            suite = run.load_suite(Path(settings.data.expectations, f"{name}.yaml"))
            with examined_tables.opened(collect.relation_sql(table), table.format != "parquet") as connection:
                rows = examined_tables.examined(connection)
                run.validate(name, rows, suite, [], {"until": settings.data.cutoff})
    return since(started)


if __name__ == "__main__":
    print(json.dumps(bare() if sys.argv[1] == "bare" else stage_here(sys.argv[1])))
