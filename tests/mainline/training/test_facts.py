from __future__ import annotations

import json
from typing import Any

import pytest

from mainline.errors import ExternalError
from mainline.training import facts as module
from mainline.training.facts import Facts, facts_from_json, facts_to_json
from tests.mainline.facts import FACTS, facts

# As it was written before the facts had types: key for key, in this order.
FORMAT_1 = """{
  "format": 1,
  "created": "2026-03-02T10:00:00+00:00",
  "fingerprint": "ffffffff",
  "frame": "eeeeeeee",
  "parts": {
    "tables": {
      "visits": "a"
    },
    "clock": "2026-03-02T00:00:00+00:00",
    "prepare": {
      "function": "shop.frame:prepare",
      "features": {
        "numeric": [
          "minutes"
        ],
        "categorical": []
      }
    },
    "code": {
      "src/shop/frame.py": "aa"
    },
    "packages": {
      "numpy": "2.0"
    },
    "python": "3.11 x86_64",
    "task": "binary",
    "split": {
      "by": "time"
    },
    "train": {
      "threads": 1
    }
  },
  "commit": null,
  "clean": false,
  "task": "binary",
  "classes": [
    false,
    true
  ],
  "model": {
    "digest": "dddddddd",
    "bytes": 735020,
    "seconds": 16.846
  },
  "tables": {
    "version": 1,
    "tables": {
      "visits": {
        "name": "visits",
        "paths": [
          "data/raw/visits.csv"
        ],
        "format": "csv",
        "columns": {
          "visit": "BIGINT",
          "bought": "BOOLEAN",
          "at": "TIMESTAMP"
        },
        "delimiter": ",",
        "time": "at",
        "timezone": "UTC",
        "known_after": 3600000000,
        "known_ahead": false,
        "before": "2026-03-02T00:00:00+00:00",
        "digest": "a",
        "rows": 60,
        "start": "2026-01-01T00:00:00+00:00",
        "end": null
      }
    }
  },
  "rows": {
    "train": 40,
    "holdout": 20,
    "unlabelled": 5,
    "unlabelled cancelled": 2
  },
  "period": {
    "train_start": "2026-01-01T00:00:00+00:00"
  },
  "label_coverage": 0.75
}"""


def read(content: Any) -> Facts:
    return facts_from_json(json.dumps(content), "there/record.json")


@pytest.mark.parametrize("classes", [[False, True], [], ["large", "none"], [1, 2], [0.5, 1.0]])
def test_facts_are_read_as_they_were_written(classes: list[Any]) -> None:
    written = facts(classes=classes)
    found = facts_from_json(facts_to_json(written), "record.json")
    assert found == written
    assert [type(value) for value in found.classes] == [type(value) for value in classes]


def test_a_record_without_types_is_read_and_would_be_written_again_letter_for_letter() -> None:
    found = facts_from_json(FORMAT_1, "record.json")
    assert (found.commit, found.model.seconds, found.rows["unlabelled cancelled"]) == (None, 16.846, 2)
    assert found.tables["visits"].before is not None
    assert facts_to_json(found) == FORMAT_1


def test_columns_keep_their_order_as_a_csv_file_is_read_by_position() -> None:
    found = facts_from_json(facts_to_json(FACTS), "record.json")
    assert list(found.tables["visits"].columns) == ["visit", "bought", "at"]


def test_a_field_of_a_later_version_is_left_out() -> None:
    content = json.loads(FORMAT_1)
    content["seed"] = 7
    content["model"]["loss"] = 0.1
    content["parts"]["environment"] = {}
    content["tables"]["tables"]["visits"]["partition"] = "day"
    assert read(content) == facts_from_json(FORMAT_1, "record.json")


@pytest.mark.parametrize("whole", json.loads(FORMAT_1))
def test_each_field_is_needed_and_named_where_it_is_missing(whole: str) -> None:
    content = json.loads(FORMAT_1)
    del content[whole]
    with pytest.raises(ExternalError, match=rf"there/record\.json: .*{whole}"):
        read(content)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("model.bytes", "735020"),
        ("model.seconds", None),
        ("model", []),
        ("clean", "false"),
        ("commit", 7),
        ("classes", "ab"),
        ("rows.train", 1.5),
        ("parts.packages", ["numpy"]),
        ("tables.tables.visits.rows", "many"),
        ("tables.tables.visits.before", "yesterday"),
        ("tables.version", 2),
        ("tables", 1),
    ],
)
def test_a_damaged_field_is_named_with_its_file_and_what_to_do(path: str, value: Any) -> None:
    content = json.loads(FORMAT_1)
    *outer, last = path.split(".")
    place = content
    for name in outer:
        place = place[name]
    place[last] = value
    named = path.replace("tables.tables.", "tables.")
    with pytest.raises(ExternalError, match=rf"there/record\.json: .*\({named}: .*delete its folder and run again"):
        read(content)


@pytest.mark.parametrize("content", [{"format": 2}, {}, {**json.loads(FORMAT_1), "format": 2}])
def test_another_format_is_named(content: dict[str, Any]) -> None:
    with pytest.raises(ExternalError, match=rf"a record of format .*, this code reads {module.FORMAT}"):
        read(content)
