"""A schema of TensorFlow Data Validation becomes a suite that passes on its rows and finds what the schema forbids."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import yaml

from mainline.data.validation import tfdv
from mainline.errors import DataError
from tests.projects import Project, visits

SCHEMA = """\
feature { name: "visit" type: INT presence { min_fraction: 1.0 min_count: 1 } shape { dim { size: 1 } } }
feature { name: "at" presence { min_fraction: 1.0 } }
feature {
  name: "shop" type: BYTES domain: "shop" presence { min_fraction: 0.95 }
  distribution_constraints { min_domain_mass: 0.9 }
  skew_comparator { infinity_norm { threshold: 0.01 } }
}
feature { name: "minutes" type: FLOAT float_domain { min: 0.0 max: 240.0 } natural_language_domain { } }
feature { name: "pages" type: INT int_domain { min: 0 } unique_constraints { min: 1 max: 99 } }
feature { name: "old" type: INT lifecycle_stage: DEPRECATED }
string_domain { name: "shop" value: "north" value: "south" value: "east" }
default_environment: "TRAINING"
"""


def test_a_schema_becomes_a_suite_and_what_has_no_equal_is_listed() -> None:
    found = tfdv.suite(SCHEMA, "visits", "schema.pbtxt")
    rules = {
        (each["type"], each["kwargs"].get("column")): each["kwargs"]
        for each in yaml.safe_load(found.text)["expectations"]
    }
    columns = ["visit", "at", "shop", "minutes", "pages"]
    assert rules["expect_table_columns_to_match_set", None] == {"column_set": columns, "exact_match": True}
    assert rules["expect_column_kind_to_be", "pages"]["kind"] == "integer"
    assert rules["expect_column_values_to_not_be_null", "shop"]["mostly"] == 0.95
    assert rules["expect_column_values_to_be_in_set", "shop"]["mostly"] == 0.9
    assert rules["expect_column_values_to_be_between", "minutes"]["max_value"] == 240.0
    assert rules["expect_column_values_to_be_between", "pages"] == {"column": "pages", "min_value": 0}
    assert found.left_out == [
        "old: lifecycle_stage DEPRECATED",
        "shop: skew_comparator: the overlap of the training and the holdout is in the report",
        "pages: unique_constraints: a suite has no equal",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("feature { name: 'a' type: INT", "is no schema of TensorFlow Data Validation"),
        ("", "has no features"),
        ('feature { name: "a" domain: "b" }', "the feature a has the domain b, which the schema lacks"),
    ],
)
def test_a_text_that_is_no_schema_is_refused(text: str, said: str) -> None:
    with pytest.raises(DataError, match=f"schema.pbtxt.*{said}"):
        tfdv.suite(text, "visits", "schema.pbtxt")


@pytest.mark.slow
def test_a_run_holds_its_table_against_the_schema(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("schema.pbtxt", SCHEMA)
    there = project.mainline("suite", "schema.pbtxt", "--table", "visits")
    assert (there.status, "--replace" in there.err) == (2, True)
    done = project.mainline("suite", "schema.pbtxt", "--table", "visits", "--replace")
    assert (done.status, done.out) == (0, "data/expectations/visits.yaml\n"), done.err
    assert "not taken: pages: unique_constraints" in done.err
    assert project.run().status == 0
    rows: pd.DataFrame = visits()
    rows.loc[7, "minutes"] = 300.0
    project.data(rows)
    broken = project.run()
    assert broken.status == 3
    assert "minutes" in broken.err and "240" in broken.err
