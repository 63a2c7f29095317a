"""The page of an export for small devices: its inputs, its answers, how to ask it."""

from __future__ import annotations

from mainline.report.escape import code
from mainline.serving.signature import Column, Signature

SHOWN = 12  # categories of a column; serving.json has them all


def readme(signature: Signature) -> str:
    relative = " of the largest value" if signature.task == "regression" else ""
    lines = [
        f"# {code(signature.name)}, version {code(signature.version)}",
        "",
        "This folder answers without a server. It needs Python with `onnxruntime` and `numpy`:",
        "",
        "```sh",
        "python predict.py example.json",
        "```",
        "",
        "| file | what it is |",
        "|---|---|",
        "| `model.ort` | the model with its preprocessing, in ONNX Runtime's own format: every build of it reads it |",
        "| `model.onnx` | the same graph as ONNX |",
        "| `serving.json` | inputs, classes and origin; the server reads it with `model.onnx` |",
        "| `predict.py` | answers a JSON list of rows |",
        "| `example.json` | two rows of the holdout |",
        "",
        "## Inputs",
        "",
        *inputs(signature),
        "",
        "| column | input | values | may be missing |",
        "|---|---|---|---|",
        *(row(column) for column in signature.columns),
        "",
        "## Answers",
        "",
        answers(signature),
        "",
        f"The answers agree with the fitted pipeline on {signature.agreement.rows:,} holdout rows, each alone and "
        f"among the others, to {signature.agreement.largest:.2g}{relative}.",
        "",
        f"Fingerprint {code(signature.fingerprint)}, SHA-256 of `model.onnx` {code(signature.digest)}.",
    ]
    return "\n".join(lines) + "\n"


def inputs(signature: Signature) -> list[str]:
    """The graph's tensors, for who asks it from another language."""
    found = []
    if signature.categorical:
        found.append(
            f"- `categorical`: text, shape (rows, {len(signature.categorical)}). A missing value is the text "
            "`\\u0000missing`; an unknown category is accepted."
        )
    if signature.numeric:
        found.append(f"- `numeric`: 32-bit floats, shape (rows, {len(signature.numeric)}). A missing value is NaN.")
    return [
        *found,
        "",
        "Their columns are in the order of the table. In `predict.py` a row is an object by column name.",
    ]


def row(column: Column) -> str:
    kind = column.kind
    if kind == "categorical":
        known = ", ".join(code(value) for value in column.categories[:SHOWN])
        more = len(column.categories) - SHOWN
        values = known + (f" and {more:,} more" if more > 0 else "")
    else:
        values = "a number" if column.low is None else f"{column.low:g} to {column.high:g} in training"
    return f"| {code(column.name)} | `{kind}` | {values} | {'yes' if column.nullable else 'no'} |"


def answers(signature: Signature) -> str:
    if signature.task == "regression":
        return "The last output is one number for each row."
    classes = ", ".join(code(value) for value in signature.classes)
    said = f"The last output has one row for each row, with the probability of each class: {classes}."
    if signature.task == "binary":
        said += f" The second class is decided from a probability of {signature.threshold:g} on."
    return said
