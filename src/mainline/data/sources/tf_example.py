"""`tf.Example` in TFRecord files: the framing with its checksums, and a record as named lists of one kind.

TFRecord: the length in 8 bytes (little-endian), a masked CRC-32C of them, the bytes, a masked CRC-32C of these; one
record behind the other, the file gzipped or not (https://www.tensorflow.org/tutorials/load_data/tfrecord). TensorFlow
itself is not needed: `tf.Example` is three small messages of Protobuf.
"""

from __future__ import annotations

import functools
import gzip
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from mainline.data.sources.versions import missing_group
from mainline.errors import DataError

LENGTH, CHECK = struct.Struct("<Q"), struct.Struct("<I")
LARGEST = 1 << 31  # bytes of a record: Protobuf's own limit
GZIP = b"\x1f\x8b"
KINDS = {"bytes_list": bytes, "float_list": float, "int64_list": int}


def records(path: Path, origin: str) -> Iterator[bytes]:
    """The records of a file, each once its checksum holds.

    Raises
    ------
    DataError
        For a file that is cut off or damaged: it names the record.
    ConfigurationError
        Where the library for the checksum is not installed.
    """
    check = checksum(origin)
    with path.open("rb") as plain, gzip.GzipFile(fileobj=plain) as unzipped:
        zipped = plain.read(2) == GZIP
        plain.seek(0)
        file: BinaryIO = unzipped if zipped else plain  # type: ignore[assignment]
        number = 0
        try:
            while head := file.read(LENGTH.size):
                number += 1
                yield record(file, head, check)
        except (ValueError, EOFError, OSError) as error:
            raise DataError(f"{origin}: record {number} of the TFRecord file is damaged: {error}") from None


def record(file: BinaryIO, head: bytes, check: Any) -> bytes:
    if masked(check(head)) != unpacked(CHECK, file) or len(head) < LENGTH.size:
        raise ValueError("the checksum of its length does not hold")
    (size,) = LENGTH.unpack(head)
    if size > LARGEST:
        raise ValueError(f"{size:,} bytes are more than a record can have")
    content = file.read(size)
    if len(content) < size:
        raise ValueError("the file ends within it")
    if masked(check(content)) != unpacked(CHECK, file):
        raise ValueError("the checksum of its content does not hold")
    return content


def unpacked(form: struct.Struct, file: BinaryIO) -> int:
    found = file.read(form.size)
    if len(found) < form.size:
        raise ValueError("the file ends within it")
    return int(form.unpack(found)[0])


def framed(content: bytes, origin: str) -> bytes:
    """A record as it stands in a file."""
    check, head = checksum(origin), LENGTH.pack(len(content))
    return head + CHECK.pack(masked(check(head))) + content + CHECK.pack(masked(check(content)))


def masked(crc: int) -> int:
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def checksum(origin: str) -> Any:
    """CRC-32C of bytes."""
    try:
        import google_crc32c
    except ImportError:
        raise missing_group(origin, "a TFRecord file", "tfrecord") from None
    return google_crc32c.value


def decoded(content: bytes) -> dict[str, list[Any]]:
    """The features of a record by name; ValueError where it is no `tf.Example`."""
    from google.protobuf.message import DecodeError

    try:
        message = example().FromString(content)
    except DecodeError as error:
        raise ValueError(f"it is no tf.Example ({error})") from None
    found = {}
    for name, feature in message.features.feature.items():
        kind = feature.WhichOneof("kind")
        found[name] = list(getattr(feature, kind).value) if kind else []
    return found


def encoded(values: Mapping[str, Any]) -> bytes:
    """A record of one value for each feature; None is a feature without a value."""
    message = example()()
    for name, value in values.items():
        feature = message.features.feature[name]
        if value is None:
            continue
        kind = next(kind for kind, type_ in KINDS.items() if type(value) is type_)
        getattr(feature, kind).value.append(value)
    return bytes(message.SerializeToString(deterministic=True))


@functools.cache
def example() -> Any:
    """The class of `tf.train.Example` (tensorflow/core/example/example.proto and feature.proto)."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="mainline/example.proto", package="mainline", syntax="proto3")
    repeated, optional = (getattr(descriptor_pb2.FieldDescriptorProto, f"LABEL_{n}") for n in ("REPEATED", "OPTIONAL"))
    kinds = {
        name: getattr(descriptor_pb2.FieldDescriptorProto, f"TYPE_{name}")
        for name in ("BYTES", "FLOAT", "INT64", "STRING", "MESSAGE")
    }
    for name, kind in (("BytesList", "BYTES"), ("FloatList", "FLOAT"), ("Int64List", "INT64")):
        file.message_type.add(name=name).field.add(name="value", number=1, label=repeated, type=kinds[kind])
    feature = file.message_type.add(name="Feature")
    feature.oneof_decl.add(name="kind")
    one = {"label": optional, "type": kinds["MESSAGE"], "oneof_index": 0}
    for number, name in enumerate(("BytesList", "FloatList", "Int64List"), 1):
        field = f"{name.removesuffix('List').lower()}_list"
        feature.field.add(name=field, number=number, type_name=f".mainline.{name}", **one)
    features = file.message_type.add(name="Features")
    entry = features.nested_type.add(name="FeatureEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, label=optional, type=kinds["STRING"])
    entry.field.add(name="value", number=2, label=optional, type=kinds["MESSAGE"], type_name=".mainline.Feature")
    features.field.add(
        name="feature", number=1, label=repeated, type=kinds["MESSAGE"], type_name=".mainline.Features.FeatureEntry"
    )
    whole = file.message_type.add(name="Example")
    whole.field.add(name="features", number=1, label=optional, type=kinds["MESSAGE"], type_name=".mainline.Features")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("mainline.Example"))
