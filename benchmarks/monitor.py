"""The monitor over a log and over another of ten times its rows: what it takes, and that its memory stays
below DuckDB's limit (`monitor.memory_megabytes`) and a constant beside it.

Each is a process of its own, over Parquet that is made of the example's own flights in a temporary folder.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.table import Row

TOP = Path(__file__).resolve().parents[1]
MILLIONS = (1, 10)
BESIDE = 300  # megabytes of Python, NumPy and what DuckDB does not count, beside its own limit

# A model's answer is of no interest here: its probability stands in for it, and the label is drawn from that.
MAKE = """
import sys, duckdb
from pathlib import Path
frame, folder, millions, digest = sys.argv[1:]
for part in ("predictions", "feedback"):
    (Path(folder) / part).mkdir(parents=True)
with duckdb.connect() as connection:
    connection.execute("SET TimeZone = 'UTC'; SET memory_limit = '1GB'; SET preserve_insertion_order = false")
    connection.execute(f"CREATE TABLE flights AS SELECT * FROM read_parquet('{frame}') WHERE month(date) = 9")
    (rows,) = connection.execute("SELECT count(*) FROM flights").fetchone()
    copies = int(millions) * 1_000_000 // rows + 1
    for start in range(0, copies, 20):
        those = f"range({start}, {min(copies, start + 20)}) AS copies(copy)"
        connection.execute(f'''COPY (
            SELECT 'r' || copy || '-' || row_id AS _request, 0::INTEGER AS _row, departs AS _time, 'bench' AS _version,
            '{digest}' AS _model_digest, [1 - p, p] AS _prediction, * EXCLUDE (p, copy, row_id, late, status, departs)
            REPLACE (minute_of_day::DOUBLE AS minute_of_day, temp::DOUBLE AS temp) FROM
            (SELECT *, 0.05 + 0.4 * hash(row_id) / 18446744073709551616.0 AS p FROM flights, {those})
        ) TO '{folder}/predictions/{start}.parquet' (FORMAT parquet)''')
        connection.execute(f'''COPY (
            SELECT departs + INTERVAL 1 DAY AS _time, 'r' || copy || '-' || row_id AS _request, 0::INTEGER AS _row,
            coalesce(late, false)::VARCHAR AS _label, 'f' || copy || row_id AS _id FROM flights, {those}
        ) TO '{folder}/feedback/{start}.parquet' (FORMAT parquet)''')
"""

WATCH = """
import datetime as dt, json, resource, sys, time
from pathlib import Path
from mainline.config.loader import load
from mainline.runtime.workspace import Workspace
from pipelines import monitoring
settings = load(Path(sys.argv[1])).settings
settings = settings.model_copy(update={"monitor": settings.monitor.model_copy(update={"labels": None})})
asked = monitoring.Asked(log=sys.argv[3], now=dt.datetime(2013, 10, 5, tzinfo=dt.UTC))
started = time.perf_counter()
health = monitoring.watched(settings, Workspace.at(Path(sys.argv[2])), asked)
seconds = time.perf_counter() - started
# The peak of this program alone: what ru_maxrss says would be its parent's where that was larger.
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
peak = int(status["VmHWM"].split()[0]) / 1024
labels = health.labels.joined if health.labels else 0
print(json.dumps({"rows": health.window.rows, "labels": labels, "seconds": seconds, "megabytes": peak}))
"""


def measure(folder: Path, millions: tuple[int, int] = MILLIONS) -> list[Row]:
    from mainline.config.loader import load

    root, frame, digest = watched_model(folder)
    measured = {}
    for size in millions:
        log = folder / f"log-{size}"
        child(MAKE, str(frame), str(log), str(size), digest)
        measured[size] = json.loads(child(WATCH, str(TOP / "params.yaml"), str(root), str(log)).splitlines()[-1])
        shutil.rmtree(log)
    few, many = (measured[size] for size in millions)
    assert many["labels"] == many["rows"] > 0.9e6 * millions[1]
    said = [f"{one['rows'] / 1e6:.1f} M rows {one['seconds']:.1f} s, {one['megabytes']:.0f} MB" for one in (few, many)]
    most = load(TOP / "params.yaml").settings.monitor.memory_megabytes + BESIDE
    return [Row("the monitor, 10 × the rows", f"≤ {most} MB", "; ".join(said), many["megabytes"] <= most)]


def watched_model(folder: Path) -> tuple[Path, Path, str]:
    """A record of the example, of a quick model; its frame; its digest."""
    import datetime as dt
    from dataclasses import replace

    from mainline.config.loader import load
    from mainline.data import prepare as frame
    from mainline.data.collect import collect
    from mainline.runtime.workspace import Workspace
    from mainline.training import pipeline, train
    from mainline.training.fingerprint import fingerprint

    folder.mkdir(parents=True, exist_ok=True)
    settings = load(TOP / "params.yaml").settings
    pipeline.use_threads(1)
    quick = settings.train.model_copy(update={"params": {**settings.train.params, "max_iter": 5}})
    settings = settings.model_copy(update={"train": quick})
    data = settings.data.model_copy(update={"until": dt.date(2013, 10, 1)})
    path = folder / "frame.parquet"
    frame.build(settings, collect(data, TOP, folder / "cache"), path)
    prints = replace(fingerprint(folder, settings, {}), model="b" * 64, frame="b" * 64)
    made = train.train_model(settings, folder, {}, prints, path).keep(Workspace.at(folder))
    return folder, path, made.digest


def child(program: str, *arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": f"{TOP / 'src'}{os.pathsep}{TOP}", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, env=environment, cwd=TOP, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return done.stdout
