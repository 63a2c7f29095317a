"""GitHub's own description of the events that it sends: an event in a test has the fields of GitHub's, and no other.

The description of events is OpenAPI 3.1, that of the API 3.0: its schemas are put into the words of 3.0, and then the
same code reads both.
"""

from __future__ import annotations

import functools
import json
from typing import Any

from tests.github import description
from tests.github.description import FOLDER, REQUIRED, Unfit, check_schema
from tests.github.fill import absolute, filled

FILE = FOLDER / "node_modules/@octokit/openapi-webhooks/generated/api.github.com.json"
PLACE = "webhooks"  # where they are in the document of the API
# Of events of Actions that are no webhooks, such as `schedule`: https://github.com/octokit/webhooks/issues/141
WITHOUT_DESCRIPTION = {"schedule": {"schedule"}}


def payload(event: str, values: dict[str, Any]) -> dict[str, Any]:
    """The whole payload from what a test knows of it; raises Unfit for a field or a value that GitHub does not send.

    Where the description is not installed, and need not be, what the test knows is all there is.
    """
    if event in WITHOUT_DESCRIPTION:
        if set(values) != WITHOUT_DESCRIPTION[event]:
            raise Unfit(f"{event} has the fields {WITHOUT_DESCRIPTION[event]}, not {set(values)}")
        return values
    if not (FILE.exists() or REQUIRED):
        return values
    name = "-".join([event, *([values["action"]] if "action" in values else [])]).replace("_", "-")
    found: dict[str, Any] = filled(schema_of(name), values, f"the event {event}")
    check_schema(absolute_schema_of(name), found, f"the event {event}")
    return found


def schema_of(name: str) -> dict[str, Any]:
    sent = events()["webhooks"]
    if name not in sent:
        raise Unfit(f"GitHub sends no event {name}, only {', '.join(one for one in sent if one[:4] == name[:4])}")
    found: dict[str, Any] = sent[name]["post"]["requestBody"]["content"]["application/json"]["schema"]
    return found


@functools.cache
def absolute_schema_of(name: str) -> Any:
    return absolute(schema_of(name))


@functools.cache
def events() -> dict[str, Any]:
    """The description of the events, as a part of the API's document."""
    whole = description.document()  # which says what is missing, and how it is installed
    text = FILE.read_text(encoding="utf-8").replace('"#/components/', f'"#/{PLACE}/components/')
    found: dict[str, Any] = json.loads(text, object_hook=in_the_words_of_3_0)
    whole[PLACE] = found
    return found


def in_the_words_of_3_0(schema: dict[str, Any]) -> dict[str, Any]:
    """`type: [string, "null"]` as `type: string, nullable: true`; an alternative that is null likewise."""
    kinds = schema.get("type")
    if isinstance(kinds, list):
        others = [kind for kind in kinds if kind != "null"]
        schema = {name: value for name, value in schema.items() if name != "type"}
        schema |= {"nullable": True} if "null" in kinds else {}
        if len(others) == 1:
            schema["type"] = others[0]
        elif not others:
            schema["enum"] = [None]
    for way in ("anyOf", "oneOf"):
        ways = schema.get(way)
        if isinstance(ways, list) and any(one.get("enum") == [None] or one.get("type") == "null" for one in ways):
            rest = [one for one in ways if one.get("enum") != [None] and one.get("type") != "null"]
            schema = {**schema, way: rest, "nullable": True}
    return schema
