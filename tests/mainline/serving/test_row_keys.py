"""The row's key: logged, not scored, and all of it or none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mainline.serving.csv_input import CsvReader
from mainline.serving.errors import Rejection
from mainline.serving.json_input import JsonReader, KeyedRows
from mainline.serving.prediction_log import PredictionLog
from mainline.serving.settings import Configuration
from mainline.serving.signature import Key, Signature
from tests.exports import Export
from tests.mainline.serving.conftest import Server, started
from tests.mainline.serving.test_prediction_log import lines, log_of, logged
from tests.mainline.serving.test_server import NAMES, ROW, changed, records

# A key of four kinds, of which the shop is an input too.
KEY = [Key("day", "date"), Key("visit", "integer"), Key("shop", "text"), Key("till", "text"), Key("weight", "number")]
SENT = {"day": "2026-01-31", "visit": 7, "till": "t1", "weight": 0.5}
NAMED = ("2026-01-31", 7, "t1", 0.5)


@pytest.fixture
def keyed(binary: Export) -> Signature:
    return msgspec.structs.replace(binary.signature, key=KEY)


def read(signature: Signature, content: Any) -> Any:
    return JsonReader(signature, 100)(json.dumps(content).encode())


FORMS = [
    {"dataframe_records": [changed(**SENT)]},
    {"instances": [{**SENT, **ROW}]},
    {"inputs": {name: [value] for name, value in changed(**SENT).items()}},
    {"dataframe_split": {"columns": [*SENT, *NAMES], "data": [[*SENT.values(), *ROW.values()]]}},
    {"dataframe_split": {"columns": [*NAMES, *SENT], "data": [[*ROW.values(), *SENT.values()]], "index": ["a"]}},
]


@pytest.mark.parametrize("body", FORMS)
def test_every_form_may_carry_the_key_and_the_model_gets_the_same_row(keyed: Signature, body: Any) -> None:
    batch, plain = read(keyed, body), read(keyed, records(ROW))
    assert batch.named == [NAMED]
    assert not isinstance(plain, KeyedRows)
    assert list(batch) == list(plain)


def test_a_slice_that_is_no_input_is_sent_and_logged_like_the_key(binary: Export, tmp_path: Path) -> None:
    signature = msgspec.structs.replace(binary.signature, key=KEY[:2], slices=[Key("region", "text")])
    assert [one.name for one in signature.extra_keys] == ["day", "visit", "region"]
    sent = {"day": "2026-01-31", "visit": 7, "region": "west"}
    assert read(signature, records(changed(**sent))).named == [("2026-01-31", 7, "west")]
    with pytest.raises(Rejection, match="region, row 0: the column is missing: send all the logged"):
        read(signature, records(changed(day="2026-01-31", visit=7)))
    alone = msgspec.structs.replace(binary.signature, key=[], slices=[Key("region", "text")])
    assert read(alone, records(changed(region="west"))).named == [("west",)]
    log = PredictionLog(tmp_path, Configuration(), signature, "1")
    assert [name for name, _ in log.header["keys"]] == ["day", "visit", "region"]
    hidden = PredictionLog(tmp_path / "hidden", Configuration(log_leave_out=("region",)), signature, "1")
    assert [name for name, _ in hidden.header["keys"]] == ["day", "visit"]


def test_csv_may_carry_the_key(keyed: Signature) -> None:
    text = "till,shop,visit,device,minutes,pages,day,weight\nt1,north,7,phone,12.5,3,2026-01-31,.5\n"
    batch = CsvReader(keyed, 100)(text.encode())
    assert batch.named == [NAMED]
    assert list(batch) == [("north", "phone", 12.5, 3.0)]


def test_rows_with_and_without_their_key_may_be_sent_together(keyed: Signature) -> None:
    assert read(keyed, records(ROW, changed(**SENT), ROW)).named == [None, NAMED, None]


REFUSED: list[tuple[Any, str, str, int | None]] = [
    (
        records(ROW, changed(visit=7)),
        "send all the logged columns (day, visit, till, weight) or none",
        "day",
        1,
    ),
    (records(changed(**SENT | {"visit": None})), "null was sent, a whole number is needed", "visit", 0),
    (records(changed(**SENT | {"visit": 7.5})), "a whole number is needed", "visit", 0),
    (records(changed(**SENT | {"visit": 2**63})), "a whole number is needed", "visit", 0),
    (records(changed(**SENT | {"day": "31.1.2026"})), "a date such as 2026-01-31 is needed", "day", 0),
    (records(changed(**SENT | {"till": None})), "null was sent, text is needed", "till", 0),
    (records(changed(**SENT | {"till": "a\0"})), "NUL", "till", 0),
    (records(changed(**SENT, hour=1)), "no such column", "hour", 0),
    (records(changed(**SENT | {"pages": "3"})), "text was sent, a number is needed", "pages", 0),
    ({"inputs": {name: [value] for name, value in changed(day="2026-01-31").items()}}, "send all", "visit", None),
    ({"dataframe_split": {"columns": [*NAMES, "day"], "data": [[]]}}, "send all", "visit", None),
    (
        {"dataframe_split": {"columns": [*NAMES, *SENT], "data": [[*ROW.values(), 1, 7, "t1", 0.5]]}},
        "a number was sent, a date",
        "day",
        0,
    ),
]


@pytest.mark.parametrize(("body", "said", "column", "row"), REFUSED)
def test_what_is_no_key_is_refused_by_name(
    keyed: Signature, body: Any, said: str, column: str, row: int | None
) -> None:
    with pytest.raises(Rejection) as refused:
        read(keyed, body)
    assert said in refused.value.message
    assert (refused.value.status, refused.value.column, refused.value.row) == (400, column, row)


def test_a_whole_number_may_be_written_with_a_point(keyed: Signature) -> None:
    assert read(keyed, records(changed(**SENT | {"visit": 7.0}))).named == [NAMED]


FORMS_OF_KEYS = [
    (Key("till", "integer"), ["1145027949972435840", 1145027949972435840], 1145027949972435840),
    (Key("till", "number"), ["0.10", 0.1, "1e-1"], 0.1),
    (Key("till", "number", "single"), ["0.1", 0.1, 0.10000000149011612], 0.10000000149011612),
    (Key("till", "text", "integer"), ["018446744073709551615", 18446744073709551615], "18446744073709551615"),
    (Key("till", "text", "decimal2"), ["1.1", 1.1, "1.10"], "1.10"),
    (Key("till", "text", "boolean"), [True, "true", "T", "yes"], "true"),
    (Key("till", "text", "timestamp"), ["2026-01-31T10:00:00", "2026-01-31 10:00:00.000"], "2026-01-31 10:00:00"),
    (Key("till", "text", "timestamptz"), ["2026-01-31T11:00:00+01:00", "2026-01-31T10:00Z"], "2026-01-31 10:00:00+00"),
    (Key("till", "date", "%d.%m.%Y"), ["31.01.2026", "2026-01-31"], "2026-01-31"),
    (Key("till", "text"), ["007"], "007"),
]


@pytest.mark.parametrize(("key", "sent", "kept"), FORMS_OF_KEYS, ids=lambda value: getattr(value, "kind", ""))
def test_a_key_is_logged_in_one_spelling_of_its_value(binary: Export, key: Key, sent: list[Any], kept: Any) -> None:
    signature = msgspec.structs.replace(binary.signature, key=[key])
    for value in sent:
        assert read(signature, records(changed(till=value))).named == [(kept,)]
        text = f"till,shop,device,minutes,pages\n{value},north,phone,12.5,3\n"
        assert CsvReader(signature, 100)(text.encode()).named == [(kept,)]


@pytest.mark.parametrize(
    ("key", "sent", "said"),
    [
        (Key("till", "integer"), "9223372036854775808", "a whole number is needed"),
        (Key("till", "number"), "1e999", "a number is needed"),
        (Key("till", "number", "single"), 1e39, "a number is needed"),
        (Key("till", "date", "%d.%m.%Y"), "31/01/2026", "a date such as 2026-01-31 is needed"),
        (Key("till", "text"), 7, "a number was sent, text is needed"),
        (Key("till", "text", "boolean"), 7, "a number was sent, text or a truth value is needed"),
    ],
)
def test_what_is_no_value_of_the_keys_type_is_refused(binary: Export, key: Key, sent: Any, said: str) -> None:
    signature = msgspec.structs.replace(binary.signature, key=[key])
    with pytest.raises(Rejection, match=f"till, row 0: {said}"):
        read(signature, records(changed(till=sent)))


def test_a_key_that_is_there_twice_is_refused(keyed: Signature) -> None:
    body = json.dumps(records(changed(**SENT))).replace('"visit": 7', '"visit": 7, "visit": 8')
    with pytest.raises(Rejection, match="visit occurs twice"):
        JsonReader(keyed, 100)(body.encode())


@pytest.mark.parametrize("cell", ["", "7.5", "x", "9" * 30])
def test_a_csv_cell_that_is_no_key_is_refused(keyed: Signature, cell: str) -> None:
    text = f"till,shop,visit,device,minutes,pages,day,weight\nt1,north,{cell},phone,12.5,3,2026-01-31,.5\n"
    with pytest.raises(Rejection, match=r"visit, row 0: .* a whole number is needed"):
        CsvReader(keyed, 100)(text.encode())


def test_an_export_names_the_key_by_the_kinds_of_the_frame(binary: Export) -> None:
    assert binary.signature.key == [Key("visit", "integer")]


@pytest.fixture(scope="module")
def logging(binary: Export, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    folder = tmp_path_factory.mktemp("log")
    with started(binary.folder, LOG=folder) as server:
        yield server, folder


@pytest.mark.slow
def test_a_key_over_http_is_logged_and_does_not_change_the_answer(logging: tuple[Server, Path]) -> None:
    server, folder = logging
    answer = server.post(records(ROW, changed(visit=12)), x_request_id="with-key")
    assert answer.predictions == [server.post(records(ROW)).predictions[0]] * 2
    line = found(server, folder, "with-key")
    assert line["keys"] == [None, [12]]
    assert line["rows"] == [["north", "phone", 12.5, 3]] * 2


@pytest.mark.slow
def test_the_page_and_the_description_say_what_the_key_is(logging: tuple[Server, Path]) -> None:
    schema = logging[0].get("/openapi.json").json["components"]["schemas"]["Row"]
    assert schema["properties"]["visit"]["type"] == ["integer", "string"]
    assert "visit" not in schema["required"]
    assert "not an input of the model" in logging[0].get("/docs").body.decode()


def test_a_key_that_must_not_be_kept_is_not_logged(binary: Export, tmp_path: Path) -> None:
    log = log_of(binary, tmp_path, log_leave_out=("visit",))
    line = logged(log, "r", [("north", "phone", 1.0, 2.0)], [[0.5, 0.5]], [(123456,)])
    assert b"123456" not in line
    assert b"north" in line
    assert log.header["keys"] == []


def found(server: Server, folder: Path, request: str) -> Any:
    from tests.bounds import happens

    there: list[Any] = []

    def look() -> bool:
        there[:] = [line for line in lines(folder) if line["id"] == request]
        return bool(there)

    assert happens(look)
    (line,) = there
    return line


def test_the_same_request_sent_again_is_answered_and_logged_once(logging: tuple[Server, Path]) -> None:
    server, folder = logging
    first = server.post(records(ROW), x_request_id="again")
    second = server.post(records(ROW), x_request_id="again")
    assert second.predictions == first.predictions
    assert second.headers["x-request-id"] == first.headers["x-request-id"] == "again"
    server.post(records(ROW), x_request_id="after")
    found(server, folder, "after")
    found(server, folder, "again")
    assert server.metric("mainline_log_repeated_total") == 1


def test_other_rows_under_an_id_that_was_there_get_an_id_of_their_own(logging: tuple[Server, Path]) -> None:
    server, folder = logging
    server.post(records(ROW), x_request_id="trace")
    other = server.post(records(changed(pages=9)), x_request_id="trace")
    name = other.headers["x-request-id"]
    assert name.startswith("trace.")
    assert name != "trace"
    assert found(server, folder, name)["rows"][0][-1] == 9
    assert found(server, folder, "trace")["rows"][0][-1] == 3


def test_a_request_that_was_refused_may_be_sent_again_under_its_id(logging: tuple[Server, Path]) -> None:
    server, folder = logging
    assert server.post(records(changed(pages="x")), x_request_id="mended").status == 400
    answer = server.post(records(ROW), x_request_id="mended")
    assert answer.headers["x-request-id"] == "mended"
    found(server, folder, "mended")


def test_a_column_that_the_log_needs_for_itself_is_refused(binary: Export, tmp_path: Path) -> None:
    from mainline.errors import ConfigurationError
    from mainline.serving.prediction_log import PredictionLog

    signature = msgspec.structs.replace(binary.signature, key=[Key("_row", "integer")])
    with pytest.raises(ConfigurationError, match="_row is a reserved column of the log"):
        PredictionLog(tmp_path, Configuration(), signature, "1")
