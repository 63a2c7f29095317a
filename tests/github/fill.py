"""Whole answers from the few values that a test knows: what GitHub's description requires beside them is filled in.

What is filled in is neutral (null where it may be, else the first allowed value, 0, false, "not modelled"), so that
whoever reads it sees that the double does not know it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.github.description import Unfit, errors, resolved

FORMATS = {
    "date-time": "2026-01-01T00:00:00Z",
    "date": "2026-01-01",
    "uri": "https://github.test/not-modelled",
    "email": "nobody@example.org",
}
LITERALS: dict[str, Any] = {"integer": 0, "number": 0, "boolean": False}
NOTHING = object()


def filled(schema: Mapping[str, Any], values: Any = NOTHING, where: str = "$") -> Any:
    """`values` as an answer of this schema; raises Unfit for a value that the schema has no place for."""
    schema = whole(schema)
    if values is NOTHING and schema.get("nullable"):
        return None
    alternatives = schema.get("oneOf") or schema.get("anyOf")
    if alternatives and "properties" not in schema:
        return one_of(alternatives, values, where)
    if isinstance(values, dict) or (values is NOTHING and is_object(schema)):
        return an_object(schema, {} if values is NOTHING else values, where)
    if isinstance(values, list):
        return [filled(schema.get("items", {}), one, f"{where}[{index}]") for index, one in enumerate(values)]
    return literal(schema) if values is NOTHING else values


def an_object(schema: Mapping[str, Any], values: Mapping[str, Any], where: str) -> dict[str, Any]:
    known = schema.get("properties", {})
    if known and not schema.get("additionalProperties"):
        for name in values:
            if name not in known:
                raise Unfit(f"{where}: GitHub answers no {name!r} here, only {', '.join(known)}")
    found = {name: filled(known.get(name, {}), value, f"{where}.{name}") for name, value in values.items()}
    for name in schema.get("required", []):
        if name not in found:
            found[name] = filled(known.get(name, {}), where=f"{where}.{name}")
    return found


def one_of(alternatives: list[Any], values: Any, where: str) -> Any:
    """The first alternative that what is known fits."""
    refused = []
    for schema in alternatives:
        try:
            found = filled(schema, values, where)
        except Unfit as error:
            refused.append(str(error))
            continue
        wrong = next(errors(absolute(schema), found), None)
        if wrong is None:
            return found
        refused.append(wrong)
    raise Unfit(f"{where} fits no alternative: {'; '.join(refused)[:1000]}")


def absolute(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema with its references led into the whole description."""
    if isinstance(schema, dict):
        return {
            key: f"urn:github{value}" if key == "$ref" and isinstance(value, str) else absolute(value)
            for key, value in schema.items()
        }
    return [absolute(one) for one in schema] if isinstance(schema, list) else schema


def whole(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema without references, its `allOf` merged."""
    found = resolved(schema)
    for part in found.pop("allOf", []):
        part = whole(part)
        properties = {**part.get("properties", {}), **found.get("properties", {})}
        required = [*found.get("required", []), *part.get("required", [])]
        found = {**part, **found, "properties": properties, "required": required}
    return found


def is_object(schema: Mapping[str, Any]) -> bool:
    return schema.get("type") == "object" or "properties" in schema


def literal(schema: Mapping[str, Any]) -> Any:
    if schema.get("enum"):
        return schema["enum"][0]
    if schema.get("type") == "array":
        return []
    if schema.get("type") == "string":
        return FORMATS.get(schema.get("format", ""), "not modelled")
    return LITERALS.get(schema.get("type", ""))
