"""The OpenAPI description of the server, made from the model's signature."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mainline.serving import row_keys
from mainline.serving.metrics import label
from mainline.serving.row_keys import NUMBER, WHOLE
from mainline.serving.settings import Configuration
from mainline.serving.signature import LARGEST, Column, Key, Signature
from mainline.serving.spelling import NUMERIC, WORD, is_contrary

TEXT = r"^[^\u0000]*$"
KEY = "Part of the row's key, or a slice: logged, to join labels and to monitor slices; not an input of the model."


def describe(signature: Signature, version: str, configuration: Configuration) -> dict[str, Any]:
    """An OpenAPI 3.1 document."""
    secured = configuration.api_key is not None
    schemes = {
        "key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
        "bearer": {"type": "http", "scheme": "bearer"},
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": signature.name,
            "version": version,
            "description": (
                f"A {signature.task} model that speaks MLflow's scoring protocol. Model {signature.digest[:12]}, "
                f"data {signature.data_digest[:12]}, commit {(signature.commit or 'none')[:12]}. {meaning(signature)}"
            ),
        },
        "paths": paths(signature, configuration, secured),
        "components": {
            "schemas": schemas(signature, configuration),
            **({"securitySchemes": schemes} if secured else {}),
        },
    }


def meaning(signature: Signature) -> str:
    """The meaning of a prediction, as text."""
    if signature.task == "regression":
        return "A prediction is one number per row."
    names = [label(value) for value in signature.classes]
    said = f"A prediction is a list of probabilities per row, one per class, in the order {', '.join(names)}."
    if signature.threshold is not None:
        said += f" The predicted class is {names[1]} if its probability is {signature.threshold} or more."
    return said


def paths(signature: Signature, configuration: Configuration, secured: bool) -> dict[str, Any]:
    lock: dict[str, Any] = {"security": [{"key": []}, {"bearer": []}]} if secured else {}
    refused = {"401": error("The key is missing or wrong.")} if secured else {}
    found: dict[str, Any] = {
        "/invocations": {
            "post": {
                "operationId": "predict",
                "summary": "Score rows",
                **lock,
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {
                            "schema": {"$ref": "#/components/schemas/Request"},
                            "examples": {name: {"value": value} for name, value in examples(signature).items()},
                        },
                        "text/csv": {"schema": {"type": "string"}, "example": csv_example(signature)},
                    },
                },
                "responses": {
                    "200": {
                        "description": "One prediction per row, in the order of the rows.",
                        "headers": {"x-request-id": {"schema": {"type": "string"}}},
                        "content": {
                            "application/json": {
                                "schema": {"$ref": "#/components/schemas/Answer"},
                                "example": {"predictions": signature.answers[:1]},
                            }
                        },
                    },
                    "400": error("The input does not match the model: `message` names the column and the row."),
                    **refused,
                    "408": error(f"The body did not arrive within {configuration.body_seconds:g} seconds."),
                    "411": error("CSV without a content-length."),
                    "413": error(
                        f"More than {configuration.max_rows:,} rows, or more than {configuration.max_body:,} bytes."
                    ),
                    "415": error("Another content type or encoding than JSON or CSV in UTF-8."),
                    "503": error("Too many requests at once: try again."),
                },
            }
        }
    }
    if configuration.log:
        found["/feedback"] = {"post": feedback(signature, configuration, lock, refused)}
    for path, summary, kind, probe in (
        ("/ping", "Liveness of the server", "application/json", True),
        ("/health", "Liveness of the server", "application/json", True),
        ("/ready", "Readiness for requests", "application/json", True),
        ("/version", "The model's version and digests", "application/json", False),
        ("/metrics", "Counts in Prometheus' format", "text/plain", False),
        ("/openapi.json", "This document", "application/json", False),
        ("/docs", "This description as a page", "text/html", False),
        ("/model-card", "What the model is for, and its limits", "text/markdown", False),
    ):
        schema = {"type": "object"} if kind == "application/json" else {"type": "string"}
        responses = {"200": {"description": summary, "content": {kind: {"schema": schema}}}}
        if path == "/ready":
            responses["503"] = error("The server is about to stop.")
        if path == "/model-card":
            responses["404"] = error("This export has no model card.")
        found[path] = {
            "get": {
                "summary": summary,
                **({} if probe else lock),
                "responses": {**responses, **({} if probe else refused)},
            }
        }
    return found


def feedback(
    signature: Signature, configuration: Configuration, lock: dict[str, Any], refused: dict[str, Any]
) -> dict[str, Any]:
    example = signature.classes[-1] if signature.classes else 1.5
    return {
        "operationId": "label",
        "summary": "Send the label of a prediction",
        "description": (
            "A label names its row by the request's id (x-request-id of the answer) and the row's place in it, or by "
            "the row's key. The same label may be sent again; of several for one row, the last one received counts."
        ),
        **lock,
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"$ref": "#/components/schemas/Feedback"},
                    "examples": {"by id": {"value": [{"id": "a-request", "row": 0, "label": example}]}},
                }
            },
        },
        "responses": {
            "200": {
                "description": "The number of labels that were accepted.",
                "headers": {"x-request-id": {"schema": {"type": "string"}}},
                "content": {
                    "application/json": {
                        "schema": {
                            "type": "object",
                            "properties": {"received": {"type": "integer", "minimum": 1}},
                            "required": ["received"],
                        }
                    }
                },
            },
            "400": error("Not a label of this model: `message` names the field and the entry."),
            **refused,
            "408": error(f"The body did not arrive within {configuration.body_seconds:g} seconds."),
            "413": error(
                f"More than {configuration.max_rows:,} labels, or more than {configuration.max_body:,} bytes."
            ),
            "415": error("Another content type or encoding than JSON in UTF-8."),
            "503": error("The log is full at the moment: try again."),
        },
    }


def feedback_schema(signature: Signature, configuration: Configuration) -> dict[str, Any]:
    each = entry(signature, configuration)
    many = {"type": "array", "items": each, "minItems": 1, "maxItems": configuration.max_rows}
    return {"oneOf": [each, many]}


def entry(signature: Signature, configuration: Configuration) -> dict[str, Any]:
    """A label, by id or by key."""
    own: list[Any]
    if signature.task == "regression":
        label: dict[str, Any] = {"type": "number", "minimum": -1e300, "maximum": 1e300}
    elif is_contrary(signature):
        own = list(signature.label_values)
        label = {"enum": [*own, *(int(value) for value in own if value.isdigit())]}
    else:
        truths = [value for value in signature.classes if isinstance(value, bool)]
        words = [word for value in truths for word in (("true", "yes") if value else ("false", "no"))]
        own = [value for value in signature.label_values if value not in words]
        own += [int(value) for value in own if value.isdigit() and int(value) > 1]
        label = {"enum": [*signature.classes, *map(int, truths), *words, *own]}
    row = {"type": "integer", "minimum": 0, "maximum": configuration.max_rows - 1, "default": 0}
    name = {"type": "string", "pattern": "^[A-Za-z0-9_.-]{1,256}$"}
    by_id = {"properties": {"id": name, "row": row, "label": label}, "required": ["id", "label"]}
    key = {
        "type": "object",
        "properties": {key.name: key_cell(key) for key in signature.key},
        "required": signature.key_names,
        "additionalProperties": False,
    }
    by_key = {"properties": {"key": key, "label": label}, "required": ["key", "label"]}
    hidden = set(signature.key_names) & set(configuration.log_leave_out)
    ways = [by_id, by_key] if signature.key and not hidden else [by_id]
    return {"oneOf": [{"type": "object", **way, "additionalProperties": False} for way in ways]}


def key_cell(key: Key) -> dict[str, Any]:
    if key.kind == "integer":
        whole = {"minimum": row_keys.LEAST, "maximum": row_keys.MOST, "pattern": f"^{WHOLE.pattern}$"}
        return {"type": ["integer", "string"], **whole, "description": KEY}
    if key.kind == "number":
        return {"type": ["number", "string"], "pattern": f"^{NUMBER.pattern}$", "maxLength": 40, "description": KEY}
    if key.kind == "date" and not key.written:
        return {"type": "string", "pattern": row_keys.DATE, "maxLength": 10, "description": KEY}
    if key.kind == "date":
        return {"type": "string", "description": f"{KEY} As 2026-01-31 or by {key.written}."}
    more = ["boolean"] if key.written == "boolean" else ["number"] if key.written.startswith(NUMERIC) else []
    return {"type": ["string", *more] if more else "string", "pattern": TEXT, "description": KEY}


def schemas(signature: Signature, configuration: Configuration) -> dict[str, Any]:
    extra = signature.extra_keys
    names = [key.name for key in extra]
    row = {
        "type": "object",
        "properties": {
            **{column.name: cell(column) for column in signature.columns},
            **{key.name: key_cell(key) for key in extra},
        },
        "required": signature.names,
        "additionalProperties": False,
        **together(names),
    }
    rows = {
        "type": "array",
        "items": {"$ref": "#/components/schemas/Row"},
        "minItems": 1,
        "maxItems": configuration.max_rows,
    }
    many = {"minItems": 1, "maxItems": configuration.max_rows}
    cells = [cell(column) for column in signature.columns]
    plain = split(signature.names, cells, many)
    keyed = split([*signature.names, *names], [*cells, *map(key_cell, extra)], many)
    table = {
        "type": "object",
        "properties": {
            **{column.name: {"type": "array", "items": cell(column), **many} for column in signature.columns},
            **{key.name: {"type": "array", "items": key_cell(key), **many} for key in extra},
        },
        "required": signature.names,
        "additionalProperties": False,
        "description": "One list per column, all of the same length.",
        **together(names),
    }
    forms = {
        "dataframe_records": rows,
        "dataframe_split": {"oneOf": [plain, keyed]} if extra else plain,
        "instances": rows,
        "inputs": table,
    }
    return {
        "Row": row,
        "Request": {
            "oneOf": [
                {
                    "type": "object",
                    "properties": {name: form, "params": {"type": ["object", "null"], "maxProperties": 0}},
                    "required": [name],
                    "additionalProperties": False,
                }
                for name, form in forms.items()
            ]
        },
        "Answer": {
            "type": "object",
            "properties": {
                "predictions": {"type": "array", "items": prediction(signature)},
                "metadata": {
                    "type": "object",
                    "properties": {"warnings": {"type": "array", "items": {"type": "string"}}},
                    "description": "Only where every value of a categorical column is unknown to the model.",
                },
            },
            "required": ["predictions"],
        },
        **({"Feedback": feedback_schema(signature, configuration)} if configuration.log else {}),
        "Error": {
            "type": "object",
            "properties": {
                "error_code": {"type": "string"},
                "message": {"type": "string"},
                "column": {"type": "string"},
                "row": {"type": "integer", "minimum": 0, "description": "Counted from 0."},
            },
            "required": ["error_code", "message"],
            "additionalProperties": False,
        },
    }


def together(names: list[str]) -> dict[str, Any]:
    """All of these or none."""
    return {"dependentRequired": {name: [other for other in names if other != name] for name in names}} if names else {}


def split(names: list[str], cells: list[dict[str, Any]], many: dict[str, int]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "columns": fixed([{"const": name} for name in names]),
            "data": {"type": "array", "items": fixed(cells), **many},
            "index": {"type": ["array", "null"], "items": {"type": ["integer", "string"]}},
        },
        "required": ["columns", "data"],
        "additionalProperties": False,
        "description": "The columns may come in any order, the values of a row in the same one.",
    }


def error(description: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {"description": description, "content": content}


def fixed(items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A list whose items are these, one by one."""
    return {"type": "array", "prefixItems": list(items), "minItems": len(items), "maxItems": len(items)}


def cell(column: Column) -> dict[str, Any]:
    """The schema of one value of a column, with its range or categories in the training data."""
    null = ["null"] if column.nullable else []
    if column.kind == "categorical":
        shown = ", ".join(column.categories[:20]) + (", …" if len(column.categories) > 20 else "")
        text = f"Seen in training: {shown}. Other values are treated as unknown." if column.categories else ""
        numeric = column.written.startswith(NUMERIC)
        more = ["boolean"] if column.written == "boolean" else ["number"] if numeric else []
        return {"type": ["string", *more, *null], "pattern": TEXT, "description": text}
    seen = f"From {column.low:g} to {column.high:g} in training." if column.low is not None else ""
    found = {"type": ["number", *null], "minimum": -LARGEST, "maximum": LARGEST, "description": seen}
    if column.written == "boolean":
        return found | {"type": ["number", "boolean", "string", *null], "pattern": WORD}
    if column.written == "text":
        return found | {"type": ["number", "string", *null], "pattern": f"^{NUMBER.pattern}$", "maxLength": 40}
    return found


def prediction(signature: Signature) -> dict[str, Any]:
    if signature.task == "regression":
        return {"type": "number"}
    count = len(signature.classes)
    probability = {"type": "number", "minimum": -1e-6, "maximum": 1 + 1e-6}  # 32-bit floats, rounded
    return {"type": "array", "items": probability, "minItems": count, "maxItems": count}


def examples(signature: Signature) -> dict[str, Any]:
    """One holdout row in every format of the protocol."""
    row = signature.example[0]
    record = dict(zip(signature.names, row, strict=True))
    return {
        "dataframe_records": {"dataframe_records": [record]},
        "dataframe_split": {"dataframe_split": {"columns": signature.names, "data": [row]}},
        "instances": {"instances": [record]},
        "inputs": {"inputs": {name: [value] for name, value in record.items()}},
    }


def csv_example(signature: Signature) -> str:
    import csv
    import io

    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(signature.names)
    lines.writerow(signature.example[0])
    return text.getvalue()
