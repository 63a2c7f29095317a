"""The whole server over HTTP: what it answers, and what it refuses and how."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mainline.errors import DataError
from mainline.packaging import predict
from mainline.packaging.export import as_lists
from tests.bounds import HANG
from tests.exports import Export, make
from tests.mainline.serving.conftest import Server, started

NAMES = ["shop", "device", "minutes", "pages"]
ROW = {"shop": "north", "device": "phone", "minutes": 12.5, "pages": 3}


def records(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"dataframe_records": list(rows)}


def changed(**values: Any) -> dict[str, Any]:
    return {**ROW, **values}


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in ROW.items() if key != name}


@pytest.mark.slow
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression", "unconverted"])
def test_the_holdout_over_http_equals_the_offline_predictions_row_by_row(
    task: str, request: pytest.FixtureRequest
) -> None:
    made: Export = request.getfixturevalue(task)
    rows = as_lists(made.signature, made.holdout)
    with started(made.folder) as server:
        found = []
        for start in range(0, len(rows), 250):
            split = {"columns": made.signature.names, "data": rows[start : start + 250]}
            found += server.post({"dataframe_split": split}).predictions
        single = [
            server.post(records(dict(zip(made.signature.names, row, strict=True)))).predictions[0] for row in rows[:50]
        ]
    answers = np.array(found)[:, 1] if task in ("binary", "unconverted") else np.array(found)
    scale = np.abs(made.scores).max() if task == "regression" else 1.0
    assert len(rows) > 800
    assert answers == pytest.approx(made.scores, abs=1e-5 * scale)
    assert single == found[:50]


@pytest.mark.slow
def test_a_row_that_the_model_has_no_finite_answer_for_is_refused_alone(tmp_path: Path) -> None:
    """A network, or a linear model, computes infinity of numbers that 32 bits hold: JSON would have `null` for it."""
    made = make(tmp_path, "regression", "sklearn.linear_model.Ridge", "{}", "onehot", "standardize")
    far = changed(pages=-3e38)
    with started(made.folder) as server:
        assert server.post(records(ROW)).status == 200
        for rows in ([ROW, far], [ROW] * 999 + [far]):  # in the loop, and as a batch
            found = server.post(records(*rows))
            assert found.status == 400
            assert found.json["row"] == len(rows) - 1
            assert "the model has no answer for row" in found.json["message"]
        assert server.post(records(ROW)).status == 200
    file = tmp_path / "ask.parquet"
    pd.DataFrame([ROW, far]).to_parquet(file)
    with pytest.raises(DataError, match=r"ask.parquet: the model has no answer for row 1 \(from 0\)"):
        predict.predict(file, made.folder, tmp_path / "answers.parquet", lambda said: None)
    assert not (tmp_path / "answers.parquet").exists()


@pytest.mark.parametrize(
    "body",
    [
        records(ROW),
        {"instances": [ROW]},
        {"inputs": {name: [value] for name, value in ROW.items()}},
        {"dataframe_split": {"columns": NAMES, "data": [[ROW[name] for name in NAMES]]}},
        {"dataframe_split": {"columns": NAMES[::-1], "data": [[ROW[name] for name in NAMES[::-1]]], "index": [7]}},
        {**records(ROW), "params": {}},
    ],
)
def test_every_form_of_mlflows_protocol_gets_the_same_answer(server: Server, body: dict[str, Any]) -> None:
    (probabilities,) = server.post(body).predictions
    assert probabilities == server.post(records(ROW)).predictions[0]
    assert sum(probabilities) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    "text", ["{0}\n{1}\n", "\ufeff{0}\r\n{1}\r\n", '"shop",device,minutes,pages\n"north",phone,+12.50,3.\n']
)
def test_csv_gets_the_same_answer(server: Server, text: str) -> None:
    filled = text.format(",".join(NAMES), ",".join(str(ROW[name]) for name in NAMES))
    assert server.post(filled.encode(), "text/csv").predictions == server.post(records(ROW)).predictions


def test_a_missing_value_may_be_null_or_an_empty_cell(server: Server) -> None:
    found = server.post(records(changed(device=None, minutes=None))).predictions
    assert found == server.post(b"shop,device,minutes,pages\nnorth,,,3\n", "text/csv").predictions
    assert found != server.post(records(ROW)).predictions


def test_an_unknown_category_is_answered(server: Server) -> None:
    assert len(server.post(records(changed(shop="a new one"))).predictions) == 1


REFUSED: list[tuple[Any, str, str | None, int | None]] = [
    (records(without("minutes")), "the column is missing", "minutes", 0),
    (records(ROW, changed(hour=1)), "no such column", "hour", 1),
    (records(changed(minute=1)), "did you mean minutes?", "minute", 0),
    (records(ROW, changed(pages="3")), "text was sent, a number is needed", "pages", 1),
    (records(changed(pages=True)), "true or false was sent", "pages", 0),
    (records(changed(pages=None)), "null was sent", "pages", 0),
    (records(changed(shop=5)), "a number was sent, text is needed", "shop", 0),
    (records(changed(shop=None)), "null was sent", "shop", 0),
    (records(changed(minutes=[1])), "a list was sent", "minutes", 0),
    (records(changed(minutes={"a": 1})), "an object was sent", "minutes", 0),
    (records(changed(pages=1e39)), "too large", "pages", 0),
    (records(changed(shop="a\0b")), "NUL", "shop", 0),
    (records(changed(shop="\0missing")), "NUL", "shop", 0),
    (records(), "contains no rows", None, None),
    ({"instances": [[1, 2, 3, 4]]}, "a list was sent, an object is needed", None, 0),
    ({"instances": ROW}, "an object was sent, a list is needed", None, None),
    ({"dataframe_split": {"columns": NAMES[1:], "data": [[1, 2, 3]]}}, "is missing", "shop", None),
    ({"dataframe_split": {"columns": [*NAMES, "x"], "data": [[1, 2, 3, 4, 5]]}}, "no such column", "x", None),
    ({"dataframe_split": {"columns": [*NAMES, "shop"], "data": [["a", "b", 1, 2, "c"]]}}, "twice", "shop", None),
    ({"dataframe_split": {"columns": NAMES, "data": [["a", "b", 1, 2], ["a", "b", 1]]}}, "4 values", None, 1),
    ({"dataframe_split": {"columns": NAMES, "data": [["a", "b", 1, 2], ["a", "b", "c", 1]]}}, "text was", "minutes", 1),
    ({"dataframe_split": {"columns": NAMES, "data": [["a", "b", 1, 2]], "index": [1, 2]}}, "2 labels", None, None),
    ({"dataframe_split": {"columns": NAMES}}, "data", None, None),
    ({"dataframe_split": {"columns": NAMES, "data": []}}, "contains no rows", None, None),
    ({"inputs": {**{name: [value] for name, value in ROW.items()}, "pages": [1, 2]}}, "2 values", "pages", None),
    ({"inputs": ROW}, "a list is needed", "shop", None),
    ({"inputs": {name: [value, None] for name, value in ROW.items()}}, "null was sent", "shop", 1),
    ({"inputs": {name: [value] for name, value in without("pages").items()}}, "is missing", "pages", None),
    ({**records(ROW), "instances": [ROW]}, "exactly one of", None, None),
    ({}, "exactly one of", None, None),
    ({"data": [ROW]}, "not a key of a request", None, None),
    ({**records(ROW), "params": {"temperature": 1}}, "accepts none", None, None),
    ([ROW], "a list was sent, an object is needed", None, None),
    (b"", "not JSON", None, None),
    (b"null", "null was sent", None, None),
    (b'{"dataframe_records":[{"shop":', "not JSON", None, None),
    (json.dumps(records(ROW, changed(minutes=float("nan")))).encode(), "NaN was sent, which is not valid JSON: "
     "a number or null is needed", "minutes", 1),
    (json.dumps(records(changed(pages=float("-inf")))).encode(), "-Infinity was sent", "pages", 0),
    (json.dumps({"dataframe_split": {"columns": NAMES, "data": [["a", "b", float("inf"), 2]]}}).encode(),
     "Infinity was sent", "minutes", 0),
    (json.dumps({"inputs": {"pages": [1, float("nan")]}}).encode(), "NaN was sent", "pages", 1),
    (json.dumps({**records(ROW), "params": float("nan")}).encode(), "NaN was sent", None, None),
    (b'{"dataframe_records":[NaN', "not JSON", None, None),
    (b'{"a":NaN,"b":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "", None, None),
    (b'{"dataframe_records":[{"shop":"n","device":"p","minutes":1e999,"pages":1}]}', "too large", "minutes", 0),
    (b'{"dataframe_records":[{"shop":"n","device":"p","minutes":1,"pages":1,"pages":2}]}', "twice", "pages", None),
    (b'{"dataframe_records":[{"shop":"n:","device":":p","minutes":1,"pages":1,"pages":2}]}', "twice", "pages", None),
    (b'{"dataframe_records":[],"dataframe_records":[{"shop":"n","device":"p","minutes":1,"pages":1}]}', "twice",
     "dataframe_records", None),
    (b'{"dataframe_records":[{"shop":"\\ud800","device":"p","minutes":1,"pages":1}]}', "not JSON", None, None),
    (b'{"dataframe_records":[{"shop":"\xff\xfe","device":"p","minutes":1,"pages":1}]}', "not UTF-8", None, None),
    (json.dumps(records(ROW)).encode("utf-16"), "not JSON", None, None),
    (b"[" * 100_000, "a list was sent", None, None),
    (b'{"dataframe_split":{"columns":["a"],"data":' + b"[" * 100_000 + b"]" * 100_000 + b"}}", "nested too deeply",
     None, None),
    (b'{"dataframe_split":{"columns":["a"],"data":[1],"index":' + b"[" * 100_000, "", None, None),
    (b'{"params":{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}}", "nested too deeply", None, None),
    (b"\0" * 100, "not JSON", None, None),
]  # fmt: skip


@pytest.mark.parametrize(("body", "said", "column", "row"), REFUSED)
def test_what_is_not_this_models_input_is_refused_by_column_and_row(
    server: Server, body: Any, said: str, column: str | None, row: int | None
) -> None:
    answer = server.post(body)
    assert answer.status == 400, answer.body
    assert said in answer.message
    assert (answer.json.get("column"), answer.json.get("row")) == (column, row)
    assert column is None or column in answer.message


@pytest.mark.parametrize(
    ("text", "said", "column", "row"),
    [
        (b"", "is missing", "shop", None),
        (b"shop,device,minutes,pages\n", "no row", None, None),
        (b"shop,device,minutes\nnorth,phone,1\n", "is missing", "pages", None),
        (b"shop,device,minutes,pages,x\nnorth,phone,1,2,3\n", "no such column", "x", None),
        (b"shop,device,minutes,pages\nnorth,phone,1\n", "3 values", None, 0),
        (b"shop,device,minutes,pages\nnorth,phone,1,2\nnorth,phone,one,2\n", "a number or an empty cell", "minutes", 1),
        (b",shop,device,minutes,pages\n0,north,phone,1,2\n", "the column without a name: this model", "", None),
        (b"shop,device,minutes,pages\nnorth,phone,NaN,2\n", "'NaN' was sent", "minutes", 0),
        (b"shop,device,minutes,pages\nnorth,phone,inf,2\n", "'inf' was sent", "minutes", 0),
        (b"shop,device,minutes,pages\nnorth,phone,1_0,2\n", "'1_0' was sent", "minutes", 0),
        (b"shop,device,minutes,pages\nnorth,phone,1e400,2\n", "too large", "minutes", 0),
        (b"shop,device,minutes,pages\nnorth,phone,1,\n", "the cell is empty", "pages", 0),
        (b"shop,device,minutes,pages\n,phone,1,2\n", "the cell is empty", "shop", 0),
        (b'shop,device,minutes,pages\n"north,phone,1,2\n', "not CSV", None, None),
        (b"shop,device,minutes,pages\nno\0rth,phone,1,2\n", "NUL", None, None),
        (b"shop,device,minutes,pages\n\xff\xfe,phone,1,2\n", "not UTF-8", None, None),
        (b"shop,device,minutes,pages\n" + b"x" * 200_000 + b",phone,1,2\n", "not CSV", None, None),
    ],
)  # fmt: skip
def test_csv_that_is_not_this_models_input_is_refused_too(
    server: Server, text: bytes, said: str, column: str | None, row: int | None
) -> None:
    answer = server.post(text, "text/csv")
    assert (answer.status, said in answer.message) == (400, True), answer.body
    assert answer.json.get("column") == column or (said == "NUL" and answer.json.get("column") == "shop")
    assert answer.json.get("row") == row or said == "NUL"


@pytest.mark.parametrize(
    ("kind", "headers", "status"),
    [
        ("text/plain", {}, 415),
        ("application/json; charset=latin-1", {}, 415),
        ("application/json; charset=utf-8", {}, 200),
        ("Application/JSON;charset=UTF-8", {}, 200),
        ("application/json", {"content_encoding": "gzip"}, 415),
        ("application/json", {"content_encoding": "identity"}, 200),
        ("multipart/form-data; boundary=x", {}, 415),
    ],
)
def test_another_content_type_or_encoding_is_refused(
    server: Server, kind: str, headers: dict[str, str], status: int
) -> None:
    assert server.post(records(ROW), kind, **headers).status == status


def test_too_many_rows_and_too_long_bodies_are_refused(server: Server) -> None:
    assert len(server.post(records(*[ROW] * 2000)).predictions) == 2000
    assert server.post(records(*[ROW] * 2001)).status == 413
    assert server.post({"inputs": {name: [value] * 2001 for name, value in ROW.items()}}).status == 413
    lines = "shop,device,minutes,pages\n" + "north,phone,1,2\n" * 2001
    assert server.post(lines.encode(), "text/csv").status == 413
    assert server.post(b" " * 400_001).status == 413
    assert server.post(iter([b" " * 100_000] * 5) and b" " * 400_000).status == 400


def test_a_body_in_chunks_is_read_up_to_the_same_limit(server: Server) -> None:
    def chunked(parts: list[bytes], kind: str = "application/json") -> int:
        connection = server.connect()
        headers = {"content-type": kind, "transfer-encoding": "chunked"}
        connection.request("POST", "/invocations", iter(parts), headers, encode_chunked=True)
        response = connection.getresponse()
        response.read()
        connection.close()
        return response.status

    text = json.dumps(records(ROW)).encode()
    assert chunked([text[:10], text[10:]]) == 200
    assert chunked([b" " * 100_000] * 5) == 413
    # Cut off between two lines, CSV would be answered for fewer rows than were sent.
    assert chunked([b"shop,device,minutes,pages\n", b"north,phone,1,2\n"], "text/csv") == 411


@pytest.mark.slow
@pytest.mark.parametrize("sent", [b"content-length: 500\r\n\r\n{", b'transfer-encoding: chunked\r\n\r\n5\r\n{"dat\r\n'])
def test_a_client_that_leaves_in_the_middle_is_no_defect(binary: Export, sent: bytes) -> None:
    with started(binary.folder) as server:
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.sendall(b"POST /invocations HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n" + sent)
        counted = 'mainline_requests_total{path="/invocations",status="400"}'
        while server.metric(counted) == 0:
            pass  # until the server has seen that it left
        assert "Traceback" not in server.stop()


def test_a_broken_chunk_is_refused(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        head = b"POST /invocations HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        client.sendall(head + b"transfer-encoding: chunked\r\n\r\nZZZ\r\n")
        client.settimeout(10)
        assert client.recv(100).startswith(b"HTTP/1.1 400")


@pytest.mark.slow
def test_a_body_that_does_not_come_is_not_waited_for(binary: Export) -> None:
    with started(binary.folder, BODY_SECONDS=1) as server, socket.create_connection(("127.0.0.1", server.port)) as slow:
        head = "POST /invocations HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{{"
        slow.sendall(head.format(50_000).encode())
        slow.settimeout(10)
        assert slow.recv(100).startswith(b"HTTP/1.1 408")
        with socket.create_connection(("127.0.0.1", server.port)) as short:
            short.sendall(head.format(500).encode())
            short.settimeout(10)
            assert short.recv(100).startswith(b"HTTP/1.1 408")
        assert server.get("/ready").status == 200


@pytest.mark.parametrize("path", ["/ping", "/health", "/ready"])
def test_probes_answer(server: Server, path: str) -> None:
    assert server.get(path).status == 200
    assert server.ask("HEAD", path).status == 200


def test_other_paths_and_methods_are_told_what_is_there(server: Server) -> None:
    assert server.get("/nothing").status == 404
    assert "/invocations" in server.get("/nothing").message
    for method, path, allowed in (("GET", "/invocations", "POST"), ("POST", "/version", "GET, HEAD")):
        answer = server.ask(method, path)
        assert (answer.status, answer.headers["allow"]) == (405, allowed)


def test_the_version_names_the_model_by_its_digests(server: Server, binary: Export) -> None:
    told = server.get("/version").json
    assert told["version"] == "3"
    assert told["model_digest"] == binary.signature.digest
    assert told["pipeline_digest"] == binary.record.digest
    assert told["fingerprint"] == binary.record.fingerprint
    assert (told["classes"], told["threshold"]) == ([False, True], 0.4)


def test_a_request_id_comes_back_and_a_bad_one_does_not(server: Server) -> None:
    assert server.post(records(ROW), x_request_id="order-17.a").headers["x-request-id"] == "order-17.a"
    for bad in ('a"b', "a b", "x" * 129):
        assert server.post(records(ROW), x_request_id=bad).headers["x-request-id"] != bad
    ids = {server.post(records(ROW)).headers["x-request-id"] for _ in range(20)}
    assert len(ids) == 20


@pytest.mark.slow
def test_the_metrics_count_what_was_asked(binary: Export) -> None:
    with started(binary.folder) as server:
        server.post(records(ROW, ROW))
        server.post(records(*[ROW] * 500))
        server.post(records(without("pages")))
        server.post(b"[")
        server.get("/" + "x" * 100)
        assert server.metric('mainline_requests_total{path="/invocations",status="200"}') == 2
        assert server.metric('mainline_requests_total{path="/invocations",status="400"}') == 2
        assert server.metric('mainline_requests_total{path="other",status="404"}') == 1
        assert server.metric('mainline_rejected_total{reason="missing_column"}') == 1
        assert server.metric("mainline_request_seconds_count") == 2
        assert server.metric("mainline_batch_rows_sum") == 502
        assert server.metric('mainline_prediction_count{class="true"}') == 502
        (probability,) = {row[1] for row in server.post(records(ROW)).predictions}
        assert server.metric('mainline_prediction_sum{class="true"}') == pytest.approx(503 * probability, rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("given", ["API_KEY", "API_KEY_FILE"])
def test_with_a_key_set_everything_but_the_probes_needs_it(binary: Export, tmp_path: Path, given: str) -> None:
    key = "s3cret-of-4scii"  # pragma: allowlist secret
    (tmp_path / "key").write_text(key + "\n", encoding="utf-8")
    with started(binary.folder, **{given: key if given == "API_KEY" else tmp_path / "key"}) as server:
        assert server.get("/ready").status == 200
        for path in ("/version", "/metrics", "/docs", "/openapi.json", "/model-card"):
            assert server.get(path).status == 401
        assert server.post(records(ROW)).status == 401
        assert server.post(records(ROW), x_api_key="wrong").status == 401  # pragma: allowlist secret
        assert server.post(records(ROW), authorization="Bearer ").status == 401
        assert "www-authenticate" in server.post(records(ROW)).headers
        assert server.post(records(ROW), x_api_key=key).status == 200
        assert server.post(records(ROW), authorization=f"Bearer {key}").status == 200
        assert server.metric('mainline_rejected_total{reason="unauthenticated"}') == 0  # the page itself is refused
        assert b"securitySchemes" in server.get("/openapi.json", x_api_key=key).body


@pytest.mark.slow
def test_the_model_card_is_served_where_there_is_one(binary: Export, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(binary.folder, tmp_path / "model")
    (tmp_path / "model" / "model-card.md").write_text("# Purchases\n", encoding="utf-8")
    with started(tmp_path / "model") as server:
        card = server.get("/model-card")
        assert (card.status, card.body) == (200, b"# Purchases\n")
        assert card.headers["content-type"] == "text/markdown; charset=utf-8"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"PORT": "80800"}, "MAINLINE_PORT: a whole number from 0 to 65535 is needed, not '80800'"),
        ({"MODEL": "/nowhere"}, "`mainline export` writes it"),
        ({"API_KEY_FILE": "/nowhere"}, "MAINLINE_API_KEY_FILE: /nowhere: No such file"),
        ({"API_KEY": "schlüssel"}, "ASCII characters"),  # pragma: allowlist secret
        ({"LOG": "/tmp", "LOG_LEAVE_OUT": "shops"}, "the model has no column shops"),
    ],
)
def test_a_server_that_is_set_up_wrongly_says_so_and_ends(binary: Export, variables: dict[str, str], said: str) -> None:
    done = start(binary, variables)
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_port_that_is_taken_is_said(binary: Export) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = start(binary, {"PORT": str(taken.getsockname()[1])})
    assert done.returncode == 4, done.stderr
    assert "cannot listen on 127.0.0.1:" in done.stderr
    assert "Address already in use" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_host_may_be_a_name(binary: Export) -> None:
    with started(binary.folder, HOST="localhost") as server:
        assert server.get("/ping").status == 200


@pytest.mark.slow
def test_a_second_server_on_the_same_port_is_refused_although_granian_would_share_it(binary: Export) -> None:
    with started(binary.folder) as server:
        assert start(binary, {"PORT": str(server.port)}).returncode == 4


def start(made: Export, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    import os

    given = {"MAINLINE_MODEL": str(made.folder), **{f"MAINLINE_{name}": value for name, value in variables.items()}}
    return subprocess.run(
        [sys.executable, "-m", "mainline.serving"],
        env={**os.environ, **given}, capture_output=True, text=True, timeout=HANG, check=False,
    )  # fmt: skip


@pytest.mark.slow
def test_the_server_imports_neither_scikit_learn_nor_pandas_nor_the_training(binary: Export) -> None:
    program = (
        "import sys\nfrom pathlib import Path\nfrom mainline.serving import settings, signature\n"
        "from mainline.serving.app import App\nimport mainline.serving.server, mainline.serving.docs_page\n"
        "folder = Path(sys.argv[1])\nApp(signature.read(folder), folder, settings.Configuration())\n"
        "print(*sorted(name for name in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(binary.folder)], capture_output=True, text=True, check=True
    )
    loaded = done.stdout.split()
    assert {name.split(".")[0] for name in loaded} & {"sklearn", "pandas", "pydantic", "yaml", "duckdb"} == set()
    own = {name for name in loaded if name.startswith("mainline") and not name.startswith("mainline.serving")}
    assert own == {"mainline", "mainline.errors"}


@pytest.mark.slow
def test_more_requests_at_once_than_are_allowed_are_told_to_come_again(binary: Export) -> None:
    with started(binary.folder, MAX_WAITING=1) as server:
        first = server.connect()
        first.putrequest("POST", "/invocations")
        first.putheader("content-type", "application/json")
        first.putheader("content-length", "400")
        first.endheaders(b"{")
        while (answer := server.post(records(ROW))).status == 200:
            pass  # until the server has read the first one's head
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        assert server.get("/ready").status == 200
        first.close()
        while server.post(records(ROW)).status == 503:
            pass  # until it has seen that the first one left
        assert server.metric('mainline_rejected_total{reason="overload"}') >= 1


@pytest.mark.slow
def test_more_bytes_at_once_than_the_memory_bears_are_told_to_come_again_and_small_bodies_are_answered(
    binary: Export,
) -> None:
    def announced(*headers: tuple[str, str]) -> http.client.HTTPConnection:
        client = server.connect()
        client.putrequest("POST", "/invocations")
        for name, value in (("content-type", "application/json"), *headers):
            client.putheader(name, value)
        client.endheaders()
        return client

    def in_chunks() -> http.client.HTTPConnection:
        client = announced(("transfer-encoding", "chunked"))
        client.send(b"13880\r\n" + b" " * 80_000)
        assert server.get("/ready").status == 200
        return client

    large = json.dumps(records(*[ROW] * 1000)).encode()
    # Who sends slowly is waited for as long as this takes, on a busy machine as well.
    with started(binary.folder, MAX_BODY_BYTES=100_000, BODY_SECONDS=600) as server:
        waiting = [announced(("content-length", "100000")), in_chunks()]
        while (answer := server.post(large)).status == 200:
            # The server had not read so far, and while it answered there may have been no room for the chunks.
            waiting[-1].close()
            waiting[-1] = in_chunks()
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        assert len(server.post(records(ROW)).predictions) == 1
        for client in waiting:
            client.close()
        while server.post(large).status == 503:
            pass  # until it has seen that they left
        assert len(server.post(large).predictions) == 1000


@pytest.mark.slow
def test_a_defect_is_a_500_that_tells_nothing_and_the_server_goes_on(binary: Export, tmp_path: Path) -> None:
    program = (
        "import sys\nfrom mainline.serving import app, server\n"
        "def fail(self, *given): raise ValueError('a secret')\n"
        "app.App._answer = fail\nsys.exit(server.main())"
    )
    with started(binary.folder, program=program) as server:
        answer = server.post(records(ROW))
        assert (answer.status, b"secret" in answer.body) == (500, False)
        assert answer.json["error_code"] == "INTERNAL_ERROR"
        assert server.get("/ready").status == 200
        assert "ValueError: a secret" in server.stop()
