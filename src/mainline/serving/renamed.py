"""Column names with quotes and backslashes, which are escaped in JSON: its decoder knows the columns by others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

OTHERS = str.maketrans({'"': "″", "\\": "＼"})
ROWS = ("dataframe_records", "instances")


def field_name(name: str) -> str:
    """The name that the decoder knows a column by."""
    return name.translate(OTHERS)


def needed(names: Sequence[str]) -> bool:
    return any(field_name(name) != name for name in names)


def body_of(body: bytes) -> bytes:
    """The body with the decoder's names; one that is no request is left to the decoder, which says why."""
    try:
        request = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return body
    if not isinstance(request, dict):
        return body
    changed: dict[str, Any] = dict(request)
    for form in ROWS:
        if isinstance(request.get(form), list):
            changed[form] = [_keys(row) for row in request[form]]
    if "inputs" in request:
        changed["inputs"] = _keys(request["inputs"])
    return msgspec.json.encode(changed)


def _keys(value: Any) -> Any:
    return {field_name(key): item for key, item in value.items()} if isinstance(value, dict) else value
