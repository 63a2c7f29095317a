"""A schema of TensorFlow Data Validation, as Protobuf text, turned into an expectation suite.

The messages are those of `tensorflow_metadata/proto/v0/schema.proto`, as far as a suite has an equal; what has none is
listed and not dropped in silence.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from mainline.errors import DataError

KINDS = {"BYTES": "text", "INT": "integer", "FLOAT": "number"}
# Fields of a feature that become expectations, or need none.
TAKEN = {
    *("name", "type", "presence", "domain", "string_domain", "int_domain", "float_domain", "bool_domain"),
    *("value_count", "shape", "distribution_constraints", "lifecycle_stage", "annotation", "deprecated"),
}
ELSEWHERE = {
    "skew_comparator": "the overlap of the training and the holdout is in the report",
    "drift_comparator": "monitor.drift measures drift",
    "not_in_environment": "the label is prepare.label, and is not asked of a request",
    "in_environment": "the label is prepare.label, and is not asked of a request",
}
RETIRED = ("DEPRECATED", "PLANNED", "ALPHA", "DEBUG_ONLY", "DISABLED")  # TFDV does not validate these


@dataclass(frozen=True)
class Suite:
    """`text` is the file's content; `left_out` says what has no equal in it, a line each."""

    text: str
    left_out: list[str]


def suite(schema: str, table: str, source: str) -> Suite:
    """The suite of a table.

    Parameters
    ----------
    schema
        The text of `schema.pbtxt`.
    source
        What the schema is called in messages and in the suite's first line.

    Raises
    ------
    DataError
        Where the text is no such schema, or has no features.
    """
    found = parsed(schema, source)
    features = [each for each in found.feature if stage(each) not in RETIRED]
    if not features:
        raise DataError(f"{source} has no features: it is no schema of TensorFlow Data Validation")
    domains = {each.name: list(each.value) for each in found.string_domain}
    names = [each.name for each in features]
    rules: list[dict[str, Any]] = [
        {"type": "expect_table_columns_to_match_set", "kwargs": {"column_set": names, "exact_match": True}}
    ]
    left_out = [f"{each.name}: lifecycle_stage {stage(each)}" for each in found.feature if stage(each) in RETIRED]
    for each in features:
        rules += of_feature(each, domains, source)
        left_out += [f"{each.name}: {name}: {ELSEWHERE.get(name, 'a suite has no equal')}" for name in unknown(each)]
    head = f"# From {source}, a schema of TensorFlow Data Validation; from now on this file is the rule.\n"
    content = yaml.safe_dump({"name": table, "expectations": rules}, sort_keys=False, width=110, allow_unicode=True)
    return Suite(head + content, left_out)


def of_feature(feature: Any, domains: dict[str, list[str]], source: str) -> Iterator[dict[str, Any]]:
    name = feature.name
    kind = KINDS.get(feature.DESCRIPTOR.fields_by_name["type"].enum_type.values_by_number[feature.type].name)
    if kind and not feature.HasField("bool_domain"):
        yield {"type": "expect_column_kind_to_be", "kwargs": {"column": name, "kind": kind}}
    if feature.HasField("presence") and feature.presence.min_fraction > 0:
        share = feature.presence.min_fraction
        mostly = {} if share >= 1 else {"mostly": round(share, 6)}
        yield {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": name, **mostly}}
    values = list(feature.string_domain.value)
    if feature.domain:
        if feature.domain not in domains:
            raise DataError(f"{source}: the feature {name} has the domain {feature.domain}, which the schema lacks")
        values = domains[feature.domain]
    if feature.HasField("bool_domain"):
        domain = feature.bool_domain
        values = [each for each in (domain.true_value, domain.false_value) if each]
    if values:
        mass = feature.distribution_constraints.min_domain_mass
        mostly = {"mostly": round(mass, 6)} if feature.HasField("distribution_constraints") and mass < 1 else {}
        yield {"type": "expect_column_values_to_be_in_set", "kwargs": {"column": name, "value_set": values, **mostly}}
    for domain in (feature.int_domain, feature.float_domain):
        ends = {f"{end}_value": getattr(domain, end) for end in ("min", "max") if domain.HasField(end)}
        if ends:
            yield {"type": "expect_column_values_to_be_between", "kwargs": {"column": name, **ends}}


def stage(feature: Any) -> str:
    found: str = (
        feature.DESCRIPTOR.fields_by_name["lifecycle_stage"].enum_type.values_by_number[feature.lifecycle_stage].name
    )
    return found


def unknown(feature: Any) -> list[str]:
    """The names of the feature's fields that no expectation stands for, each once."""
    return [field.name for field, _ in feature.ListFields() if field.name not in TAKEN]


def parsed(text: str, source: str) -> Any:
    from google.protobuf import text_format

    try:
        # A newer schema has fields that no suite has an equal of.
        return text_format.Parse(text, schema_class()(), allow_unknown_field=True)
    except text_format.ParseError as error:
        raise DataError(f"{source} is no schema of TensorFlow Data Validation: {error}") from None


@functools.cache
def schema_class() -> Any:
    """The class of `Schema`, with the fields that are read or listed; in the text format their numbers do not count."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="mainline/tfdv.proto", package="tfdv", syntax="proto2")
    messages: dict[str, dict[str, str]] = {
        "Presence": {"min_fraction": "DOUBLE", "min_count": "INT64"},
        "ValueCount": {"min": "INT64", "max": "INT64"},
        "Dim": {"size": "INT64", "name": "STRING"},
        "Shape": {"dim": "*Dim"},
        "StringDomain": {"name": "STRING", "value": "*STRING"},
        "IntDomain": {"name": "STRING", "min": "INT64", "max": "INT64", "is_categorical": "BOOL"},
        "FloatDomain": {"name": "STRING", "min": "DOUBLE", "max": "DOUBLE", "disallow_nan": "BOOL"},
        "BoolDomain": {"name": "STRING", "true_value": "STRING", "false_value": "STRING"},
        "DistributionConstraints": {"min_domain_mass": "DOUBLE"},
        "Norm": {"threshold": "DOUBLE"},
        "Comparator": {"infinity_norm": "Norm", "jensen_shannon_divergence": "Norm"},
        "Unique": {"min": "INT64", "max": "INT64"},
        "Feature": {
            "name": "STRING", "deprecated": "BOOL", "presence": "Presence", "value_count": "ValueCount",
            "shape": "Shape", "type": "FeatureType", "domain": "STRING", "string_domain": "StringDomain",
            "int_domain": "IntDomain", "float_domain": "FloatDomain", "bool_domain": "BoolDomain",
            "distribution_constraints": "DistributionConstraints", "skew_comparator": "Comparator",
            "drift_comparator": "Comparator", "in_environment": "*STRING", "not_in_environment": "*STRING",
            "lifecycle_stage": "LifecycleStage", "unique_constraints": "Unique",
        },
        "Schema": {"feature": "*Feature", "string_domain": "*StringDomain", "default_environment": "*STRING"},
    }  # fmt: skip
    enums = {
        "FeatureType": ("TYPE_UNKNOWN", "BYTES", "INT", "FLOAT", "STRUCT"),
        "LifecycleStage": ("UNKNOWN_STAGE", "PLANNED", "ALPHA", "BETA", "PRODUCTION", "DEPRECATED", "DEBUG_ONLY",
                           "DISABLED"),
    }  # fmt: skip
    for name, values in enums.items():
        made = file.enum_type.add(name=name)
        for number, value in enumerate(values):
            made.value.add(name=value, number=number)
    for name, fields in messages.items():
        message = file.message_type.add(name=name)
        for number, (each, kind) in enumerate(fields.items(), 1):
            label = field.LABEL_REPEATED if kind.startswith("*") else field.LABEL_OPTIONAL
            kind = kind.removeprefix("*")
            if kind.isupper() or kind == "INT64":
                message.field.add(name=each, number=number, label=label, type=getattr(field, f"TYPE_{kind}"))
            else:
                type_ = field.TYPE_ENUM if kind in enums else field.TYPE_MESSAGE
                message.field.add(name=each, number=number, label=label, type=type_, type_name=f".tfdv.{kind}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("tfdv.Schema"))
