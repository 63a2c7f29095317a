"""From a message's bytes to a row: JSON, Avro or Protobuf, with or without the prefix of a schema registry."""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mainline.data.sources.versions import missing_group
from mainline.errors import ConfigurationError

Row = dict[str, Any]
Decode = Callable[[bytes], Row]  # raises ValueError where the bytes are no such message
REGISTRY, PREFIX = b"\0", 5  # Confluent's wire format: a zero byte and the number of the schema


def decoder(where: str, format: str, schema: str | None, message: str | None, root: Path) -> Decode:
    """Raises ConfigurationError where the schema's file cannot be read, or its library is not installed."""
    if format == "json":
        return from_json
    path = root / str(schema)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{where}.message_schema: {schema} cannot be read: {error.strerror}") from None
    try:
        return _avro(content) if format == "avro" else _protobuf(content, str(message))
    except ImportError:
        raise missing_group(where, f"{format} messages", "kafka") from None
    except Exception as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise ConfigurationError(f"{where}.message_schema: {schema} is no schema for {format}: {said}") from None


def from_json(value: bytes) -> Row:
    found = json.loads(value.decode("utf-8"))
    if not isinstance(found, dict):
        raise ValueError("it is no object")
    return found


def _avro(content: bytes) -> Decode:
    import fastavro

    schema = fastavro.parse_schema(json.loads(content))

    def decode(value: bytes) -> Row:
        body = io.BytesIO(value[PREFIX:] if value.startswith(REGISTRY) and len(value) > PREFIX else value)
        try:
            found = fastavro.schemaless_reader(body, schema, None)
        except Exception as error:
            raise ValueError(str(error) or type(error).__name__) from None
        if body.read(1):
            raise ValueError("bytes are left behind the record: another schema wrote it")
        if not isinstance(found, dict):
            raise ValueError("it is no record")
        return found

    return decode


def _protobuf(content: bytes, message: str) -> Decode:
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    from google.protobuf.message import DecodeError

    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(content).file:
        pool.Add(file)
    made = message_factory.GetMessageClass(pool.FindMessageTypeByName(message))

    def decode(value: bytes) -> Row:
        # Behind the schema's number stands a list of indexes; a zero byte for the first message of the file.
        body = value[PREFIX + 1 :] if value.startswith(REGISTRY) else value
        try:
            return _row(made.FromString(body))
        except DecodeError as error:
            raise ValueError(str(error)) from None

    return decode


def _row(found: Any) -> Row:
    from google.protobuf.json_format import MessageToDict

    row: Row = {}
    for field in found.DESCRIPTOR.fields:
        value = getattr(found, field.name)
        if field.message_type is None:
            absent = field.has_presence and not found.HasField(field.name)
            row[field.name] = None if absent else list(value) if isinstance(value, (list, tuple)) else value
        elif field.message_type.full_name == "google.protobuf.Timestamp":
            row[field.name] = value.ToDatetime(dt.UTC) if found.HasField(field.name) else None
        else:
            row[field.name] = json.dumps(MessageToDict(value)) if found.HasField(field.name) else None
    return row
