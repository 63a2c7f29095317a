"""docs/outgrow.md: the tests that it names exist, and its examples are read as they stand."""

from __future__ import annotations

import re

import pytest
import yaml

from mainline.config.schema import Data
from mainline.data.sources import tfrecord
from tests.projects import TOP

PAGE = (TOP / "docs" / "outgrow.md").read_text(encoding="utf-8")
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
COMPONENTS = (
    "ExampleGen", "StatisticsGen", "SchemaGen", "ExampleValidator", "Transform", "Trainer", "Tuner", "Resolver",
    "Evaluator", "InfraValidator", "Pusher", "BulkInferrer", "ML Metadata",
)  # fmt: skip


@pytest.mark.parametrize("component", COMPONENTS)
def test_each_component_of_tfx_has_an_equal_that_a_test_shows(component: str) -> None:
    row = re.search(rf"^\| {component} \|.*\|$", PAGE, re.MULTILINE)
    assert row, f"docs/outgrow.md has no row for {component}"
    file, name = NAMED.findall(row[0])[0]
    assert (TOP / file).is_file(), file
    assert not name or re.search(rf"^def {name}\(", (TOP / file).read_text(encoding="utf-8"), re.MULTILINE), name


def test_the_example_of_a_source_is_one() -> None:
    (block,) = re.findall(r"^ *```yaml\n(.*?)^ *```", PAGE, re.MULTILINE | re.DOTALL)
    (source,) = Data(until="2026-02-01", **yaml.safe_load(block)).sources.values()
    assert source.path and tfrecord.is_tfrecord(source.path)
