"""The description is this model's: its examples work, and schemathesis finds nothing that it does not say."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import schemathesis
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from mainline.serving.openapi import describe
from mainline.serving.settings import Configuration
from tests.exports import Export
from tests.mainline.serving.conftest import Server, started
from tests.mainline.serving.generated import ALLOWED, CHECKS, FEW, FORBIDDEN, allowed_case, forbidden_case, operation

pytestmark = pytest.mark.slow


def test_what_the_schema_allows_is_answered(server: Server) -> None:
    @FEW
    @allowed_case(operation(server, "POST", "/invocations"))
    def ask(case: Any) -> None:
        # Of two lists a schema cannot say that they have one length, nor what CSV text holds.
        form, content = next(iter(case.body.items())) if isinstance(case.body, dict) else ("", {})
        exact = form in ("dataframe_records", "instances") or (form == "dataframe_split" and "index" not in content)
        case.call_and_validate(checks=ALLOWED if exact else CHECKS)

    ask()


def test_what_the_schema_forbids_is_refused(server: Server) -> None:
    @FEW
    @forbidden_case(operation(server, "POST", "/invocations"))
    def ask(case: Any) -> None:
        case.call_and_validate(checks=FORBIDDEN)

    ask()


@pytest.mark.parametrize("more", [{}, {"index": None}, {"index": [7]}, {"params": None}, {"params": {}}])
def test_what_may_be_left_out_is_allowed_where_it_is_answered(server: Server, more: dict[str, Any]) -> None:
    document = server.get("/openapi.json").json
    body: dict[str, Any] = document["paths"]["/invocations"]["post"]["requestBody"]["content"]["application/json"]
    split = body["examples"]["dataframe_split"]["value"]["dataframe_split"]
    sent = {"dataframe_split": split | more} if "index" in more else {"dataframe_split": split, **more}
    assert server.post(sent).status == 200
    described = {"$ref": "#/components/schemas/Request", "components": document["components"]}
    Draft202012Validator(described).validate(sent)


@pytest.mark.parametrize("path", ["/ping", "/health", "/ready", "/version", "/metrics", "/docs", "/model-card"])
def test_every_other_path_answers_as_described(server: Server, path: str) -> None:
    operation(server, "GET", path).Case().call_and_validate(checks=CHECKS)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression", "unconverted"])
def test_every_example_works_and_gets_what_is_printed_beside_it(task: str, request: pytest.FixtureRequest) -> None:
    made: Export = request.getfixturevalue(task)
    with started(made.folder) as server:
        content = server.get("/openapi.json").json["paths"]["/invocations"]["post"]
        printed = content["responses"]["200"]["content"]["application/json"]["example"]
        offered = content["requestBody"]["content"]
        for example in offered["application/json"]["examples"].values():
            assert server.post(example["value"]).json == printed
        assert server.post(offered["text/csv"]["example"].encode(), "text/csv").json == printed


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_it_is_a_valid_openapi_document(task: str, request: pytest.FixtureRequest) -> None:
    made: Export = request.getfixturevalue(task)
    for configuration in (Configuration(), Configuration(api_key=b"key")):
        document = json.loads(json.dumps(describe(made.signature, "1", configuration)))
        schemathesis.openapi.from_dict(document)
        validate(document)


def test_it_describes_this_models_columns(server: Server, binary: Export) -> None:
    row = server.get("/openapi.json").json["components"]["schemas"]["Row"]
    assert row["required"] == binary.signature.names
    assert list(row["properties"]) == [*binary.signature.names, "visit"]
    assert row["properties"]["minutes"]["type"] == ["number", "null"]
    assert row["properties"]["pages"]["type"] == ["number"]
    assert "north" in row["properties"]["shop"]["description"]


def test_the_page_for_people_is_whole_and_needs_nothing_from_elsewhere(server: Server, binary: Export) -> None:
    page = server.get("/docs").body.decode()
    for name in (*binary.signature.names, "/invocations", "/model-card", binary.signature.digest[:12]):
        assert name in page
    assert "ünter, &quot;den&quot; Linden" in page
    assert "src=" not in page
    # What its script looks for, to say the address that the browser has asked.
    assert re.search(r'<pre id="command">curl http:[^ ]+/invocations -H', page)
    assert 'querySelector("#command")' in page
    assert "//" not in page.replace("http://localhost", "")
