"""Categories mean the same from the source to the request, in every type and format."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mainline.config.schema import Settings
from mainline.data import column_types
from mainline.data.collect import collect
from mainline.data.prepare import build
from mainline.errors import ConfigurationError
from mainline.packaging import predict, predict_file
from mainline.serving import spelling
from mainline.serving.csv_input import CsvReader
from mainline.serving.json_input import JsonReader
from mainline.serving.signature import Agreement, Column, Signature

FRAME = """from ibis import _


def prepare(tables):
    return tables["t"]{body}
"""


Categories = dict[str, list[str | None]]  # by column, in the order of `id`


def settings_of(path: str, module: str, names: Sequence[str] = ("c",), **source: Any) -> Settings:
    return Settings.model_validate(
        {
            "task": "regression",
            "data": {"until": "2027-01-01", "sources": {"t": {"path": path, **source}}},
            "prepare": {
                "function": f"{module}:prepare", "key": ["id"], "label": "y",
                "features": {"categorical": [*names], "numeric": ["x"]},
            },
            "split": {"by": "hash", "holdout": 0.5},
            "train": {"estimator": "sklearn.linear_model.Ridge"},
            "compare": {"metric": "rmse"},
        }
    )  # fmt: skip


@pytest.fixture
def prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function from a file (and the function's body) to the frame's categories."""
    monkeypatch.syspath_prepend(str(tmp_path))
    number = iter(range(10_000))

    def of(path: Path, body: str = "", names: Sequence[str] = ("c",), **source: Any) -> tuple[Categories, Signature]:
        module = f"written_{tmp_path.name}_{next(number)}"
        (tmp_path / f"{module}.py").write_text(FRAME.format(body=body))
        chosen = settings_of(str(path), module, names, **source)
        frame = tmp_path / f"{module}.parquet"
        build(chosen, collect(chosen.data, tmp_path, tmp_path / "cache"), frame)
        with duckdb.connect() as con:
            rows = con.execute(f"SELECT {', '.join(names)} FROM '{frame}' ORDER BY id").fetchall()
        found = by_column(names, rows)
        types = column_types.of_frame(frame)
        known = {name: sorted({c for c in values if c is not None}) for name, values in found.items()}
        return found, signature(known, {name: types[name] for name in names})

    return of


def by_column(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> Categories:
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


def signature(known: dict[str, list[str]], types: dict[str, str]) -> Signature:
    columns = [
        Column(name, "categorical", True, known[name], written=spelling.kind_of(type_).removeprefix("text"))
        for name, type_ in types.items()
    ]
    columns.append(Column("x", "numeric", False, low=0, high=1))
    return Signature(
        1, "t", "1", "regression", [], None, columns, "onnx", "model.onnx", "", "", "", "", None, "",
        Agreement(1, 0.0), [["a", 1.0]], [1.0],
    )  # fmt: skip


def scored(file: Path, asked: Signature) -> Categories:
    """The categories that `predict` hands to the model."""
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        predict_file.load(con, file, asked)
        rows = con.execute("SELECT * FROM inputs").df()
    categorical, _ = predict.matrices(asked, rows, 0, str(file))
    values = [[None if value == predict.MISSING else value for value in row] for row in categorical]
    return by_column(asked.names[:-1], values)


def requested(asked: Signature, body: object) -> Categories:
    """The categories that a request means, in JSON or, as text, in CSV."""
    reader = (
        CsvReader(asked, 100)(body.encode())
        if isinstance(body, str)
        else JsonReader(asked, 100)(json.dumps(body).encode())
    )
    return by_column(asked.names[:-1], [*reader])


WORDS = {
    "yes and no": ["yes", "no", "no"],
    "true and false": ["True", "False", "True"],
    "numbers with zeros behind": ["1.10", "1.1", "2.0"],
    "leading zeros": ["007", "7", "0"],
    "clock": ["09:00", "10:30", "14:15"],
    "exponents": ["1e5", "2e5", "100000"],
    "one letter": ["T", "F", "U"],
    "days first": ["31.01.2026", "01.02.2026", "03.02.2026"],
    "months first": ["1/31/2026", "2/1/2026", "2/3/2026"],
    "either": ["1/2/2026", "2/1/2026", "2/3/2026"],
    "moments": ["2026-01-31T10:00:00Z", "2026-01-31T10:00:00Z", "2026-02-01T00:00:00Z"],
    "blanks": [" 1", "2 ", "3"],
    "upper and lower case": ["FL", "fl", "FL "],
    "hexadecimal": ["0x10", "16", "0x11"],
    "infinity": ["Infinity", "Infinity", "Infinity"],
    "whole numbers": ["1", "2", "-0"],
    "quotes": ['a "b", c', "ü", "'"],
}


# All in one file, and the two kinds that might change how the file itself is read alone too.
@pytest.mark.slow
@pytest.mark.parametrize("chosen", [[*WORDS], ["quotes"], ["blanks"]], ids=["all", "quotes", "blanks"])
def test_a_category_of_a_csv_file_is_its_text_in_the_frame_a_request_and_a_file(
    prepared: Any, tmp_path: Path, chosen: list[str]
) -> None:
    words: Categories = {kind.replace(" ", "_"): [*WORDS[kind]] for kind in chosen}
    rows = [*zip(*words.values(), strict=True)]
    quoted = [",".join('"' + str(word).replace('"', '""') + '"' for word in row) for row in rows]
    path = tmp_path / "t.csv"
    lines = [f"{i},{line},1,2" for i, line in enumerate(quoted)]
    path.write_text("\n".join([f"id,{','.join(words)},x,y", *lines]) + "\n")
    found, asked = prepared(path, names=[*words])
    assert found == words
    assert scored(path, asked) == words
    assert requested(asked, "\n".join([f"{','.join(words)},x", *(f"{line},1" for line in quoted)]) + "\n") == words
    records = [dict(zip([*words, "x"], [*row, 1], strict=True)) for row in rows]
    assert requested(asked, {"dataframe_records": records}) == words


@pytest.mark.parametrize(
    ("body", "missing"),
    [
        ('.filter(_.x > 0).rename(c="p", d="q", e="r").mutate(z=_.x + 1)', None),
        ('.mutate(c=_.p.cast("string"), d=_.q.cast("string"), e=_.r.cast("string"))', None),
        ('.mutate(**{to: _[raw].cast("string").fill_null("none") for to, raw in zip("cde", "pqr")})', "none"),
    ],
    ids=["renamed", "cast to text", "cast and filled"],
)
def test_a_category_that_the_function_renames_casts_to_text_or_fills_keeps_its_text_too(
    prepared: Any, tmp_path: Path, body: str, missing: str | None
) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,p,q,r,x,y\n0,1.10,007,yes,1,2\n1,1.1,7,no,1,2\n2,,,,1,2\n")
    found, _ = prepared(path, body, names="cde")
    assert found == {"c": ["1.10", "1.1", missing], "d": ["007", "7", missing], "e": ["yes", "no", missing]}


@pytest.mark.slow
def test_a_column_that_is_both_a_category_and_computed_with_is_refused_with_the_setting(
    prepared: Any, tmp_path: Path
) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,c,x,y\n0,1.10,1,2\n1,1.1,1,2\n")
    with pytest.raises(
        ConfigurationError, match=r"data.sources.t: column c is a category as it is written.*types: \{c: DOUBLE\}"
    ):
        prepared(path, ".mutate(x=_.c + 1)")
    assert prepared(path, ".mutate(x=_.c + 1)", types={"c": "DOUBLE"})[0] == {"c": ["1.1", "1.1"]}


TYPES: dict[str, st.SearchStrategy[Any]] = {
    "BOOLEAN": st.booleans(),
    "TINYINT": st.integers(-128, 127),
    "UINTEGER": st.integers(0, 2**32 - 1),
    "BIGINT": st.integers(-(2**63), 2**63 - 1),
    "HUGEINT": st.integers(-(2**100), 2**100),
    "DECIMAL(12,3)": st.integers(-(10**11), 10**11).map(lambda n: n / 1000),
    "DOUBLE": st.floats(allow_nan=False, allow_infinity=False),
    "FLOAT": st.floats(allow_nan=False, allow_infinity=False, width=32),
    "DATE": st.dates().map(str),
    "TIME": st.times().map(str),
    "TIMESTAMP": st.datetimes(min_value=dt.datetime(1900, 1, 1)).map(str),
    "TIMESTAMP_S": st.datetimes(min_value=dt.datetime(1900, 1, 1)).map(lambda t: str(t.replace(microsecond=0))),
    "TIMESTAMP WITH TIME ZONE": st.datetimes(min_value=dt.datetime(1900, 1, 1)).map(lambda t: f"{t}+00"),
    "UUID": st.uuids().map(str),
    "VARCHAR": st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n"), min_size=1),
}


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


@settings(max_examples=10, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("type_", TYPES)
def test_what_a_typed_column_shows_is_spelled_as_duckdb_spells_it(
    con: duckdb.DuckDBPyConnection, type_: str, data: st.DataObject
) -> None:
    values = data.draw(st.lists(TYPES[type_], min_size=1, max_size=30))
    shown = f"SELECT CAST(CAST(v AS {type_}) AS VARCHAR) FROM (SELECT unnest($1::VARCHAR[]) AS v)"
    found = [text for (text,) in con.execute(shown, [[str(value) for value in values]]).fetchall()]
    spell = spelling.spelling(spelling.kind_of(type_))
    if spell is None:
        assert found == values
        return
    known = spelling.by_spelling(found, spell)
    assert [spelling.spelled(value, known, spell) for value in values] == found
    # And as the text of the same value, such as that in a CSV file.
    assert [spelling.spelled(str(value), known, spell) for value in values] == found


@pytest.mark.parametrize("value", [60187272.0, 19781.0625, -1915074.75, 2747983872.0])
def test_a_number_of_32_bits_is_known_whatever_digits_duckdb_shows_of_it(
    con: duckdb.DuckDBPyConnection, value: float
) -> None:
    (text,) = con.execute("SELECT $1::FLOAT::VARCHAR", [value]).fetchone() or ("",)
    assert text != spelling.single(value)
    assert spelling.spelled(value, spelling.by_spelling([text], spelling.single), spelling.single) == text


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".parquet", ".jsonl", ".csv"])
def test_a_typed_category_means_the_same_in_the_source_a_request_and_a_file(
    prepared: Any, tmp_path: Path, suffix: str
) -> None:
    examples = {"BOOLEAN": ["true", "false"], "DATE": ["2026-01-31", "2026-02-01"], "TIME": ["09:00:00", "10:30:00.5"],
                "VARCHAR": ["yes", "1.10"]}  # fmt: skip
    columns = {re.sub(r"\W", "_", f"c_{name}"): name for name in TYPES if name != "UUID"}
    path = tmp_path / f"t{suffix}"
    selected = []
    for i, otherwise in enumerate([("2026-01-31 10:00:00", "1"), ("2026-02-01", "7")]):
        values = [examples.get(type_, [otherwise["TIMESTAMP" not in type_]] * 2)[i] for type_ in columns.values()]
        cast = [f"CAST('{v}' AS {type_}) AS {c}" for v, (c, type_) in zip(values, columns.items(), strict=True)]
        selected.append(f"SELECT {i} AS id, {', '.join(cast)}, 1.0 AS x, 2.0 AS y")
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        form = {".parquet": "parquet", ".jsonl": "json", ".csv": "csv, HEADER"}[suffix]
        con.execute(f"COPY ({' UNION ALL '.join(selected)}) TO '{path}' (FORMAT {form})")
    found, asked = prepared(path, names=[*columns])
    assert scored(path, asked) == found
    if suffix == ".jsonl":  # the source's own lines are a request
        records = [json.loads(line) for line in path.read_text().splitlines()]
        own = [{name: record[name] for name in (*columns, "x")} for record in records]
        assert requested(asked, {"dataframe_records": own}) == found
    assert requested(asked, {"inputs": {**found, "x": [1, 1]}}) == found


def test_a_word_of_another_spelling_means_the_category_of_its_type() -> None:
    known = signature({"c": ["true", "false"]}, {"c": "BOOLEAN"})
    body = {"dataframe_records": [{"c": c, "x": 1} for c in (True, "True", "yes", "NO", None, "maybe")]}
    rows = JsonReader(known, 100)(json.dumps(body).encode())
    assert [row[0] for row in rows] == ["true", "true", "true", "false", None, "maybe"]
    body = {"dataframe_records": [{"c": c, "x": 1} for c in (7, 7.0, "7", "07", "seven")]}
    rows = JsonReader(signature({"c": ["7"]}, {"c": "BIGINT"}), 100)(json.dumps(body).encode())
    assert [row[0] for row in rows] == ["7", "7", "7", "7", "seven"]


def test_a_column_of_which_every_value_is_unknown_is_named() -> None:
    unknown = spelling.unknown_columns(signature({"c": ["a", "b"]}, {"c": "VARCHAR"}).columns)
    assert unknown([("z", 1.0), ("y", 1.0)]) == ["c"]
    assert unknown([("z", 1.0), ("a", 1.0)]) == []
    assert unknown([(None, 1.0)]) == []
