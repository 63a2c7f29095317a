"""The reference of `params.yaml`, generated from its types, so that page and schema cannot differ from the code."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mainline.config.schema import Settings

Schema = Mapping[str, Any]

INTRODUCTION = """\
# params.yaml

Every setting. `make docs` generates this page from `src/mainline/config/schema.py`. Editors that support YAML schemas
complete settings from [params.schema.json](params.schema.json). An unknown name or an invalid value is reported with
its line.
"""


def write(folder: Path) -> list[Path]:
    """Write `params.schema.json` and `params.md` to `folder` and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    schema, page = folder / "params.schema.json", folder / "params.md"
    schema.write_text(schema_text(), encoding="utf-8")
    page.write_text(page_text(), encoding="utf-8")
    return [schema, page]


def schema_text() -> str:
    """The JSON Schema of `params.yaml`."""
    return json.dumps(Settings.model_json_schema(), indent=2, sort_keys=True) + "\n"


def page_text() -> str:
    """The same as one Markdown page: one table per section, in the order of the file."""
    schema = Settings.model_json_schema()
    return "\n".join([INTRODUCTION, *(line for part in sections(schema, schema, "") for line in part)])


def sections(whole: Schema, schema: Schema, path: str) -> Iterator[list[str]]:
    """The table of one section, followed by those of its nested sections."""
    required = schema.get("required", [])
    rows, inner = [], []
    for name, field in schema["properties"].items():
        kind, nested, many = described(whole, field)
        place = f"{path}.{name}" if path else name
        needed = "required" if name in required else "" if nested else default(field)
        rows.append(f"| `{name}` | {kind} | {needed} | {cell(field.get('description', ''))} |")
        if nested:
            inner.append((f"{place}.<name>" if many else place, nested))
    title = f"## `{path}`" if path else "## The file"
    yield [title, "", "| setting | type | default | description |", "|---|---|---|---|", *rows, ""]
    for place, nested in inner:
        yield from sections(whole, nested, place)


def described(whole: Schema, field: Schema) -> tuple[str, Schema | None, bool]:
    """A field's type in words, its nested section, and whether there is one section per name."""
    if "$ref" in field:
        return "section", section(whole, field), False
    if "anyOf" in field:
        kinds = [described(whole, choice) for choice in field["anyOf"] if choice.get("type") != "null"]
        nested = next((found for _, found, _ in kinds if found), None)
        return " or ".join(kind for kind, _, _ in kinds), nested, False
    if "enum" in field:
        return " or ".join(f"`{value}`" for value in field["enum"]), None, False
    if "examples" in field:
        return "length of time, such as " + " or ".join(f"`{value}`" for value in field["examples"]), None, False
    kind = field.get("type", "anything")
    if kind == "array":
        least = " (at least one)" if field.get("minItems") else ""
        return f"list of {described(whole, field['items'])[0]}{least}", None, False
    if kind == "object":
        values = field.get("additionalProperties")
        if isinstance(values, Mapping) and "$ref" in values:
            return "section per name", section(whole, values), True
        of = f" to {described(whole, values)[0]}" if isinstance(values, Mapping) else ""
        return f"name{of or ' to value'}", None, False
    if kind == "string":
        kind = {"date": "date"}.get(field.get("format", ""), "import path" if "pattern" in field else "text")
    return (
        {"boolean": "true or false", "integer": "whole number"}.get(str(kind), str(kind)) + bounds(field),
        None,
        False,
    )


def section(whole: Schema, field: Schema) -> Schema:
    found: Schema = whole["$defs"][field["$ref"].rpartition("/")[2]]
    return found


def bounds(field: Schema) -> str:
    signs = {"exclusiveMinimum": "above", "minimum": "from", "exclusiveMaximum": "below", "maximum": "to"}
    said = [f"{word} {field[name]:g}" for name, word in signs.items() if name in field]
    return f" {' '.join(said)}" if said else ""


def default(field: Schema) -> str:
    value = field.get("default")
    return "" if value is None else f"`{value if isinstance(value, str) else json.dumps(value)}`"


def cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
