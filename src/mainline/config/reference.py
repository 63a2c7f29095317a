"""The reference of `params.yaml`, generated from its types, so that page and schema cannot differ from the code."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter

from mainline.config.schema import Settings

Schema = Mapping[str, Any]

INTRODUCTION = """\
# params.yaml

Every setting. `make docs` generates this page from `src/mainline/config/schema.py`. Editors that support YAML schemas
complete settings from [params.schema.json](params.schema.json). An unknown name or an invalid value is reported with
its line.
"""


@dataclass(frozen=True)
class Table:
    """Names that settings or commands may use: everything of one kind that is declared, built in or added."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]


@dataclass(frozen=True)
class Declared:
    """What is declared in the other rooms: the names, and the settings of what a project added."""

    metrics: Sequence[str] = ()
    gap_metrics: Sequence[str] = ()
    gates: Mapping[str, tuple[Any, str]] = dataclasses.field(default_factory=dict)  # type, description
    sources: Sequence[type[BaseModel]] = ()
    tables: Sequence[Table] = ()


def write(folder: Path, declared: Declared) -> list[Path]:
    """Write `params.schema.json` and `params.md` to `folder` and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    schema, page = folder / "params.schema.json", folder / "params.md"
    schema.write_text(schema_text(declared), encoding="utf-8")
    page.write_text(page_text(declared), encoding="utf-8")
    return [schema, page]


def schema_text(declared: Declared) -> str:
    """The JSON Schema of `params.yaml`."""
    schema = schema_of(declared)
    for name in ("Compare", "Lead", "SliceGate"):
        schema["$defs"][name]["properties"]["metric"]["enum"] = list(declared.metrics)
    schema["$defs"]["GapGate"]["properties"]["metric"]["enum"] = list(declared.gap_metrics)
    for name in ("margins", "floors"):
        schema["$defs"]["Gates"]["properties"][name]["propertyNames"] = {"enum": list(declared.metrics)}
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


def schema_of(declared: Declared) -> dict[str, Any]:
    """The schema of the settings, with those that a project's own gates and sources take, and no others."""
    schema = Settings.model_json_schema()
    definitions = schema["$defs"]
    definitions["Gates"]["additionalProperties"] = definitions["Source"]["additionalProperties"] = False
    for name, (kind, description) in declared.gates.items():
        one = TypeAdapter(kind).json_schema(ref_template="#/$defs/{model}")
        definitions |= one.pop("$defs", {})
        if "properties" in one:
            definitions[one["title"]] = one
            one = {"$ref": f"#/$defs/{one['title']}"}
        definitions["Gates"]["properties"][name] = {**one, "description": description}
    for settings in declared.sources:
        one = settings.model_json_schema(ref_template="#/$defs/{model}")
        definitions |= one.pop("$defs", {})
        definitions["Source"]["properties"] |= one["properties"]
    return schema


def page_text(declared: Declared) -> str:
    """The same as one Markdown page: one table per section, in the order of the file, then the names in use."""
    schema = schema_of(declared)
    tables = [line for table in declared.tables for line in table_lines(table)]
    return "\n".join([INTRODUCTION, *(line for part in sections(schema, schema, "") for line in part), *tables])


def table_lines(table: Table) -> list[str]:
    rows = [f"| {' | '.join(map(cell, row))} |" for row in table.rows]
    return [f"## {table.title}", "", f"| {' | '.join(table.columns)} |", "|---" * len(table.columns) + "|", *rows, ""]


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
    if "$comment" in field:
        return str(field["$comment"]), None, False
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
