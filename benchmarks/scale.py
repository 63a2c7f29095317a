"""Collect, validate, prepare and the whole run on the example as it is and on twenty times its rows.

A copy of a flight gets a flight number of its own, so that keys stay keys; what the suites say of
such data is of no interest here, the seconds and the memory that they take are.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from benchmarks import cost, job
from benchmarks.table import Row

TOP = Path(__file__).resolve().parents[1]
TIMES = 20
STAGES = ("collect", "validate", "prepare")


def measure(folder: Path) -> list[Row]:
    once, many = measured(folder / "once", 1), measured(folder / "many", TIMES)
    rows = []
    for stage in STAGES:
        (seconds, memory), (longer, larger) = once[stage], many[stage]
        said = f"{seconds:.2f} s, {memory:,.0f} MB → {longer:.2f} s ({longer / seconds:.1f} ×), {larger:,.0f} MB"
        fits = longer <= TIMES * seconds and larger <= TIMES * memory
        rows.append(Row(f"{stage}, {TIMES} × the rows (6.7 M)", "at most linear", said, fits))
    seconds, memory = many["validate"]
    said = f"{seconds:.2f} s, {memory:,.0f} MB"
    rows.append(Row("validate 6.7 M rows", "≤ 8 s, ≤ 1,000 MB", said, seconds <= 8 and memory <= 1000))
    seconds, memory = many["prepare"]
    bare = float(child(folder / "many", "bare"))
    said = f"{seconds:.2f} s ({seconds / bare:.1f} ×), {memory:,.0f} MB"
    goal = f"≤ 2 × a bare script ({bare:.2f} s), ≤ 2,000 MB"
    rows.append(Row("prepare 6.7 M rows", goal, said, seconds <= 2 * bare and memory <= 2000))
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
    said = f"{full.seconds / bare.seconds:.2f} × ({full.seconds:.1f} s, bare script {bare.seconds:.1f} s), "
    said += f"{full.megabytes:,.0f} MB (bare script {bare.megabytes:,.0f} MB)"
    fits = full.seconds <= 2 * bare.seconds and full.megabytes <= 6000
    row = Row("the whole run, 6.7 M rows", "≤ 2 × the bare script, ≤ 6,000 MB", said, fits)
    return [row, Row("seconds by stage", "", by_stage(folder))]


def by_stage(folder: Path) -> str:
    """The seconds of each stage of the last run."""
    seconds = json.loads((folder / "reports" / "verdict.json").read_text(encoding="utf-8"))["seconds"]
    return ", ".join(f"{stage} {taken:.1f}" for stage, taken in seconds.items())


def measured(folder: Path, times: int) -> dict[str, tuple[float, float]]:
    """Seconds and peak megabytes of each stage, each in a process of its own."""
    project(folder, times)
    return {stage: tuple(json.loads(child(folder, stage))) for stage in STAGES}


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


def child(folder: Path, stage: str) -> str:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder / "src"), str(TOP)])}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.scale", stage], cwd=folder, env=environment, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"benchmarks: {stage} failed:\n{done.stderr}")
    return done.stdout.splitlines()[-1]


def bare() -> float:
    """The seconds of the example's own SQL, sorted and written by DuckDB, with nothing around it."""
    from mainline.config import loader as params
    from mainline.data import collect, prepare
    from mainline.runtime.workspace import Workspace

    settings, workspace = params.load().settings, Workspace.at(Path.cwd())
    made = prepare.prepared(settings, collect.collect(settings.data, workspace.root, workspace.cache))
    key = ", ".join(f'"{name}"' for name in settings.prepare.key)
    target = workspace.frames / "bare.parquet"
    target.parent.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    made.connection.execute(f"COPY ({made.unconverted} ORDER BY {key}) TO '{target}' (FORMAT parquet)")
    return time.perf_counter() - started


def stage_here(stage: str) -> tuple[float, float]:
    """One stage in this process: its seconds after imports, and the peak of the memory."""
    import resource

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
    started = time.perf_counter()
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
    seconds = time.perf_counter() - started
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    print(json.dumps(bare() if sys.argv[1] == "bare" else stage_here(sys.argv[1])))
