"""GitHub's own OpenAPI description of its REST API: which operation a request is, and whether it and its answer fit."""

from __future__ import annotations

import functools
import json
import re
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from openapi_schema_validator import OAS30Validator, oas30_format_checker
from referencing import Registry
from referencing.jsonschema import DRAFT4

from tests.environment import servers_are_required

FOLDER = Path(__file__).parent
FILE = FOLDER / "node_modules/@octokit/openapi/generated/api.github.com.json"
WHOLE = "urn:github"
REQUIRED = servers_are_required()
# Parameters that take the rest of the path; the description marks most of them itself, as x-multi-segment.
RESTS = {"git/get-ref": "ref", "git/update-ref": "ref", "git/delete-ref": "ref", "git/list-matching-refs": "ref"}
# Where GitHub answers what its description does not say.
GAPS = (
    r"\.head\.repo: None ",  # of a pull request whose fork was deleted
    r"\.head_repository: None ",  # of its runs
)
PYTHON = {"integer": int, "number": float, "boolean": bool}


class Unfit(Exception):
    """A request or an answer that GitHub's description does not have."""


@dataclass(frozen=True)
class Operation:
    """One method of one path, by GitHub's own name for it, such as `issues/list-comments`."""

    id: str
    method: str
    path: str
    pointer: str
    description: Mapping[str, Any]

    @functools.cached_property
    def parameters(self) -> list[dict[str, Any]]:
        return [resolved(parameter) for parameter in self.description.get("parameters", [])]

    @functools.cached_property
    def query(self) -> dict[str, dict[str, Any]]:
        return {one["name"]: one for one in self.parameters if one["in"] == "query"}

    def body(self) -> tuple[str, bool] | None:
        """The pointer to the body's schema, and whether a body is required."""
        found = self.description.get("requestBody")
        if not found:
            return None
        schema = f"{self.pointer}/requestBody/content/application~1json/schema"
        return (schema, bool(found.get("required"))) if "application/json" in resolved(found)["content"] else None

    def answer(self, status: int) -> str | None:
        """The pointer to the schema of an answer, None where it has no content; Unfit where there is no such answer."""
        found = self.description["responses"].get(str(status))
        if found is None:
            raise Unfit(f"{self.id} never answers {status}, only {', '.join(self.description['responses'])}")
        pointer = found["$ref"].removeprefix("#") if "$ref" in found else f"{self.pointer}/responses/{status}"
        content = resolved(found).get("content", {})
        kind = next((kind for kind in content if kind.endswith("json")), None)
        return f"{pointer}/content/{escaped(kind)}/schema" if kind else None


@functools.cache
def document() -> dict[str, Any]:
    """The whole description, read once a process (0.2 s); a test that needs it and finds none fails in CI."""
    if not FILE.exists():
        say = pytest.fail if REQUIRED else pytest.skip
        say("GitHub's description of its API is not installed: make tests/github/node_modules/.stamp (it needs npm)")
    found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


@functools.cache
def operations() -> dict[str, list[Operation]]:
    """Every operation by its method, those with the most literal paths first."""
    found: dict[str, list[Operation]] = {}
    for path, methods in document()["paths"].items():
        for method, described in methods.items():
            pointer = f"/paths/{escaped(path)}/{method}"
            operation = Operation(described["operationId"], method.upper(), path, pointer, described)
            found.setdefault(method.upper(), []).append(operation)
    for several in found.values():
        several.sort(key=lambda one: [part.startswith("{") for part in one.path.split("/")])
    return found


@functools.cache
def find(method: str, path: str) -> tuple[Operation, dict[str, str]]:
    """The operation that a request is, and what stands in the places of its path; raises Unfit."""
    parts = path.strip("/").split("/")
    for exactly in (True, False):
        for operation in operations().get(method, []):
            places = match(operation, parts, exactly)
            if places is not None:
                return operation, places
    others = [other for other, several in operations().items() if any(match(one, parts) is not None for one in several)]
    raise Unfit(f"GitHub has no {method} {path}" + (f", only {', '.join(others)}" if others else ""))


def match(operation: Operation, parts: list[str], exactly: bool = True) -> dict[str, str] | None:
    template = operation.path.strip("/").split("/")
    if not exactly and len(parts) > len(template) and takes_the_rest(operation):
        rest = len(template) - 1
        parts = [*parts[:rest], "/".join(parts[rest:])]
    if len(parts) != len(template):
        return None
    places = {}
    for want, have in zip(template, parts, strict=True):
        if want.startswith("{"):
            places[want.strip("{}")] = urllib.parse.unquote(have)
        elif want != have:
            return None
    return places if all(places.values()) else None


def takes_the_rest(operation: Operation) -> bool:
    last = operation.path.rpartition("/")[2].strip("{}")
    marked = {one["name"] for one in operation.parameters if one.get("x-multi-segment")}
    return last in marked or RESTS.get(operation.id) == last


def typed(operation: Operation, places: Mapping[str, str], query: Mapping[str, str]) -> dict[str, Any]:
    """The parameters with their types and defaults; raises Unfit for one that is unknown, missing or mistyped."""
    for name in query:
        if name not in operation.query:
            raise Unfit(f"{operation.id} has no parameter {name!r}, only {', '.join(operation.query) or 'none'}")
    found = {}
    for parameter in operation.parameters:
        name, schema = parameter["name"], resolved(parameter.get("schema", {}))
        given = (places if parameter["in"] == "path" else query).get(name)
        if given is None:
            if parameter.get("required"):
                raise Unfit(f"{operation.id} needs the parameter {name!r}")
            found[name] = schema.get("default")
            continue
        found[name] = value = cast(schema, given)
        for error in errors(schema, value):
            raise Unfit(f"{operation.id}, parameter {name!r}: {error}")
    return found


def cast(schema: Mapping[str, Any], text: str) -> Any:
    kind = schema.get("type")
    try:
        if kind == "boolean":
            return {"true": True, "false": False}[text]
        return PYTHON[kind](text) if kind in PYTHON else text
    except (ValueError, KeyError):
        return text


def check_body(operation: Operation, body: Any) -> None:
    """Raises Unfit for a body that is missing, not wanted, has a field that GitHub does not know, or does not fit."""
    described = operation.body()
    if described is None:
        if body not in (None, {}):
            raise Unfit(f"{operation.id} takes no body, it got {body!r}")
        return
    schema, required = described
    if body is None:
        if required:
            raise Unfit(f"{operation.id} needs a body")
        return
    for error in errors({"$ref": f"{WHOLE}#{schema}"}, body):
        raise Unfit(f"{operation.id}, body: {error}")
    known = properties(at(schema))
    if isinstance(body, dict) and known:
        for name in body:
            if name not in known:
                raise Unfit(f"{operation.id}, body: no field {name!r}, only {', '.join(known)}")


def check_answer(operation: Operation, status: int, body: Any) -> None:
    """Raises Unfit for an answer that GitHub would not give."""
    schema = operation.answer(status)
    if schema is None:
        if body is not None:
            raise Unfit(f"{operation.id} answers {status} without a body")
        return
    for error in errors({"$ref": f"{WHOLE}#{schema}"}, body):
        raise Unfit(f"{operation.id}, answer {status}: {error}")


def check_schema(schema: Any, value: Any, what: str) -> None:
    """Raises Unfit for a value that is none of the schema, whose references lead into the whole description."""
    for error in errors(schema, value):
        raise Unfit(f"{what}: {error}")


KNOWN: dict[str, list[str]] = {}  # by schema and value


def errors(schema: Any, value: Any) -> Iterator[str]:
    """What is wrong, each with the place where it is.

    Each value is looked at once a process: nine of ten requests and answers are those of another test too.
    """
    if isinstance(value, dict | list) and [*schema] != ["$ref"]:
        yield from found_errors(schema, value)  # the schema may be longer than the value
        return
    key = json.dumps([schema, value])
    if key not in KNOWN:
        KNOWN[key] = list(found_errors(schema, value))
    yield from KNOWN[key]


def found_errors(schema: Any, value: Any) -> Iterator[str]:
    for error in OAS30Validator(schema, registry=registry(), format_checker=oas30_format_checker).iter_errors(value):
        if error.instance is None and error.schema.get("nullable"):
            continue  # beside an `enum` or alternatives too, as GitHub means it
        message = error.message
        if len(message) > 500:
            message = f"{message[:150]} … {message[-250:]}"  # it begins with the whole value
        said = f"{error.json_path}: {message}"
        if not any(re.search(gap, said) for gap in GAPS):
            yield said


@functools.cache
def registry() -> Any:
    return Registry().with_resource(WHOLE, DRAFT4.create_resource(document()))


def properties(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Every property that a schema knows, through its parts and alternatives."""
    schema = resolved(schema)
    found = dict(schema.get("properties", {}))
    for part in ("allOf", "anyOf", "oneOf"):
        for one in schema.get(part, []):
            found |= properties(one)
    return found


def resolved(schema: Mapping[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = at(schema["$ref"].removeprefix("#"))
    return dict(schema)


def at(pointer: str) -> Any:
    found: Any = document()
    for part in pointer.strip("/").split("/"):
        found = found[part.replace("~1", "/").replace("~0", "~")]
    return found


def escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")
