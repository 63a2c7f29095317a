"""What a source shows a person means the same in the frame, a file to score, a request, a label and the monitor."""

from __future__ import annotations

import csv
import datetime as dt
import io
import itertools
import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import quote

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mainline.config.schema import Settings
from mainline.data.collect import collect
from mainline.data.prepare import build
from mainline.monitoring import labels, prediction_log, window
from mainline.monitoring.shipping.destination import Folder
from mainline.monitoring.shipping.ship import ship_once
from mainline.packaging import export, predict, predict_file
from mainline.serving import spool
from mainline.serving.csv_input import CsvReader
from mainline.serving.feedback import FeedbackLog
from mainline.serving.json_input import JsonReader
from mainline.serving.prediction_log import PredictionLog
from mainline.serving.request_ids import RequestIds
from mainline.serving.settings import Configuration
from mainline.serving.signature import Agreement, Key, Signature
from mainline.training import drift, pipeline, reference_profile
from mainline.training.record import Record

pytestmark = pytest.mark.slow

Row = dict[str, Any]

MOMENTS = st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2200, 1, 1))
# No control characters, and no word of blanks alone: a CSV file cannot tell it from a missing value.
WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(lambda word: bool(word.strip()))
LOOKALIKES = ["1.10", "007", "yes", "T", "09:00", "1e5", "2026-01-31", "31.01.2026", " a", "b ", "FL", "fl"]


def whole(bits: int, signed: bool = True) -> st.SearchStrategy[str]:
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return st.integers(low, high).map(str)


def real(width: Any) -> st.SearchStrategy[str]:
    # 0.0 and -0.0 are two texts and one number.
    return st.floats(allow_nan=False, allow_infinity=False, width=width).map(lambda x: repr(x + 0.0))


# DuckDB's types, and what a column of each may hold, as text that is cast.
TYPES: dict[str, st.SearchStrategy[str]] = {
    "BOOLEAN": st.sampled_from(["true", "false"]),
    "TINYINT": whole(8),
    "UTINYINT": whole(8, signed=False),
    "SMALLINT": whole(16),
    "USMALLINT": whole(16, signed=False),
    "INTEGER": whole(32),
    "UINTEGER": whole(32, signed=False),
    "BIGINT": whole(64),
    "UBIGINT": whole(64, signed=False),
    "HUGEINT": whole(100),
    "DECIMAL(12,3)": st.integers(-(10**11), 10**11).map(lambda n: f"{n / 1000:.3f}"),
    "DOUBLE": real(64),
    "FLOAT": real(32),
    "DATE": st.dates().map(str),
    "TIME": st.times().map(str),
    "TIMESTAMP": MOMENTS.map(str),
    "TIMESTAMP_S": MOMENTS.map(lambda t: str(t.replace(microsecond=0))),
    "TIMESTAMP_MS": MOMENTS.map(lambda t: str(t.replace(microsecond=t.microsecond // 1000 * 1000))),
    "TIMESTAMP_NS": MOMENTS.map(str),
    "TIMESTAMP WITH TIME ZONE": MOMENTS.map(lambda t: f"{t}+00"),
    "INTERVAL": st.integers(2, 1000).map(lambda n: f"{n} days"),
    "UUID": st.uuids().map(str),
    "ENUM('a', 'B ')": st.sampled_from(["a", "B "]),
    "JSON": st.integers(0, 99).map(lambda n: f'{{"a": {n}}}'),
    "VARCHAR": WORDS | st.sampled_from(LOOKALIKES),
}
CATEGORIES = {f"c{i}": type_ for i, type_ in enumerate(TYPES)}
KEYS = {f"k{i}": type_ for i, type_ in enumerate(TYPES)}
COLUMNS = CATEGORIES | KEYS
ROW = st.fixed_dictionaries(
    {name: st.none() | TYPES[type_] for name, type_ in CATEGORIES.items()}
    | {name: TYPES[type_] for name, type_ in KEYS.items()}
)
# The nearest types of the databases; SQLite has no others, and its values are what they are.
POSTGRESQL = {
    "TINYINT": "smallint", "UTINYINT": "smallint", "USMALLINT": "integer", "UINTEGER": "bigint", "UBIGINT": "text",
    "HUGEINT": "text", "DOUBLE": "float8", "FLOAT": "real", "TIMESTAMP_S": "timestamp", "TIMESTAMP_MS": "timestamp",
    "TIMESTAMP_NS": "timestamp", "INTERVAL": "text", "ENUM('a', 'B ')": "text", "JSON": "jsonb", "VARCHAR": "text",
}  # fmt: skip
INTEGERS = ("BOOLEAN", "TINYINT", "UTINYINT", "SMALLINT", "USMALLINT", "INTEGER", "UINTEGER", "BIGINT")
SQLITE = {
    **dict.fromkeys(INTEGERS, "INTEGER"),
    **dict.fromkeys(["DOUBLE", "FLOAT", "DECIMAL(12,3)"], "REAL"),
}


@dataclass
class Source:
    """A table: its settings, and its rows in each form that it shows to a person or to a program."""

    settings: dict[str, Any]
    shown: list[list[Row]]
    file: Path | None = None


@dataclass
class Place:
    """Where tables are: `write` writes rows of typed columns to a table of its own."""

    form: str
    write: Callable[[Path, dict[str, str], list[Row]], Source]


def as_file(folder: Path, columns: dict[str, str], rows: list[Row], form: str) -> Source:
    path = folder / f"t.{form}"
    how = {"parquet": "FORMAT parquet", "jsonl": "FORMAT json", "csv": "FORMAT csv, HEADER"}[form]
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        listed = ", ".join(f"{name} {type_}" for name, type_ in columns.items())
        con.execute(f"CREATE TABLE t (id BIGINT, x DOUBLE, {listed})")
        values = [[i, 1.5, *row.values()] for i, row in enumerate(rows)]
        con.executemany(f"INSERT INTO t VALUES (?, ?{', ?' * len(columns)})", values)
        con.execute(f"COPY t TO '{path}' ({how})")
        if form == "parquet":
            found = con.execute(f"SELECT {', '.join(columns)} FROM '{path}'").fetchall()
            said = con.execute(f"SELECT {', '.join(f'{c}::VARCHAR' for c in columns)} FROM '{path}'").fetchall()
            return Source({"path": str(path)}, [named(columns, said), named(columns, found)], path)
    if form == "csv":
        with path.open(newline="", encoding="utf-8") as text:
            shown = [{name: value or None for name, value in row.items()} for row in csv.DictReader(text)]
    else:
        shown = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return Source({"path": str(path)}, [[{n: v for n, v in row.items() if n in columns} for row in shown]], path)


def in_sqlite(folder: Path, columns: dict[str, str], rows: list[Row], url: str = "") -> Source:
    path = folder / "t.db"
    truths = {"true": 1, "false": 0}
    with sqlite3.connect(path) as con:
        listed = ", ".join(f"{name} {SQLITE.get(type_, 'TEXT')}" for name, type_ in columns.items())
        con.execute(f"CREATE TABLE t (id INTEGER, x REAL, {listed})")
        for i, row in enumerate(rows):
            values = [truths.get(row[n], row[n]) if columns[n] == "BOOLEAN" else row[n] for n in columns]
            con.execute(f"INSERT INTO t VALUES ({i}, 1.5{', ?' * len(columns)})", values)
        found = con.execute(f"SELECT {', '.join(columns)} FROM t ORDER BY id").fetchall()
    con.close()
    return Source(queried(f"sqlite:///{quote(str(path))}"), [named(columns, found)])


def in_postgresql(folder: Path, columns: dict[str, str], rows: list[Row], url: str) -> Source:
    import psycopg

    with psycopg.connect(url, autocommit=True) as con:
        con.execute("SET TIME ZONE 'UTC'")
        con.execute("DROP TABLE IF EXISTS t")
        listed = ", ".join(f"{name} {POSTGRESQL.get(type_, type_)}" for name, type_ in columns.items())
        con.execute(f"CREATE TABLE t (id bigint, x float8, {listed})".encode())
        for i, row in enumerate(rows):
            values = ", ".join("NULL" if v is None else "'" + v.replace("'", "''") + "'" for v in row.values())
            con.execute(f"INSERT INTO t VALUES ({i}, 1.5, {values})".encode())
        said = con.execute(f"SELECT {', '.join(f'{c}::text' for c in columns)} FROM t ORDER BY id".encode()).fetchall()
        found = con.execute(f"SELECT {', '.join(columns)} FROM t ORDER BY id".encode()).fetchall()
    return Source(queried(url), [named(columns, said), named(columns, found)])


def queried(url: str) -> dict[str, Any]:
    return {"query": "SELECT * FROM t", "database": "ROUND_TRIP", "url": url}


def named(columns: dict[str, str], rows: list[Any]) -> list[Row]:
    return [dict(zip(columns, map(plain, row), strict=True)) for row in rows]


def plain(value: Any) -> Any:
    """A value of Python as a client writes it in JSON."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, dict):
        return json.dumps(value)
    if isinstance(value, dt.timedelta):
        return str(value).partition(",")[0]
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


FORMS = ["csv", "parquet", "jsonl", "sqlite", "postgresql"]


@pytest.fixture(params=FORMS)
def place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setattr(spool, "EVERY", 0.001)
    url = request.getfixturevalue("postgresql") if request.param == "postgresql" else ""

    def to(folder: Path, columns: dict[str, str], rows: list[Row]) -> Source:
        if request.param in ("csv", "parquet", "jsonl"):
            return as_file(folder, columns, rows, request.param)
        made = {"sqlite": in_sqlite, "postgresql": in_postgresql}[request.param](folder, columns, rows, url)
        monkeypatch.setenv("ROUND_TRIP", made.settings.pop("url"))
        return made

    return Place(request.param, to)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """New folders, one after the other, below the path; the preparation hands on its table."""
    (tmp_path / f"frame_{tmp_path.name}.py").write_text("def prepare(tables):\n    return tables['t']\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


NUMBERS = itertools.count()


def settings_of(project: Path, source: Source, categories: list[str], key: list[str], **changes: Any) -> Settings:
    plain: dict[str, Any] = {
        "task": "regression",
        "data": {"until": "2027-01-01", "sources": {"t": source.settings}},
        "prepare": {
            "function": f"frame_{project.name}:prepare", "key": key, "label": "id",
            "features": {"categorical": categories, "numeric": ["x"]},
        },
        "split": {"by": "hash", "holdout": 0.5},
        "train": {"estimator": "sklearn.linear_model.Ridge"},
        "compare": {"metric": "rmse"},
    }  # fmt: skip
    return Settings.model_validate(plain | changes)


@dataclass
class Trained:
    """As much of a trained model as says how its inputs are spelled."""

    settings: Settings
    folder: Path
    frame: Path
    profile: dict[str, Any]
    signature: Signature

    def with_only(self, *names: str, key: list[Key] | None = None) -> Signature:
        import msgspec

        columns = [column for column in self.signature.columns if column.name in (*names, "x")]
        return msgspec.structs.replace(self.signature, columns=columns, key=key or [])


def trained(settings: Settings, folder: Path) -> Trained:
    frame = folder / "frame.parquet"
    tables = collect(settings.data, folder, folder / "cache")
    build(settings, tables, frame)
    profile = reference_profile.described(settings, frame, "true")
    classes: list[Any] = []
    if settings.task != "regression":
        label = settings.prepare.label
        _, classes = pipeline.encode(settings.task, pipeline.read_rows(settings, frame, "true")[label], None)
    record = cast(Record, SimpleNamespace(profile=profile, facts=SimpleNamespace(tables=tables)))
    signature = Signature(
        1, "t", "1", settings.task, classes, None, export.describe(settings, record, frame), "onnx", "model.onnx",
        "d" * 64, "", "", "", None, "", Agreement(1, 0.0), [], [],
        key=export.describe_key(settings, frame, export.date_format(record)),
    )  # fmt: skip
    return Trained(settings, folder, frame, profile, signature)


def of_json(signature: Signature, row: Row) -> Any:
    return JsonReader(signature, 10)(json.dumps({"dataframe_records": [{"x": 1.5, **row}]}).encode())


def of_csv(signature: Signature, row: Row) -> Any:
    text = io.StringIO()
    lines = csv.writer(text)
    lines.writerow(["x", *row])
    lines.writerow([1.5, *("" if value is None else value for value in row.values())])
    return CsvReader(signature, 10)(text.getvalue().encode())


def watched(model: Trained, log: PredictionLog, feedback: FeedbackLog) -> window.Window:
    """What the monitor reads of the logs, which are shipped before."""
    for each in (log, feedback):
        each.stop()
    ship_once(log.folder, Folder(model.folder / "log"))
    (model.folder / "spill").mkdir(exist_ok=True)
    seen = window.Window(window.connect(model.settings, model.folder / "spill"), model.folder / "spill")
    paths = sorted((model.folder / "log").glob("predictions/*.parquet"))
    files = prediction_log.readable(duckdb.connect, paths, prediction_log.PREDICTIONS, seen.problems)
    window.load(seen, model.settings, files, None, dt.datetime.now(dt.UTC))
    return seen


def said(model: Trained, seen: window.Window) -> list[prediction_log.Files]:
    paths = sorted((model.folder / "log").glob("feedback/*.parquet"))
    return prediction_log.readable(duckdb.connect, paths, prediction_log.FEEDBACK, seen.problems)


def begun(model: Trained, signature: Signature) -> tuple[PredictionLog, FeedbackLog]:
    folder = model.folder / f"spool{next(NUMBERS)}"
    logs = PredictionLog(folder, Configuration(), signature, "1"), FeedbackLog(folder, Configuration(), signature, "1")
    for each in logs:
        each.start()
    return logs


FEW = settings(
    max_examples=3,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
    phases=[Phase.explicit, Phase.generate],  # the message names type, value and place: no need to shrink
)


def usable(place: Place, columns: dict[str, str]) -> dict[str, str]:
    """JSON lines have JSON as what it holds, which is no category: `test_prepare.py` sees it refused."""
    return {name: type_ for name, type_ in columns.items() if type_ != "JSON" or place.form != "jsonl"}


@FEW
@given(rows=st.lists(ROW, min_size=6, max_size=6))
def test_a_category_of_every_type_means_the_same_from_the_source_to_the_monitor(
    place: Place, project: Path, rows: list[Row]
) -> None:
    folder = project / str(next(NUMBERS))
    folder.mkdir()
    columns = usable(place, CATEGORIES)
    source = place.write(folder, columns, [{name: row[name] for name in columns} for row in rows])
    model = trained(settings_of(project, source, list(columns), ["id"]), folder)
    with duckdb.connect() as con:
        expected = con.execute(f"SELECT {', '.join(columns)} FROM '{model.frame}' ORDER BY id").fetchall()
    one = {name: model.with_only(name) for name in columns}
    log, feedback = begun(model, model.signature)
    wrong = []
    for form, shown in enumerate(source.shown):
        for number, (row, known) in enumerate(zip(shown, expected, strict=True)):
            for ask in (of_json,) if form else (of_json, of_csv):
                for name, right in zip(columns, known, strict=True):
                    got = ask(one[name], {name: row[name]})[0][0]
                    if got != right:
                        wrong.append(f"{columns[name]}: {row[name]!r} means {got!r} and not {right!r} ({ask.__name__})")
            log.put(log.line(f"{form}-{number}", of_json(model.signature, row), [1.0]))
    assert wrong == []
    if source.file:
        assert scored(source.file, model.signature) == [list(row) for row in expected]
    seen = watched(model, log, feedback)
    record = cast(Record, SimpleNamespace(profile={"monitor": model.profile["monitor"]}))
    reference = drift.reference_of(record, list(seen.columns))
    found = drift.measure(seen.connection, "log", window.day(model.settings), reference, model.settings.monitor)
    assert seen.problems == []
    assert len(found) == len(columns) + 1
    assert {each.feature: (each.new_share, each.psi) for each in found if each.new_share or each.psi > 1e-9} == {}


@FEW
@given(rows=st.lists(ROW, min_size=6, max_size=6))
def test_a_key_of_every_type_joins_a_label_to_its_row_however_it_is_shown(
    place: Place, project: Path, rows: list[Row]
) -> None:
    folder = project / str(next(NUMBERS))
    folder.mkdir()
    columns = usable(place, KEYS)
    source = place.write(folder, columns, [{name: row[name] for name in columns} for row in rows])
    key = ["id", *columns]
    labelled = {"monitor": {"labels": {"source": "t", "value": "x"}}}
    model = trained(settings_of(project, source, [], key, **labelled), folder)
    log, feedback = begun(model, model.signature)
    ids = RequestIds()
    first, last = source.shown[0], source.shown[-1]
    for number, (row, again) in enumerate(zip(first, last, strict=True)):
        log.put(log.line(f"r{number}", of_json(model.signature, {"id": number, **row}), [1.0]))
        assert of_csv(model.signature, {"id": number, **row}).named
        sent = {"key": {"id": str(number), **again}, "label": f"{number}.5"}
        feedback.take(json.dumps(sent).encode(), ids)
    seen = watched(model, log, feedback)
    assert seen.rows == len(rows)
    joined = labels.join(seen, model.settings, "regression", [], said(model, seen), None)
    assert (joined.joined, joined.unknown, joined.strange) == (len(rows), 0, 0)
    table = labels.table_of(model.settings, folder, folder / "cache", dt.datetime.now(dt.UTC))
    joined = labels.join(seen, model.settings, "regression", [], [], table)
    assert joined.joined == len(rows), apart(seen, table, key)
    assert (joined.joined, joined.unknown, joined.strange) == (len(rows), 0, 0)


def apart(seen: window.Window, table: str, key: list[str]) -> list[Any]:
    """Columns of the key in which a logged row and a row of the table differ, with both values."""
    rows = seen.connection.execute(f"SELECT {', '.join(key)} FROM own ORDER BY id").fetchall()
    source = seen.connection.execute(f"SELECT {', '.join(key)} FROM ({table}) ORDER BY id").fetchall()
    pairs = [zip(key, row, other, strict=True) for row, other in zip(rows, source, strict=True)]
    return [(KEYS.get(name), *values) for pair in pairs for name, *values in pair if str(values[0]) != str(values[1])]


# Texts that are numbers or dates to whoever guesses a column's type.
GUESSED = {
    "zeros behind": ("VARCHAR", ["1.10", "1.1", "2"]),
    "zeros in front": ("VARCHAR", ["007", "7", "08"]),
    "days first": ("VARCHAR", ["31.01.2026", "01.02.2026", "03.02.2026"]),
}
# Classes, and the type of their column; where the text differs from the type's own, a CSV file keeps the text.
CLASSES = {
    **GUESSED,
    "words": ("VARCHAR", ["small", "Large ", "ü", *(word for _, words in GUESSED.values() for word in words)]),
    "yes and no": ("VARCHAR", ["yes", "no", "no"]),
    "whole numbers": ("BIGINT", ["-1", "0", "9007199254740993"]),
    "small numbers": ("UTINYINT", ["0", "1", "255"]),
    "decimals": ("DECIMAL(12,3)", ["0.500", "1.250", "-3.000"]),
    "numbers": ("DOUBLE", ["0.1", "1e+16", "-2.0"]),
    "dates": ("DATE", ["2026-01-31", "2026-02-01", "0001-01-01"]),
    "moments": ("TIMESTAMP", ["2026-01-31 10:00:00", "2026-02-01 00:00:00.5", "1999-12-31 23:59:59"]),
    "identities": ("UUID", [f"{n}0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11" for n in "abc"]),
    "truth values": ("BOOLEAN", ["true", "false", "false"]),
}


# Text files alone have columns whose type is guessed; elsewhere these texts are classes among others.
CASES = [(form, case) for form in FORMS for case in CLASSES if case not in GUESSED or form in ("csv", "jsonl")]


@pytest.mark.parametrize(("place", "case"), CASES, indirect=["place"])
def test_a_class_is_a_label_as_the_source_shows_it_to_feedback_and_to_the_monitor(
    place: Place, project: Path, case: str
) -> None:
    type_, words = CLASSES[case]
    binary = len(set(words)) == 2
    source = place.write(project, {"c": type_}, [{"c": word} for word in words])
    task = {"task": "binary"} if binary else {"task": "multiclass", "compare": {"metric": "accuracy"}}
    changes = {**task, "monitor": {"labels": {"source": "t", "value": "c"}}} | (
        {"compare": {"metric": "roc_auc"}} if binary else {}
    )
    made = settings_of(project, source, [], ["id"], **changes)
    made = made.model_copy(update={"prepare": made.prepare.model_copy(update={"label": "c"})})
    model = trained(made, project)
    classes = model.signature.classes
    assert json.loads(json.dumps(classes)) == classes
    read = pipeline.read_rows(made, model.frame, "true").sort_values("id")["c"]
    codes = pipeline.encode(made.task, read, classes)[0].tolist()
    log, feedback = begun(model, model.signature)
    for number, row in enumerate(source.shown[0]):
        answers = [[1 / len(classes)] * len(classes)]
        log.put(log.line(f"r{number}", of_json(model.signature, {"id": number}), answers))
        feedback.take(json.dumps({"key": {"id": number}, "label": row["c"]}).encode(), RequestIds())
    seen = watched(model, log, feedback)
    table = labels.table_of(made, project, project / "cache", dt.datetime.now(dt.UTC), classes)
    for files, by_source in ((said(model, seen), None), ([], table)):
        joined = labels.join(seen, made, made.task, classes, files, by_source)
        assert (joined.joined, joined.unknown, joined.strange) == (len(words), 0, 0)
        found = seen.connection.execute("SELECT y FROM labelled").fetchall()
        assert sorted(int(y) for (y,) in found) == sorted(codes)


def scored(file: Path, signature: Signature) -> list[list[str | None]]:
    """The categories that `predict` hands to the model."""
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        predict_file.load(con, file, signature)
        categorical, _ = predict.matrices(signature, con.execute("SELECT * FROM inputs").df(), 0, str(file))
    return [[None if value == predict.MISSING else value for value in row] for row in categorical.tolist()]
