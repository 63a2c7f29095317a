"""Labels over HTTP: read as strictly as rows, logged with the same promises."""

from __future__ import annotations

import json
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from openapi_spec_validator import validate

from mainline.serving import spool
from mainline.serving.errors import Rejection
from mainline.serving.feedback import FeedbackLog, FeedbackReader, label_reader
from mainline.serving.openapi import describe, entry
from mainline.serving.request_ids import RequestIds
from mainline.serving.settings import Configuration
from tests.bounds import happens
from tests.exports import Export
from tests.mainline.serving.conftest import Server, started
from tests.mainline.serving.test_row_keys import KEY
from tests.mainline.serving.test_server import ROW, records
from tests.platforms import linux

LABEL = {"id": "a", "row": 1, "label": True}


@pytest.fixture(scope="module")
def logging(binary: Export, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    folder = tmp_path_factory.mktemp("log")
    with started(binary.folder, LOG=folder, MAX_ROWS=1000) as server:
        yield server, folder


def labels(folder: Path) -> list[Any]:
    found = []
    for path in sorted(folder.glob("feedback-*")):
        found += [json.loads(line) for line in path.read_text().splitlines()[1:]]
    return found


@pytest.mark.parametrize(
    ("values", "sent", "logged"),
    [
        ({"good": False, "bad": True}, "bad", "true"),
        ({"good": False, "bad": True}, "good", "false"),
        ({"good": False, "bad": True}, True, "true"),
        ({" <=50K": False, " >50K": True}, ">50K", "true"),
        ({"1": False, "2": True}, 1, "false"),  # the table's word, although 1 says true elsewhere
        ({"1": False, "2": True}, "2", "true"),
    ],
)
def test_a_label_may_be_said_in_the_words_of_its_table(
    binary: Export, values: dict[str, bool], sent: Any, logged: str
) -> None:
    read = label_reader(replace(binary.signature, label_values=values))
    assert read(json.dumps(sent).encode(), "", None) == logged
    with pytest.raises(Rejection, match=r'label: "ugly" was sent, one of'):
        read(b'"ugly"', "", None)


@pytest.mark.parametrize("sent", [True, False, "yes", "false"])
def test_where_the_tables_zero_means_true_a_truth_value_is_refused(binary: Export, sent: Any) -> None:
    signature = replace(binary.signature, label_values={"0": True, "1": False})
    assert entry(signature, Configuration())["oneOf"][0]["properties"]["label"] == {"enum": ["0", "1", 0, 1]}
    read = label_reader(signature)
    assert [read(each, "", None) for each in (b"0", b'"1"')] == ["true", "false"]
    with pytest.raises(Rejection, match=r'was sent, one of "0", "1" is needed'):
        read(json.dumps(sent).encode(), "", None)


@pytest.mark.slow
def test_a_label_or_a_list_of_them_is_logged_with_an_id_of_its_own(logging: tuple[Server, Path]) -> None:
    server, folder = logging
    assert server.label(LABEL).json == {"received": 1}
    answer = server.label([LABEL, {"id": "b", "label": False}, {"key": {"visit": 7}, "label": 1}], x_request_id="mine")
    assert (answer.status, answer.json, answer.headers["x-request-id"]) == (200, {"received": 3}, "mine")
    assert happens(lambda: len(labels(folder)) >= 4)
    first, again, other, by_key = labels(folder)[:4]
    assert (first["id"], first["row"], first["label"]) == ("a", 1, "true")
    assert (other["id"], other["row"], other["label"]) == ("b", 0, "false")
    assert (by_key["key"], by_key["label"]) == ([7], "true")
    assert len({entry["_id"] for entry in (first, again, other, by_key)}) == 4
    assert first["time"] <= by_key["time"]


REFUSED: list[tuple[Any, str, str | None, int | None]] = [
    ({"id": "a"}, "label: the field is missing", "label", None),
    ([LABEL, {"id": "a"}], "label, entry 1: the field is missing", "label", 1),
    ({"label": True}, "one of them is needed, neither was sent", "id", None),
    ({**LABEL, "key": {"visit": 1}}, "both was sent", "id", None),
    ({**LABEL, "weight": 1}, "no such field: the fields are id, row, key, label", "weight", None),
    ({**LABEL, "row": -1}, "a whole number from 0 to 9999 is needed", "row", None),
    ({**LABEL, "row": 1.5}, "a whole number from 0 to 9999 is needed", "row", None),
    ({**LABEL, "row": "1"}, "text was sent", "row", None),
    ({**LABEL, "id": 5}, "a number was sent, text is needed", "id", None),
    ({**LABEL, "id": "a b"}, "letters, digits", "id", None),
    ({**LABEL, "id": ""}, "letters, digits", "id", None),
    ({**LABEL, "label": "maybe"}, "one of false, true is needed", "label", None),
    ([{**LABEL, "label": None}], "null was sent, one of false, true is needed", "label", 0),
    ({**LABEL, "label": [True]}, "one of false, true", "label", None),
    ({"key": {"visit": None}, "label": True}, "null was sent, a whole number is needed", "key.visit", None),
    ({"key": {"visit": 7.5}, "label": True}, "visit: a whole number is needed", "visit", None),
    ({"key": {}, "label": True}, "visit: the field is missing", "visit", None),
    ({"key": {"visit": 7, "day": 1}, "label": True}, "no such field: the fields are visit", "day", None),
    ({"key": {"visit": 7}, "row": 0, "label": True}, "send row only with an id", "row", None),
    ({"key": 7, "label": True}, "a number was sent, an object is needed", "key", None),
    ([], "contains no labels", None, None),
    ("text", "a label, or a list of them", None, None),
    ([[LABEL]], "a list was sent", None, 0),
]


@pytest.mark.parametrize(("body", "said", "column", "row"), REFUSED)
def test_what_is_no_label_is_refused_by_field_and_entry(
    binary: Export, body: Any, said: str, column: str | None, row: int | None
) -> None:
    with pytest.raises(Rejection) as refused:
        FeedbackReader(binary.signature, Configuration())(json.dumps(body).encode())
    found = refused.value
    assert said in found.message
    assert (found.status, found.column, found.row) == (400, column if column != "key.visit" else "visit", row)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "not JSON"),
        (b"[{", "not JSON"),
        (b'{"label":1,"id":"a","id":"b"}', "id occurs twice"),
        (b"\xff", "JSON|UTF-8"),
        (b'{"id":"a","label":"\xff"}', "label"),
        (b'{"id":"a","label":%b}' % (b"1" * 5000), "label"),
        # Looked at key by key, those of a label that is none at all would take the server's hours.
        (b'{"id":"a","label":{"a":1,"a":2}}', "label: .* was sent, one of false, true is needed"),
    ],
)
def test_bytes_that_are_no_label_are_refused(binary: Export, body: bytes, said: str) -> None:
    with pytest.raises(Rejection, match=said):
        FeedbackReader(binary.signature, Configuration())(body)


def test_labels_of_the_other_tasks_are_their_own(multiclass: Export, regression: Export) -> None:
    classes = FeedbackReader(multiclass.signature, Configuration())
    value = FeedbackReader(regression.signature, Configuration())
    assert classes(b'{"id":"a","label":"small"}')[0]["label"] == '"small"'
    assert value(b'{"id":"a","label":-3.5}')[0]["label"] == "-3.5"
    with pytest.raises(Rejection, match='one of "large", "middle", "small" is needed'):
        classes(b'{"id":"a","label":"smal"}')
    for sent in (b"true", b'"x"', b"1e400", b'"1e400"', b"null", b'"nan"'):
        with pytest.raises(Rejection, match="label"):
            value(b'{"id":"a","label":%b}' % sent)


def test_a_label_may_be_a_number_in_quotes_as_a_csv_file_has_it(multiclass: Export, regression: Export) -> None:
    numbers = FeedbackReader(replace(multiclass.signature, classes=[0, 1, 2.5, "7"]), Configuration())
    for sent, known in ((b"1", "1"), (b'"1"', "1"), (b'"01"', "1"), (b'"2.50"', "2.5"), (b"1.0", "1"), (b'"7"', '"7"')):
        assert numbers(b'{"id":"a","label":%b}' % sent)[0]["label"] == known
    for sent in (b"true", b"7", b'"one"', b'""', b'"1_0"'):
        with pytest.raises(Rejection, match=r'one of "7", 0, 1, 2\.5 is needed'):
            numbers(b'{"id":"a","label":%b}' % sent)
    value = FeedbackReader(regression.signature, Configuration())
    assert value(b'{"id":"a","label":"-3.50"}')[0]["label"] == "-3.5"


def test_a_key_of_several_columns_is_asked_for_whole_inputs_included(binary: Export) -> None:
    signature = msgspec.structs.replace(binary.signature, key=KEY)
    read = FeedbackReader(signature, Configuration())
    key = {"day": "2026-01-31", "visit": 7, "shop": "north", "till": "t", "weight": 1}
    assert read(json.dumps({"key": key, "label": True}).encode())[0]["key"] == ("2026-01-31", 7, "north", "t", 1.0)
    with pytest.raises(Rejection, match="shop: the field is missing"):
        read(json.dumps({"key": {n: v for n, v in key.items() if n != "shop"}, "label": True}).encode())
    hiding = FeedbackReader(signature, replace(Configuration(), log_leave_out=("till",)))
    with pytest.raises(Rejection, match="till is excluded from the log: send labels by id"):
        hiding(json.dumps({"key": key, "label": True}).encode())


@pytest.mark.slow
def test_more_labels_than_rows_are_taken_are_refused(logging: tuple[Server, Path]) -> None:
    assert logging[0].label([LABEL] * 1001).status == 413


def test_a_server_without_a_log_takes_no_labels(server: Server) -> None:
    answer = server.label(LABEL)
    assert (answer.status, answer.message) == (
        404,
        "labels are not accepted here: no log is written (MAINLINE_LOG is not set)",
    )
    assert server.get("/feedback").status == 405


@pytest.mark.slow
def test_labels_need_the_key_of_the_api_and_json(binary: Export, tmp_path: Path) -> None:
    with started(binary.folder, LOG=tmp_path, API_KEY="open") as server:  # pragma: allowlist secret
        assert server.label(LABEL).status == 401
        assert server.label(LABEL, x_api_key="open").status == 200  # pragma: allowlist secret
        given = {"content_type": "text/csv", "x_api_key": "open"}  # pragma: allowlist secret
        assert server.ask("POST", "/feedback", b"id,label\na,1\n", **given).status == 415


def taken(log: FeedbackLog, body: bytes) -> int:
    """How many were taken, or the status that said no."""
    try:
        return log.take(body, RequestIds())
    except Rejection as rejection:
        return rejection.status


@pytest.mark.slow
def test_labels_that_the_queue_cannot_take_are_not_answered_as_taken(binary: Export, tmp_path: Path) -> None:
    log = FeedbackLog(tmp_path, Configuration(), binary.signature, "1")  # nobody writes
    body = json.dumps([LABEL] * 10_000).encode()
    found: list[Any] = [taken(log, body) for _ in range(20)]
    assert found[0] == 10_000
    assert found[-1] == 503
    assert log.received == len(log.queue)
    assert sum(map(len, log.queue)) <= spool.QUEUE_BYTES


@pytest.mark.slow
@linux
def test_a_disk_that_refuses_labels_counts_them_and_answers_on(binary: Export, tmp_path: Path) -> None:
    with started(binary.folder, LOG=tmp_path) as server:
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (2000, 2000))
        for _ in range(5):
            assert server.label([LABEL] * 10).status == 200
            assert server.post(records(ROW)).status == 200
        lost, kept = 'mainline_feedback_dropped_total{reason="disk"}', "mainline_feedback_written_total"
        assert happens(lambda: server.metric(lost) + server.metric(kept) == 50)
        assert server.metric(lost) > 0
        assert server.metric("mainline_feedback_received_total") == 50
        server.stop()
    assert len(labels(tmp_path)) <= 50


@pytest.mark.slow
def test_labels_keep_to_their_description(logging: tuple[Server, Path]) -> None:
    from tests.mainline.serving.generated import ALLOWED, FEW, FORBIDDEN, allowed_case, forbidden_case, operation

    described = operation(logging[0], "POST", "/feedback")

    @FEW
    @allowed_case(described)
    def allowed(case: Any) -> None:
        case.call_and_validate(checks=ALLOWED)

    @FEW
    @forbidden_case(described)
    def forbidden(case: Any) -> None:
        case.call_and_validate(checks=FORBIDDEN)

    allowed()
    forbidden()


@pytest.mark.slow
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_the_description_is_a_valid_document(task: str, request: pytest.FixtureRequest) -> None:
    made: Export = request.getfixturevalue(task)
    signature = msgspec.structs.replace(made.signature, key=KEY)
    validate(json.loads(json.dumps(describe(signature, "1", replace(Configuration(), log=Path("log"))))))
